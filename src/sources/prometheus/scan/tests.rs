//! Texts that are cut, airy, hostile or right.

use super::*;
use proptest::prelude::*;

/// Hands a text out in pieces of this size.
struct Dripping<'t>(&'t [u8], usize);

impl Read for Dripping<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.1.min(self.0.len()).min(buffer.len());
        buffer[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

fn samples(text: &str, piece: usize) -> Result<Vec<(f64, f64)>, ScanError> {
    let mut samples = Vec::new();
    Scanner::new(Dripping(text.as_bytes(), piece)).samples(&mut samples)?;
    Ok(samples)
}

#[test]
fn samples_are_the_same_however_they_are_written_and_cut() {
    let tight = r#"[[1760000000,"0.07"],[1760000060.5,"1e-3"],[1760000120,"-2"]]"#;
    let airy = "[ [1760000000 , \"0.0\\u0037\"] ,\n[1760000060.5, \"1e-3\" ],[1760000120,\"-2\"] ]";
    let expected = [
        (1_760_000_000.0, 0.07),
        (1_760_000_060.5, 0.001),
        (1_760_000_120.0, -2.0),
    ];
    for piece in 1..tight.len() {
        assert_eq!(samples(tight, piece).unwrap(), expected, "pieces of {piece}");
        assert_eq!(samples(airy, piece).unwrap(), expected, "pieces of {piece}");
    }
    assert!(samples("[]", 1).unwrap().is_empty());
}

#[test]
fn what_is_no_sample_is_refused() {
    for text in [
        r#"[[1,2]]"#,
        r#"[["1","2"]]"#,
        r#"[[1,"x"]]"#,
        r#"[[1,"2"],]"#,
        r#"[[1,"2" "3"]]"#,
        r#"[[1,"2"][1,"2"]]"#,
    ] {
        assert!(matches!(samples(text, 64), Err(ScanError::Syntax { .. })), "{text}");
    }
}

#[test]
fn a_text_of_brackets_ends() {
    let deep = "[".repeat(1 << 20);
    let mut scanner = Scanner::new(deep.as_bytes());
    assert!(matches!(scanner.skip(), Err(ScanError::Syntax { .. })));
}

proptest! {
    #[test]
    fn a_string_is_read_as_serde_json_reads_it(text in any::<String>(), piece in 1_usize..40) {
        let written = serde_json::to_string(&text).unwrap();
        let mut scanner = Scanner::new(Dripping(written.as_bytes(), piece));
        prop_assert_eq!(scanner.string().unwrap(), text);
    }

    #[test]
    fn what_is_json_is_skipped(text in r#"[\[\]{}",:0-9a-t\\ .-]{0,12}"#) {
        // Never a panic, and nothing that is JSON is refused.
        let skipped = Scanner::new(text.as_bytes()).skip().is_ok();
        prop_assert!(skipped || serde_json::from_str::<serde::de::IgnoredAny>(&text).is_err());
    }

    #[test]
    fn values_are_read_as_they_were_written(values in prop::collection::vec(any::<f64>(), 1..50)) {
        let listed: Vec<String> = values.iter().map(|value| format!("[1760000000.25,\"{value}\"]")).collect();
        let read = samples(&format!("[{}]", listed.join(",")), 4096).unwrap();
        let bits = |value: f64| if value.is_nan() { u64::MAX } else { value.to_bits() };
        for ((_, read), written) in read.iter().zip(&values) {
            prop_assert_eq!(bits(*read), bits(*written));
        }
    }
}
