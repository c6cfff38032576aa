//! When to ask a busy server again: as it says, else at times that double, and few times.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// How often a busy server is asked.
pub const TRIES: u32 = 3;

/// The longest that `Retry-After` is obeyed.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The first wait where the server says nothing.
pub const BACKOFF: Duration = Duration::from_secs(1);

/// How long to wait after the try of this number, from one.
pub fn wait(told: Option<Duration>, backoff: Duration, tried: u32) -> Duration {
    let own = backoff * 2_u32.saturating_pow(tried.saturating_sub(1));
    told.unwrap_or(own).min(LONGEST_WAIT)
}

/// What `Retry-After` says, as seconds or as a date (RFC 9110, 10.2.3).
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    let left = at.duration_since(now).max(SignedDuration::ZERO);
    Duration::try_from(left).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        retry_after(&headers, "2026-11-16T08:00:00Z".parse().unwrap())
    }

    #[test]
    fn seconds_and_dates_are_understood() {
        assert_eq!(told("7"), Some(Duration::from_secs(7)));
        assert_eq!(told("Mon, 16 Nov 2026 08:00:20 GMT"), Some(Duration::from_secs(20)));
        assert_eq!(told("Mon, 16 Nov 2026 07:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(told("soon"), None);
        assert_eq!(told("-3"), None);
    }

    #[test]
    fn waits_double_and_end() {
        let own = |tried| wait(None, BACKOFF, tried).as_secs();
        assert_eq!([own(1), own(2), own(3), own(40)], [1, 2, 4, 60]);
        assert_eq!(wait(Some(Duration::from_secs(3600)), BACKOFF, 1), LONGEST_WAIT);
        assert_eq!(wait(Some(Duration::ZERO), BACKOFF, 2), Duration::ZERO);
    }
}
