//! Indented JSON whose numbers stand beside one another where there are many: a history of a thousand figures is no thousand lines.

use std::io::{Result, Write};

use serde_json::ser::{Formatter, PrettyFormatter};

/// As [`PrettyFormatter`], but arrays of numbers, `null` among them, stand on one line.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pretty: PrettyFormatter<'static>,
    depth: usize,
    /// Of each open array, whether what came last in it stands on its line.
    inline: Vec<bool>,
    /// A value of an array is about to be written, its first or a later one, and where is not decided.
    waiting: Option<bool>,
}

impl Lines {
    fn indent<W: ?Sized + Write>(&self, writer: &mut W) -> Result<()> {
        writer.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| writer.write_all(b"  "))
    }

    /// What comes is a number or `null`, and stays on the line.
    fn stay<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        let Some(first) = self.waiting.take() else {
            return Ok(());
        };
        if let Some(inline) = self.inline.last_mut() {
            *inline = true;
        }
        writer.write_all(if first { b"" } else { b", " })
    }

    /// What comes is anything else, and has a line of its own.
    fn fall<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        let Some(first) = self.waiting.take() else {
            return Ok(());
        };
        if let Some(inline) = self.inline.last_mut() {
            *inline = false;
        }
        writer.write_all(if first { b"" } else { b"," })?;
        self.indent(writer)
    }
}

macro_rules! stay {
    ($($name:ident($kind:ty)),*) => {
        $(fn $name<W: ?Sized + Write>(&mut self, writer: &mut W, value: $kind) -> Result<()> {
            self.stay(writer)?;
            self.pretty.$name(writer, value)
        })*
    };
}

impl Formatter for Lines {
    stay!(
        write_i8(i8),
        write_i16(i16),
        write_i32(i32),
        write_i64(i64),
        write_u8(u8),
        write_u16(u16),
        write_u32(u32),
        write_u64(u64),
        write_f32(f32),
        write_f64(f64),
        write_number_str(&str)
    );

    fn write_null<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.stay(writer)?;
        self.pretty.write_null(writer)
    }

    fn write_bool<W: ?Sized + Write>(&mut self, writer: &mut W, value: bool) -> Result<()> {
        self.fall(writer)?;
        self.pretty.write_bool(writer, value)
    }

    fn begin_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.fall(writer)?;
        self.pretty.begin_string(writer)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.fall(writer)?;
        self.depth += 1;
        // An empty array closes where it opened.
        self.inline.push(true);
        writer.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.depth -= 1;
        if !self.inline.pop().unwrap_or(true) {
            self.indent(writer)?;
        }
        writer.write_all(b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, _: &mut W, first: bool) -> Result<()> {
        self.waiting = Some(first);
        Ok(())
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> Result<()> {
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.fall(writer)?;
        self.depth += 1;
        // An empty object closes where it opened.
        self.inline.push(true);
        writer.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.depth -= 1;
        if !self.inline.pop().unwrap_or(true) {
            self.indent(writer)?;
        }
        writer.write_all(b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> Result<()> {
        if let Some(inline) = self.inline.last_mut() {
            *inline = false;
        }
        writer.write_all(if first { b"" } else { b"," })?;
        self.indent(writer)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        writer.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::{Serializer, Value, json};

    use super::*;

    fn lines(value: &Value) -> String {
        let mut bytes = Vec::new();
        value
            .serialize(&mut Serializer::with_formatter(&mut bytes, Lines::default()))
            .unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_has_no_numbers_in_arrays_is_as_it_always_was() {
        let value = json!({"a": {"b": 1.5, "c": null, "d": {}}, "e": [], "f": ["x", true, {"g": [["y"], {}]}]});
        assert_eq!(lines(&value), serde_json::to_string_pretty(&value).unwrap());
    }

    #[test]
    fn numbers_stand_beside_one_another() {
        let value = json!({"a": [1.5, null, -3], "b": [[1], [2, 3]], "c": [1, "x", 2]});
        let text = lines(&value);
        assert!(text.contains("\"a\": [1.5, null, -3],\n"), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
