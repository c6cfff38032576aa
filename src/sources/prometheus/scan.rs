//! JSON read in pieces, for answers of gigabytes: memory is that of a buffer, and samples are parsed where they lie in it.

use std::io::{self, Read};

use super::sample::{LONGEST, sample};

/// Bytes that are read ahead. A sample is some thirty bytes, so that nearly all of them lie in the buffer as a whole.
const BUFFER: usize = 128 << 10;

/// Lists and objects within each other; no answer has more than eight.
const DEPTH: usize = 64;

/// The longest string that is taken. Labels have hundreds of bytes.
const STRING: usize = 8 << 20;

/// Samples of one series, at most. Servers give some ten thousand points at once, and scrape no more often than every second
/// in such a time.
const SAMPLES: usize = 1 << 20;

/// Bytes of one answer, at most: dozens of times what is asked for at once. Tests need not wait for so many.
const BODY: u64 = if cfg!(test) { 32 << 20 } else { 64 << 30 };

/// Why a text cannot be scanned.
#[derive(Debug, thiserror::Error)]
pub(super) enum ScanError {
    /// It ends too early.
    #[error("it ends early")]
    Eof,
    /// It cannot be read.
    #[error(transparent)]
    Io(io::Error),
    /// It is not what was expected.
    #[error("{what} at byte {byte}")]
    Syntax {
        /// What is wrong.
        what: String,
        /// Where.
        byte: u64,
    },
}

/// A place in a JSON text.
pub(super) struct Scanner<R> {
    input: R,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    /// Bytes of the text before the buffer.
    before: u64,
}

