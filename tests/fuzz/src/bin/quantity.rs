//! Kubernetes' quantities: what two spellings of one amount say is the same, and no text is infinitely much.

#![no_main]

use gpuwise::sources::kubernetes::quantity::parse;
use libfuzzer_sys::fuzz_target;

/// A suffix and the decimal exponent that says the same.
const SAME: [(&str, &str); 9] = [
    ("n", "e-9"),
    ("u", "e-6"),
    ("m", "e-3"),
    ("k", "e3"),
    ("M", "e6"),
    ("G", "E9"),
    ("T", "e12"),
    ("P", "e15"),
    ("E", "e18"),
];

fuzz_target!(|text: &str| {
    let Some(amount) = parse(text) else {
        for (suffix, _) in SAME {
            let with = format!("{text}{suffix}");
            // Only a number may have a suffix; an exponent's letter needs its digits.
            assert!(
                parse(&with).is_none() || text.is_empty() || text.ends_with(|c: char| c.is_ascii_digit() || c == '.')
            );
        }
        return;
    };
    assert!(amount.is_finite(), "{text}");
    assert!(text.bytes().any(|byte| byte.is_ascii_digit()), "{text}");
    assert!(
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)),
        "{text}"
    );
    for wrong in [
        format!(" {text}"),
        format!("{text} "),
        format!("{text}q"),
        format!("{text}\n"),
        format!("{text}_0"),
    ] {
        assert_eq!(parse(&wrong), None, "{wrong:?}");
    }
    let unsigned = text.trim_start_matches(['+', '-']);
    let bits = |amount: Option<f64>| amount.map(|amount| amount.abs().to_bits());
    assert_eq!(bits(parse(unsigned)), bits(Some(amount)), "{text}");
    assert_eq!(bits(parse(&format!("-{unsigned}"))), bits(Some(amount)), "{text}");
    assert_eq!(bits(parse(&format!("000{unsigned}"))), bits(Some(amount)), "{text}");
    if text.ends_with(|c: char| c.is_ascii_digit()) && !text.contains(['e', 'E']) {
        for (suffix, exponent) in SAME {
            assert_eq!(
                parse(&format!("{text}{suffix}")),
                parse(&format!("{text}{exponent}")),
                "{text}{suffix}"
            );
        }
        let kibi = parse(&format!("{text}Ki"));
        let scaled = amount * 1024.0;
        assert_eq!(kibi, Some(scaled).filter(|scaled| scaled.is_finite()), "{text}Ki");
    }
});
