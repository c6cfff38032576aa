//! Kubernetes quantities: `500m`, `64Gi`, `1e3`.

/// The amount that a quantity says, rounded once, to the nearest `f64`; `None` where it is none.
///
/// Grammar: a signed decimal number, then a decimal suffix (`n u m k M G T P E`), a binary one (`Ki` to `Ei`) or a decimal
/// exponent (`e3`, `E-2`). A lone `E` is exa.
pub fn parse(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = unsigned
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(unsigned.len());
    let (digits, suffix) = unsigned.split_at(end);
    if !digits.contains(|c: char| c.is_ascii_digit()) || digits.matches('.').count() > 1 {
        return None;
    }
    let number = &text[..text.len() - suffix.len()];
    let value = match binary_power(suffix) {
        // A power of two moves the point only, so that the product is rounded no second time.
        Some(power) => number.parse::<f64>().ok()? * 2f64.powi(power),
        None => format!("{number}e{}", decimal_power(suffix)?).parse().ok()?,
    };
    value.is_finite().then_some(value)
}

fn binary_power(suffix: &str) -> Option<i32> {
    let step = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].iter().position(|s| *s == suffix)?;
    Some(10 * (i32::try_from(step).ok()? + 1))
}

fn decimal_power(suffix: &str) -> Option<i32> {
    let power = match suffix {
        "n" => -9,
        "u" => -6,
        "m" => -3,
        "" => 0,
        "k" => 3,
        "M" => 6,
        "G" => 9,
        "T" => 12,
        "P" => 15,
        "E" => 18,
        exponent => exponent.strip_prefix(['e', 'E'])?.parse().ok()?,
    };
    Some(power)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn every_suffix_has_its_power() {
        for (text, value) in [
            ("8", 8.0),
            ("500m", 0.5),
            ("0.1", 0.1),
            ("100m", 0.1),
            ("64000m", 64.0),
            ("262144Mi", 274_877_906_944.0),
            ("64Gi", 68_719_476_736.0),
            ("1.5Gi", 1_610_612_736.0),
            ("1Ei", 1_152_921_504_606_846_976.0),
            ("128M", 128e6),
            ("1k", 1e3),
            ("2G", 2e9),
            ("3T", 3e12),
            ("4P", 4e15),
            ("1E", 1e18),
            ("1E3", 1e3),
            ("1e3", 1e3),
            ("12e-2", 0.12),
            ("5u", 5e-6),
            ("7n", 7e-9),
            ("+2", 2.0),
            ("-1", -1.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("0", 0.0),
        ] {
            assert_eq!(parse(text), Some(value), "{text}");
        }
    }

    #[test]
    fn nonsense_is_no_quantity() {
        for text in [
            "", ".", "-", "Gi", "1gi", "1K", "1KiB", "0x10", "1 Gi", "1.2.3", "NaN", "inf", "1e", "1e1.5", "1e999",
            "--1", "1_000", "½",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whole_numbers_are_exact(whole in 0u64..(1 << 53)) {
            assert_eq!(parse(&whole.to_string()), Some(whole as f64));
            assert_eq!(parse(&format!("{whole}000m")), Some(whole as f64));
        }
        #[test]
        fn nothing_panics(text in "\\PC*") {
            let _ = parse(&text);
        }
    }
}
