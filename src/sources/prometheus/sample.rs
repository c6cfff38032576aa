//! One sample, `[time, "value"]`, parsed where it lies: nearly all the time that an answer takes is spent here.

/// A sample that is longer than this is left to the slow way.
pub(super) const LONGEST: usize = 96;

/// A sample, its bytes with the comma or bracket behind it, and whether that was the list's closing bracket. `None` where
/// there is white space, an escape or an end in between: then it is taken the slow way.
pub(super) fn sample(bytes: &[u8]) -> Option<((f64, f64), usize, bool)> {
    let rest = bytes.strip_prefix(b"[")?;
    let (time, length) = decimal(rest)?;
    let rest = rest[length..].strip_prefix(b",\"")?;
    let (value, length) = decimal(rest)?;
    let rest = rest[length..].strip_prefix(b"\"]")?;
    let last = match rest {
        // White space or an end behind the comma would leave the slow way without its element.
        [b',', b'[', ..] => false,
        [b']', ..] => true,
        _ => return None,
    };
    Some(((time, value), bytes.len() - rest.len() + 1, last))
}

/// Powers of ten that a float holds exactly.
const TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// A number at the front of some bytes, and how many they are.
///
/// Where digits and power of ten are both floats without rounding, their quotient is rounded once, and right (Clinger,
/// "How to read floating point numbers accurately", 1990). All else goes the standard library's way.
fn decimal(bytes: &[u8]) -> Option<(f64, usize)> {
    let mut digits = 0_u64;
    let mut point = None;
    let mut length = 0;
    for &byte in bytes.iter().take(24) {
        match byte {
            // Past nineteen digits it wraps, and is not used.
            b'0'..=b'9' => digits = digits.wrapping_mul(10).wrapping_add(u64::from(byte - b'0')),
            b'.' if point.is_none() => point = Some(length),
            _ => break,
        }
        length += 1;
    }
    let ended = matches!(bytes.get(length), Some(b',' | b'"'));
    let fraction = point.map_or(0, |point| length - point - 1);
    if ended && (1..=19).contains(&length) && point != Some(0) && point != Some(length - 1) && digits < 1 << 53 {
        return Some((digits as f64 / TENS[fraction], length));
    }
    let end = bytes
        .iter()
        .take(LONGEST)
        .position(|byte| matches!(byte, b',' | b'"' | b'\\'))?;
    Some((std::str::from_utf8(&bytes[..end]).ok()?.parse().ok()?, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_is_the_one_that_the_standard_library_reads(text in "[0-9]{0,12}[.]?[0-9]{0,12}") {
            let written = format!("{text}\"");
            match text.parse::<f64>() {
                Ok(expected) => prop_assert_eq!(decimal(written.as_bytes()), Some((expected, text.len()))),
                Err(_) => prop_assert_eq!(decimal(written.as_bytes()), None),
            }
        }
    }
}
