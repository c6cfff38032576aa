//! What can go wrong before there is an answer, in words that each source completes.

use std::time::Duration;

use crate::sources::endpoint::causes;

/// Why there is no answer. The server's name stands in the error of the source that asked.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Nobody answers there.
    #[error("{0}")]
    Connect(String),
    /// The certificate is not trusted, ours is asked for, or TLS is not spoken.
    #[error("{0}")]
    Tls(String),
    /// Not a byte came for this many seconds.
    #[error("not a byte came for {seconds} s")]
    Silent {
        /// The limit.
        seconds: u64,
    },
    /// The connection broke.
    #[error("{0}")]
    Broken(String),
    /// More came than any such answer has.
    #[error("the answer is longer than {most} bytes; see whether another server stands behind the URL")]
    TooLong {
        /// The limit.
        most: usize,
    },
    /// It sends us elsewhere.
    #[error("it redirects to `{to}`")]
    Redirected {
        /// Where it points, query left out.
        to: String,
    },
    /// The Kubernetes API, which stands between us and the server, refuses.
    #[error("the Kubernetes API at {server} refused ({code}): {message}; {fix}")]
    Kubernetes {
        /// The API's URL.
        server: String,
        /// The HTTP status.
        code: u16,
        /// In its own words.
        message: String,
        /// What to do.
        fix: &'static str,
    },
    /// A request cannot be signed.
    #[error(
        "the request cannot be signed for AWS ({cause}); set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the pod \
         a role that may aps:QueryMetrics"
    )]
    Signing {
        /// Why.
        cause: String,
    },
}

impl TransportError {
    /// What reqwest says.
    pub(super) fn of(error: &reqwest::Error, silence: Duration) -> Self {
        let cause = causes(error);
        let tls = [
            "certificate",
            "TLS",
            "tls",
            "handshake",
            "fatal alert",
            "InvalidContentType",
        ];
        // A server that asks for our certificate says so only after it seemed content.
        let is_tls = tls.iter().any(|sign| cause.contains(sign));
        if error.is_timeout() && !error.is_connect() {
            return Self::Silent {
                seconds: silence.as_secs(),
            };
        }
        match (error.is_connect() || error.is_builder(), is_tls) {
            (_, true) => Self::Tls(cause),
            (true, false) => Self::Connect(cause),
            (false, false) => Self::Broken(cause),
        }
    }
}
