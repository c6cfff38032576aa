//! The frames of a streamed answer: a length, a checksum, a message.

use std::io::{self, BufRead, BufReader, Read};

use bytes::Bytes;

/// The largest frame that is taken. Prometheus cuts at one MiB (`--storage.remote.read-max-bytes-in-frame`), after a whole chunk.
const LARGEST: u64 = 64 << 20;

/// What most frames fit into.
const USUAL: u64 = 2 << 20;

/// Why there is no next frame.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    #[error("the answer was cut short within a frame")]
    Truncated,
    #[error("a frame of {0} bytes is longer than any server's")]
    TooLong(u64),
    #[error("a frame's checksum is wrong")]
    Checksum,
    #[error(transparent)]
    Io(io::Error),
}

/// Frames, one after the other.
pub(super) struct Frames<R> {
    input: BufReader<R>,
}

impl<R: Read> Frames<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input: BufReader::with_capacity(128 << 10, input),
        }
    }

    /// The next frame's message; nothing at the answer's end, which may only be between frames.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, FrameError> {
        if self.is_at_end()? {
            return Ok(None);
        }
        let length = self.length()?;
        if length > LARGEST {
            return Err(FrameError::TooLong(length));
        }
        let mut checksum = [0; 4];
        self.input.read_exact(&mut checksum).map_err(cut)?;
        // A length that lies takes no more memory than there are bytes, and a usual one is taken at once.
        let mut message = Vec::with_capacity(length.min(USUAL) as usize);
        let read = (&mut self.input).take(length).read_to_end(&mut message);
        if (read.map_err(cut)? as u64) < length {
            return Err(FrameError::Truncated);
        }
        if crc32c::crc32c(&message) != u32::from_be_bytes(checksum) {
            return Err(FrameError::Checksum);
        }
        Ok(Some(message.into()))
    }

    fn is_at_end(&mut self) -> Result<bool, FrameError> {
        loop {
            match self.input.fill_buf() {
                Ok(rest) => return Ok(rest.is_empty()),
                // As readers of whole pieces do, and this one does not.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(FrameError::Io(error)),
            }
        }
    }

    fn length(&mut self) -> Result<u64, FrameError> {
        let mut length = 0;
        for shift in (0..63).step_by(7) {
            let mut byte = [0];
            self.input.read_exact(&mut byte).map_err(cut)?;
            length |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] < 0x80 {
                return Ok(length);
            }
        }
        Err(FrameError::TooLong(u64::MAX))
    }
}

fn cut(error: io::Error) -> FrameError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => FrameError::Truncated,
        _ => FrameError::Io(error),
    }
}

/// A message in its frame.
#[cfg(test)]
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    prost::encoding::encode_varint(message.len() as u64, &mut frame);
    frame.extend(crc32c::crc32c(message).to_be_bytes());
    frame.extend(message);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<Bytes>, FrameError> {
        let mut frames = Frames::new(bytes);
        let mut found = Vec::new();
        while let Some(frame) = frames.next()? {
            found.push(frame);
        }
        Ok(found)
    }

    #[test]
    fn frames_come_one_after_the_other_and_a_cut_is_told() {
        let messages: [&[u8]; 3] = [b"one", &[7; 300], b""];
        let bytes: Vec<u8> = messages.iter().flat_map(|message| framed(message)).collect();
        assert_eq!(all(&bytes).unwrap(), messages);
        let ends: Vec<usize> = messages
            .iter()
            .scan(0, |end, message| {
                *end += framed(message).len();
                Some(*end)
            })
            .collect();
        for end in 1..bytes.len() {
            let outcome = all(&bytes[..end]);
            match ends.contains(&end) {
                true => assert!(outcome.is_ok()),
                false => assert!(matches!(outcome, Err(FrameError::Truncated)), "cut at {end}"),
            }
        }
    }

    /// Every other read is interrupted.
    struct Interrupted<'b>(&'b [u8], bool);

    impl Read for Interrupted<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            match self.1 {
                true => Err(io::ErrorKind::Interrupted.into()),
                false => self.0.read(buffer),
            }
        }
    }

    #[test]
    fn an_interruption_is_no_end_and_no_error() {
        let bytes = [framed(b"one"), framed(b"another")].concat();
        let mut frames = Frames::new(Interrupted(&bytes, false));
        assert_eq!(frames.next().unwrap().unwrap(), "one");
        assert_eq!(frames.next().unwrap().unwrap(), "another");
        assert!(frames.next().unwrap().is_none());
    }

    #[test]
    fn the_checksum_is_castagnolis() {
        // RFC 3720, appendix B.4: 32 bytes of zero.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        let mut frame = framed(b"a message");
        *frame.last_mut().unwrap() ^= 1;
        assert!(matches!(all(&frame), Err(FrameError::Checksum)));
    }

    #[test]
    fn an_error_page_behind_the_frames_is_no_frame() {
        let mut bytes = framed(b"a message");
        bytes.extend(b"opening a block: no space left on device\n");
        assert!(all(&bytes).is_err());
        let lying = [0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0];
        assert!(matches!(all(&lying), Err(FrameError::TooLong(_))));
        let endless = [0xff; 20];
        assert!(matches!(all(&endless), Err(FrameError::TooLong(_))));
    }
}
