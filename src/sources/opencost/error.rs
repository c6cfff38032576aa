//! What can go wrong with OpenCost, and what to do about it.

use crate::sources::endpoint::EndpointError;
use crate::sources::transport::TransportError;

/// Why costs could not be read.
#[derive(Debug, thiserror::Error)]
pub enum OpenCostError {
    /// The endpoint is wrong in itself.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// Nobody answers.
    #[error("OpenCost at {url} cannot be reached: {cause}; check the URL, and that its service or port-forward is up")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// Why.
        cause: String,
    },
    /// The way there is closed.
    #[error("{url} cannot be asked: {cause}")]
    Transport {
        /// What was asked for.
        url: String,
        /// Why, and what to do.
        cause: TransportError,
    },
    /// It takes too long.
    #[error(
        "not a byte came from {url} for {seconds} s; see whether OpenCost's Prometheus is overloaded, or wait longer with \
         --timeout"
    )]
    Timeout {
        /// What was asked for.
        url: String,
        /// The limit.
        seconds: u64,
    },
    /// It sends requests elsewhere.
    #[error("{url} redirects to {to}; give that server's URL, or a token or header if it is a login page")]
    Redirected {
        /// What was asked for.
        url: String,
        /// Where it points, query left out.
        to: String,
    },
    /// Credentials are missing or not accepted.
    #[error(
        "{url} does not let us in ({code}); give what the proxy before it accepts: a token (--costs-token-file), a password \
         (--costs-user, --costs-password-file) or a header (--costs-header)"
    )]
    Unauthorized {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        code: u16,
    },
    /// Something else answers.
    #[error(
        "{url} is neither OpenCost nor Kubecost: none of {tried} is there; give OpenCost's API, such as \
         http://opencost.opencost:9003, or Kubecost's front end, such as http://kubecost-cost-analyzer.kubecost:9090"
    )]
    NotOpenCost {
        /// The base.
        url: String,
        /// The paths that were tried.
        tried: String,
    },
    /// Kubecost, before what is read.
    #[error(
        "{url} is Kubecost {version}, and only 1.106 and newer are read; upgrade it, or give the URL of an OpenCost beside it"
    )]
    TooOld {
        /// The base.
        url: String,
        /// Major and minor.
        version: String,
    },
    /// An agent, which sends its figures elsewhere.
    #[error(
        "{url} is alive and has no cost API: an agent of Kubecost has none; give the front end of the cluster that its \
         figures are sent to, such as http://kubecost-frontend.kubecost:9090"
    )]
    AgentOnly {
        /// The base.
        url: String,
    },
    /// What was asked for is switched off.
    #[error("{url} is switched off in this server (204); switch it on in its values, or ask another server")]
    Disabled {
        /// What was asked for.
        url: String,
    },
    /// A path is missing in spite of OpenCost answering.
    #[error("{url} does not exist (404); it needs a version of OpenCost that has it, or a proxy that lets it through")]
    NotFound {
        /// What was asked for.
        url: String,
    },
    /// A login page, often with status 200.
    #[error(
        "an HTML page came from {url} instead of JSON; give the API's URL, not the page's, and a token or header if a login \
         stands before it"
    )]
    Html {
        /// What was asked for.
        url: String,
    },
    /// The body ended early, or cannot be unpacked.
    #[error("the answer of {url} was cut short ({cause}); see OpenCost's log for a crash, and the proxy's time-out")]
    Truncated {
        /// What was asked for.
        url: String,
        /// How that shows.
        cause: String,
    },
    /// JSON of another kind.
    #[error("the answer of {url} is not of the OpenCost API: {cause}; check the URL's path")]
    Malformed {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The server does not accept what was asked.
    #[error("{url} refused the request ({code}): {message}; this version of OpenCost may be too old")]
    Refused {
        /// What was asked for.
        url: String,
        /// The HTTP status, or the code within the answer.
        code: u16,
        /// In the server's words.
        message: String,
    },
    /// The server failed, which it may say with status 200 and a code in the answer.
    #[error("{url} failed ({code}): {message}; see OpenCost's log, and whether it reaches its Prometheus")]
    Failed {
        /// What was asked for.
        url: String,
        /// The HTTP status, or the code within the answer.
        code: u16,
        /// In the server's words.
        message: String,
    },
}

impl OpenCostError {
    /// Whether the server is down or broken, rather than the wrong one or asked in the wrong way: nobody made a mistake in
    /// naming it, and the rest of the world can be read without it.
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::Truncated { .. } | Self::Failed { .. }
        )
    }

    /// Whether other days may be answered all the same.
    pub(super) fn is_of_one_day(&self) -> bool {
        matches!(
            self,
            Self::Timeout { .. }
                | Self::Truncated { .. }
                | Self::Malformed { .. }
                | Self::Refused { .. }
                | Self::Failed { .. }
        )
    }
}
