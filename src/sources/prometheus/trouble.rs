//! What helps against an answer that did not come.

use std::time::Duration;

use super::client::PrometheusClient;
use super::decode::DecodeError;
use super::error::PrometheusError;
use super::refusal::asks_for_less;
use crate::sources::transport::TransportError;

/// Why an answer did not come, by what helps.
pub(super) enum Trouble {
    /// Asking for less.
    TooMuch(PrometheusError),
    /// Asking for less, but not for ever.
    Broken(PrometheusError),
    /// Asking later.
    Busy(Option<Duration>, PrometheusError),
    /// Nothing.
    Failed(PrometheusError),
}

impl Trouble {
    pub(super) fn into_error(self) -> PrometheusError {
        match self {
            Self::TooMuch(error) | Self::Broken(error) | Self::Busy(_, error) | Self::Failed(error) => error,
        }
    }
}

impl PrometheusClient {
    /// What a request that got no response says.
    pub(super) fn unreachable(&self, error: TransportError) -> Trouble {
        let url = self.shown().to_owned();
        match error {
            TransportError::Connect(cause) => Trouble::Failed(PrometheusError::Connect { url, cause }),
            TransportError::Tls(cause) => Trouble::Failed(PrometheusError::Tls { url, cause }),
            TransportError::Silent { seconds } => Trouble::Broken(PrometheusError::TimedOut { url, seconds }),
            // Its pod may be about to be replaced.
            cause @ TransportError::Kubernetes {
                code: 429 | 502..=504, ..
            } => Trouble::Busy(None, PrometheusError::Transport { url, cause }),
            cause @ (TransportError::Signing { .. }
            | TransportError::TooLong { .. }
            | TransportError::Kubernetes { .. }) => Trouble::Failed(PrometheusError::Transport { url, cause }),
            TransportError::Redirected { to } => Trouble::Failed(PrometheusError::Redirected { url, to }),
            // A connection that was kept alive may be closed just as it is used again.
            TransportError::Broken(cause) => Trouble::Busy(None, PrometheusError::Connect { url, cause }),
        }
    }

    /// What helps against an answer that is none.
    pub(super) fn trouble(&self, status: u16, cause: DecodeError, said: String, tries: u32) -> Trouble {
        let url = self.shown().to_owned();
        let refused = |url, error_type, message| PrometheusError::Refused {
            url,
            error_type,
            message,
        };
        match (status, cause) {
            (401 | 403, _) => Trouble::Failed(PrometheusError::Credentials { url, status, said }),
            (404, _) => Trouble::Failed(PrometheusError::NotFound { url, said }),
            (_, DecodeError::Refused { error_type, message }) if asks_for_less(status, &error_type, &message) => {
                Trouble::TooMuch(refused(url, error_type, message))
            }
            (413 | 504, _) => Trouble::TooMuch(refused(url, status.to_string(), said)),
            (429 | 502 | 503, _) => {
                let busy = PrometheusError::Busy {
                    url,
                    status,
                    said,
                    tries,
                };
                Trouble::Busy(None, busy)
            }
            (_, DecodeError::Refused { error_type, message }) => Trouble::Failed(refused(url, error_type, message)),
            (200..300, DecodeError::Read(error)) if error.kind() == std::io::ErrorKind::TimedOut => {
                let seconds = self.transport().silence_seconds();
                Trouble::Broken(PrometheusError::TimedOut { url, seconds })
            }
            (200..300, cause @ (DecodeError::Truncated | DecodeError::Read(_))) => {
                Trouble::Broken(PrometheusError::Answer { url, cause })
            }
            (200..300, cause) | (_, cause @ DecodeError::Html) => {
                Trouble::Failed(PrometheusError::Answer { url, cause })
            }
            _ => Trouble::Failed(PrometheusError::Status { url, status, said }),
        }
    }
}
