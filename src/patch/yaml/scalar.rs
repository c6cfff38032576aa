//! Scalars as text: plain where every reader takes them for what they are, else quoted.

use serde_json::{Number, Value};

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quote {
    /// As it is, where that can be.
    Plain,
    /// In single quotes, where that can be.
    Single,
    /// In double quotes.
    Double,
}

/// A scalar, or an empty collection, in one line.
pub(super) fn inline(value: &Value, quote: Quote, flow: bool) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => self::number(number),
        Value::String(text) => self::text(text, quote, flow),
        Value::Array(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
    }
}

/// A number that YAML 1.1 reads as one, too: an exponent has a point before it and a sign.
fn number(number: &Number) -> String {
    let text = number.to_string();
    let Some((digits, exponent)) = text.split_once('e') else {
        return text;
    };
    let point = if digits.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['-', '+']) { "" } else { "+" };
    format!("{digits}{point}e{sign}{exponent}")
}

/// A text in one line.
pub(super) fn text(text: &str, quote: Quote, flow: bool) -> String {
    let printable = text.chars().all(is_printable);
    match quote {
        Quote::Plain if is_plain(text, flow) => text.to_owned(),
        Quote::Plain if printable && text.contains(['"', '\\']) => single(text),
        Quote::Single if printable => single(text),
        _ => double(text),
    }
}