impl<R: Read> Scanner<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            buffer: vec![0; BUFFER],
            at: 0,
            end: 0,
            before: 0,
        }
    }

    /// Reads more behind what is left; false at the text's end.
    fn more(&mut self) -> Result<bool, ScanError> {
        self.buffer.copy_within(self.at..self.end, 0);
        self.before += self.at as u64;
        self.end -= self.at;
        self.at = 0;
        if self.before > BODY {
            return Err(self.wrong("an answer without end"));
        }
        loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Ok(false),
                Ok(read) => {
                    self.end += read;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ScanError::Io(error)),
            }
        }
    }

    pub(super) fn wrong(&self, what: impl Into<String>) -> ScanError {
        ScanError::Syntax {
            what: what.into(),
            byte: self.before + self.at as u64,
        }
    }

    fn byte(&mut self) -> Result<u8, ScanError> {
        if self.at == self.end && !self.more()? {
            return Err(ScanError::Eof);
        }
        let byte = self.buffer[self.at];
        self.at += 1;
        Ok(byte)
    }

    /// The next byte that is no white space, left in place.
    pub(super) fn peek(&mut self) -> Result<u8, ScanError> {
        loop {
            if self.at == self.end && !self.more()? {
                return Err(ScanError::Eof);
            }
            match self.buffer[self.at] {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                byte => return Ok(byte),
            }
        }
    }

    /// Takes this byte.
    fn expect(&mut self, wanted: u8) -> Result<(), ScanError> {
        let found = self.peek()?;
        if found != wanted {
            return Err(self.wrong(format!(
                "`{}` where `{}` belongs",
                found.escape_ascii(),
                char::from(wanted)
            )));
        }
        self.at += 1;
        Ok(())
    }

    /// Whether nothing but white space is left.
    pub(super) fn at_end(&mut self) -> Result<bool, ScanError> {
        match self.peek() {
            Ok(_) => Ok(false),
            Err(ScanError::Eof) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Walks an object, member by member; `visit` must take the member's value.
    pub(super) fn object(
        &mut self,
        mut visit: impl FnMut(&mut Self, String) -> Result<(), ScanError>,
    ) -> Result<(), ScanError> {
        self.expect(b'{')?;
        self.members(b'}', |scanner| {
            let name = scanner.string()?;
            scanner.expect(b':')?;
            visit(scanner, name)
        })
    }

    /// Walks a list; `visit` must take each element.
    pub(super) fn list(&mut self, visit: impl FnMut(&mut Self) -> Result<(), ScanError>) -> Result<(), ScanError> {
        self.expect(b'[')?;
        self.members(b']', visit)
    }

    fn members(
        &mut self,
        close: u8,
        mut visit: impl FnMut(&mut Self) -> Result<(), ScanError>,
    ) -> Result<(), ScanError> {
        if self.peek()? == close {
            self.at += 1;
            return Ok(());
        }
        loop {
            visit(self)?;
            match self.peek()? {
                b',' => self.at += 1,
                byte if byte == close => {
                    self.at += 1;
                    return Ok(());
                }
                byte => return Err(self.wrong(format!("`{}` between members", byte.escape_ascii()))),
            }
        }
    }

    /// A string.
    pub(super) fn string(&mut self) -> Result<String, ScanError> {
        self.expect(b'"')?;
        let mut text = Vec::new();
        loop {
            let rest = &self.buffer[self.at..self.end];
            let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
            text.extend_from_slice(&rest[..plain.unwrap_or(rest.len())]);
            self.at += plain.unwrap_or(rest.len());
            if text.len() > STRING {
                return Err(self.wrong("a string of megabytes"));
            }
            match self.byte()? {
                b'"' => return String::from_utf8(text).map_err(|_| self.wrong("a string that is not UTF-8")),
                b'\\' => self.escape(&mut text)?,
                0..0x20 => return Err(self.wrong("a control character in a string")),
                // The buffer ended before this one.
                byte => text.push(byte),
            }
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>) -> Result<(), ScanError> {
        let plain = match self.byte()? {
            byte @ (b'"' | b'\\' | b'/') => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let first = self.code_unit()?;
                let mut units = vec![first];
                if (0xd800..0xdc00).contains(&first) {
                    if (self.byte()?, self.byte()?) != (b'\\', b'u') {
                        return Err(self.wrong("half a surrogate pair"));
                    }
                    units.push(self.code_unit()?);
                }
                let decoded = String::from_utf16(&units).map_err(|_| self.wrong("half a surrogate pair"))?;
                text.extend_from_slice(decoded.as_bytes());
                return Ok(());
            }
            _ => return Err(self.wrong("an unknown escape")),
        };
        text.push(plain);
        Ok(())
    }

    fn code_unit(&mut self) -> Result<u16, ScanError> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = char::from(self.byte()?).to_digit(16);
            let digit = digit.ok_or_else(|| self.wrong("an escape that is not hexadecimal"))?;
            unit = unit << 4 | digit as u16;
        }
        Ok(unit)
    }

    /// A number, true, false or null, as text.
    fn scalar(&mut self) -> Result<String, ScanError> {
        self.peek()?;
        let mut text = String::new();
        loop {
            if self.at == self.end && !self.more()? {
                return Ok(text);
            }
            match self.buffer[self.at] {
                byte @ (b'0'..=b'9' | b'a'..=b'z' | b'E' | b'+' | b'-' | b'.') if text.len() < LONGEST => {
                    text.push(char::from(byte));
                    self.at += 1;
                }
                _ => return Ok(text),
            }
        }
    }

    /// A number, bare or as a string, which may be NaN or infinite.
    pub(super) fn number(&mut self) -> Result<f64, ScanError> {
        let text = match self.peek()? {
            b'"' => self.string()?,
            _ => self.scalar()?,
        };
        if self.at_end()? {
            return Err(ScanError::Eof);
        }
        text.parse()
            .map_err(|_| self.wrong(format!("`{text}` is not a number")))
    }

    /// Null, which is taken; false leaves everything in place.
    pub(super) fn null(&mut self) -> Result<bool, ScanError> {
        if self.peek()? != b'n' {
            return Ok(false);
        }
        self.skip()?;
        Ok(true)
    }

    /// Takes a value, whatever it is.
    pub(super) fn skip(&mut self) -> Result<(), ScanError> {
        self.skip_at(0)
    }

    fn skip_at(&mut self, depth: usize) -> Result<(), ScanError> {
        if depth > DEPTH {
            return Err(self.wrong("lists within lists without end"));
        }
        match self.peek()? {
            b'{' => self.object(|scanner, _| scanner.skip_at(depth + 1)),
            b'[' => self.list(|scanner| scanner.skip_at(depth + 1)),
            b'"' => self.string().map(|_| ()),
            _ => {
                let text = self.scalar()?;
                let known = matches!(text.as_str(), "true" | "false" | "null") || text.parse::<f64>().is_ok();
                match known {
                    true => Ok(()),
                    // What is cut within a word may have been one.
                    false if self.at_end()? => Err(ScanError::Eof),
                    false => Err(self.wrong("neither a value nor a number")),
                }
            }
        }
    }

    /// `[[time, "value"], ...]`, appended to `samples`.
    pub(super) fn samples(&mut self, samples: &mut Vec<(f64, f64)>) -> Result<(), ScanError> {
        self.expect(b'[')?;
        // Straight through what lies in the buffer in the form in which servers write it.
        loop {
            while let Some((sample, length, last)) = sample(&self.buffer[self.at..self.end]) {
                samples.push(sample);
                self.at += length;
                if last {
                    return Ok(());
                }
            }
            self.counted(samples)?;
            if self.end - self.at >= LONGEST || !self.more()? {
                break;
            }
        }
        self.members(b']', |scanner| {
            scanner.counted(samples)?;
            samples.push(scanner.sample()?);
            Ok(())
        })
    }

    /// Sees that samples come to an end.
    fn counted(&self, samples: &[(f64, f64)]) -> Result<(), ScanError> {
        match samples.len() > SAMPLES {
            true => Err(self.wrong("a series of more samples than anybody asked for")),
            false => Ok(()),
        }
    }

    /// `[time, "value"]`, however it is written.
    pub(super) fn sample(&mut self) -> Result<(f64, f64), ScanError> {
        self.expect(b'[')?;
        let time = self.scalar()?;
        if self.at_end()? {
            return Err(ScanError::Eof);
        }
        let time = time.parse().map_err(|_| self.wrong(format!("`{time}` is no time")))?;
        self.expect(b',')?;
        let value = self.string()?;
        let value = value
            .parse()
            .map_err(|_| self.wrong(format!("`{value}` is not a number")))?;
        self.expect(b']')?;
        Ok((time, value))
    }
}

#[cfg(test)]
mod tests;
