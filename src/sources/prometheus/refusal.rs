//! What an error status says: in its own words, and whether asking for less would help.

use super::decode::{DecodeError, Remarks, decode};

/// How much of an error page is read.
const ERROR_BYTES: usize = 64 << 10;

/// Whether less time at once may be answered: every server words its limits its own way.
pub(super) fn asks_for_less(status: u16, error_type: &str, message: &str) -> bool {
    const SLOW: [&str; 3] = ["timeout", "timed out", "deadline"];
    // Mimir ends each of its limits with its name; this one is about the query's own text.
    const TEXT: &str = "err-mimir-max-query-expression-size-bytes";
    const LARGE: [&str; 7] = [
        "too many",
        "exceed",
        "maximum resolution",
        "too long",
        "too large",
        "cannot select more than",
        "not enough memory",
    ];
    let message = message.to_ascii_lowercase();
    let says = |signs: &[&str]| signs.iter().any(|sign| message.contains(sign));
    match status {
        413 | 504 => true,
        // Limits on requests, not on what one request asks for.
        429 | 502 => false,
        _ if message.contains(TEXT) => false,
        503 => error_type == "timeout" || says(&SLOW),
        _ => error_type == "timeout" || says(&SLOW) || says(&LARGE),
    }
}

/// The body of an error status, as an answer and in its own words.
pub(super) async fn refusal(mut response: reqwest::Response) -> (Result<Remarks, DecodeError>, String) {
    let mut body = Vec::new();
    while body.len() < ERROR_BYTES
        && let Ok(Some(piece)) = response.chunk().await
    {
        body.extend_from_slice(&piece);
    }
    let outcome = decode(body.as_slice(), |_| {});
    let said = match &outcome {
        Err(DecodeError::Refused { message, .. }) => message.clone(),
        Err(DecodeError::Html) => "an HTML page".to_owned(),
        _ => {
            let text = String::from_utf8_lossy(&body);
            let words: Vec<&str> = text.split_whitespace().take(40).collect();
            if words.is_empty() {
                "no words".to_owned()
            } else {
                words.join(" ").chars().take(300).collect()
            }
        }
    };
    (outcome, said)
}