fn single(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// In double quotes, as JSON takes it, too.
fn double(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_printable(c) => out.push(c),
            c => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
    out
}

/// Whether it can stand in a line as it is: YAML's printable characters without line breaks, tabs and byte-order marks.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}

/// Whether a text written without quotes is that text to readers of YAML 1.1 and 1.2; Go's readers end a plain text in a flow
/// collection at a question mark.
fn is_plain(text: &str, flow: bool) -> bool {
    let Some(first) = text.chars().next() else {
        return false;
    };
    let leads = match first {
        '-' | ':' => {
            let second = text[1..].chars().next();
            second.is_some_and(|c| c != ' ' && !(flow && ",[]{}".contains(c)))
        }
        c => !",[]{}#&*!|>'\"%@` =?".contains(c),
    };
    leads
        && text.chars().all(is_printable)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.starts_with("---")
        && !text.starts_with("...")
        && !text.contains("{{")
        && !(flow && text.contains([',', '[', ']', '{', '}', ':', '?']))
        && !is_other(text)
}

/// Whether a plain text is a null, truth, number, time or merge key to some reader.
fn is_other(text: &str) -> bool {
    const WORDS: [&str; 13] = [
        "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", "<<", "nan", "inf",
    ];
    let lower = text.to_ascii_lowercase();
    let unsigned = lower.strip_prefix(['+', '-']).unwrap_or(&lower);
    WORDS.contains(&lower.as_str())
        || matches!(unsigned, ".inf" | ".nan" | "inf" | "infinity")
        || is_number(unsigned)
        || is_sexagesimal(unsigned)
        || is_date(&lower)
        || serde_saphyr::from_str::<Value>(text)
            .ok()
            .as_ref()
            .and_then(Value::as_str)
            != Some(text)
}

/// Go's readers take underscores out first, and a sign behind `0o`.
fn is_number(text: &str) -> bool {
    let bare = text.replace('_', "");
    let all = |digits: &str, of: fn(&char) -> bool| digits.chars().all(|c| of(&c));
    if let Some(rest) = bare.strip_prefix("0x") {
        return all(rest, char::is_ascii_hexdigit);
    }
    if let Some(rest) = bare.strip_prefix("0o").or_else(|| bare.strip_prefix("0b")) {
        return all(rest.trim_start_matches(['+', '-']), char::is_ascii_digit);
    }
    let (mantissa, exponent) = bare.split_once('e').unwrap_or((&bare, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    [whole, part, exponent]
        .iter()
        .all(|digits| all(digits, char::is_ascii_digit))
        && mantissa.len() > usize::from(mantissa.contains('.'))
        && !exponent.is_empty()
}

/// `12:30:45` is a number of seconds to YAML 1.1.
fn is_sexagesimal(text: &str) -> bool {
    let mut parts = text.split(':');
    let digits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit() || c == '_');
    let base = parts.next().is_some_and(digits);
    let sixty = |part: &str| digits(part.split('.').next().unwrap_or(part)) && !part.starts_with('.');
    base && text.contains(':') && parts.all(sixty)
}

/// `2001-01-01`, with or without a time behind it.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let mut leading = || {
        parts
            .next()
            .map_or(0, |part| part.chars().take_while(char::is_ascii_digit).count())
    };
    leading() == 4 && leading() > 0 && leading() > 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_readers_of_yaml_1_1_take_for_something_else_is_quoted() {
        let others = [
            "yes",
            "No",
            "on",
            "OFF",
            "y",
            "n",
            "true",
            "null",
            "~",
            "",
            "1",
            "-1",
            "+1",
            "0x1f",
            "0o17",
            "0b1",
            "017",
            "1_000",
            "0_x1f",
            "0o-4",
            "1e3",
            "1.",
            ".5",
            "-.inf",
            ".NaN",
            "2001-01-01",
            "2001-1-1 10:00:00",
            "12:30:45",
            "1:30",
            "<<",
            "=",
            "a: b",
            "a:",
            "a #b",
            "#a",
            "- a",
            "-",
            "? a",
            "?a",
            "@a",
            "`a",
            "%a",
            "*a",
            "&a",
            "!a",
            "|",
            ">",
            "[a",
            "{a",
            "a\nb",
            " a",
            "a ",
            "\ta",
            "---",
            "'a'",
            "\"a\"",
            "{{ .Values.x }}",
            "\u{feff}a",
            "a\u{85}b",
        ];
        for text in others {
            let written = super::text(text, Quote::Plain, false);
            assert!(written.starts_with(['"', '\'']), "{text:?} is written {written}");
            let read: Value = serde_saphyr::from_str(&written).unwrap();
            assert_eq!(read, json!(text), "{written}");
        }
    }

    #[test]
    fn what_cannot_be_taken_for_something_else_stays_plain() {
        let plain = [
            "a",
            "500m",
            "16Gi",
            "1.2.3",
            "--model",
            "-x",
            "nvidia.com/gpu",
            "http://a:80/b",
            "a#b",
            "v1",
            "10.0.0.1:80",
            "meta-llama/Llama-3",
            "é",
            "a, b",
            "1h",
            "2001-01",
            "8x",
            "a'b",
            "e5",
        ];
        for text in plain {
            assert_eq!(super::text(text, Quote::Plain, false), text);
        }
        assert_eq!(super::text("a, b", Quote::Plain, true), "\"a, b\"");
        assert_eq!(super::text("a:80", Quote::Plain, true), "\"a:80\"");
        assert_eq!(super::text("a?b", Quote::Plain, true), "\"a?b\"");
    }

    #[test]
    fn quotes_are_kept_where_they_can_be() {
        assert_eq!(super::text("it's", Quote::Single, false), "'it''s'");
        assert_eq!(super::text("a\tb", Quote::Single, false), "\"a\\tb\"");
        assert_eq!(super::text("say \"x\": y", Quote::Plain, false), "'say \"x\": y'");
        assert_eq!(
            super::text("\u{1}\u{e000}", Quote::Double, false),
            "\"\\u0001\u{e000}\""
        );
    }

    #[test]
    fn a_number_is_one_to_every_reader() {
        assert_eq!(inline(&json!(1e100), Quote::Plain, false), "1.0e+100");
        assert_eq!(inline(&json!(2.5e-9), Quote::Plain, false), "2.5e-9");
        assert_eq!(inline(&json!(4), Quote::Double, false), "4");
    }

    proptest! {
        #[test]
        fn every_text_is_read_as_it_was_meant(text in any::<String>(), short in "[-?:,\\[\\]{}#&*!|>'\"%@` ~0-9a-fxo._+=yn]{0,5}") {
            for text in [&text, &short] {
                for quote in [Quote::Plain, Quote::Single, Quote::Double] {
                    let block = format!("k: {}\n", super::text(text, quote, false));
                    let flow = format!("[{}, {{a: {}}}]", super::text(text, quote, true), super::text(text, quote, true));
                    prop_assert_eq!(serde_saphyr::from_str::<Value>(&block).unwrap(), json!({ "k": text }));
                    prop_assert_eq!(serde_saphyr::from_str::<Value>(&flow).unwrap(), json!([text, { "a": text }]));
                }
            }
        }
    }
}
