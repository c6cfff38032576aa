//! Why Prometheus could not be read: what was tried, on which server, and what to do next.

use super::decode::DecodeError;
use crate::sources::endpoint::EndpointError;
use crate::sources::transport::TransportError;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum PrometheusError {
    /// No client could be made.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// Nobody answers there.
    #[error(
        "cannot reach Prometheus at `{url}`: {cause}; check host and port, and forward the port if it is inside the \
         cluster (kubectl port-forward)"
    )]
    Connect {
        /// The server.
        url: String,
        /// Why, from the network.
        cause: String,
    },
    /// The server's certificate is not trusted, or it does not speak TLS.
    #[error(
        "no secure connection to Prometheus at `{url}`: {cause}; give its certificate authority with --ca-file, a client \
         certificate with --client-cert-file and --client-key-file if it asks for one, or http:// if it speaks no TLS"
    )]
    Tls {
        /// The server.
        url: String,
        /// Why, from the TLS library.
        cause: String,
    },
    /// The way there is closed.
    #[error("Prometheus at `{url}` cannot be asked: {cause}")]
    Transport {
        /// The server.
        url: String,
        /// Why, and what to do.
        cause: TransportError,
    },
    /// It answers too slowly, even when asked for less.
    #[error(
        "not a byte came from Prometheus at `{url}` for {seconds} s; see whether it is overloaded, wait longer with \
         --timeout, or ask for less with a shorter --window or a longer --step"
    )]
    TimedOut {
        /// The server.
        url: String,
        /// The limit.
        seconds: u64,
    },
    /// It does not let us in.
    #[error(
        "Prometheus at `{url}` refused the credentials (HTTP {status}: {said}); give a bearer token \
         (--prometheus-token-file), a password (--prometheus-user, --prometheus-password-file), or the header it asks for \
         (--prometheus-header 'X-Scope-OrgID: TENANT')"
    )]
    Credentials {
        /// The server.
        url: String,
        /// 401 or 403.
        status: u16,
        /// The server's words.
        said: String,
    },
    /// Something else lives under this path.
    #[error(
        "there is no Prometheus API under `{url}` (HTTP 404: {said}); check the URL's path: Mimir has /prometheus, a \
         VictoriaMetrics cluster /select/0/prometheus"
    )]
    NotFound {
        /// The server.
        url: String,
        /// The server's words.
        said: String,
    },
    /// It sends queries elsewhere, where they arrive without their form.
    #[error("`{url}` redirects to `{to}`; give that server's URL, or log in through a header if it is a login page")]
    Redirected {
        /// The server.
        url: String,
        /// Where it points, query left out.
        to: String,
    },
    /// It has no time, several tries long.
    #[error("Prometheus at `{url}` is too busy after {tries} tries (HTTP {status}: {said}); try again later")]
    Busy {
        /// The server.
        url: String,
        /// 429, 502 or 503.
        status: u16,
        /// The server's words.
        said: String,
        /// How often it was asked.
        tries: u32,
    },
    /// A status that is no answer of a Prometheus.
    #[error("Prometheus at `{url}` answered HTTP {status}: {said}; check the proxy before it, and its log")]
    Status {
        /// The server.
        url: String,
        /// The status.
        status: u16,
        /// The server's words.
        said: String,
    },
    /// What came is no answer.
    #[error("Prometheus at `{url}`: {cause}")]
    Answer {
        /// The server.
        url: String,
        /// What is wrong with it.
        cause: DecodeError,
    },
    /// It keeps several clusters, and which is ours is not known.
    #[error(
        "Prometheus at `{url}` keeps the series of several clusters ({there}), and neither nodes nor names tell which is this \
         one; pods of one name would be taken for one pod, so name it: --prometheus-matcher '{flag}'"
    )]
    SeveralClusters {
        /// The server.
        url: String,
        /// Labels and values.
        there: String,
        /// A matcher that would do.
        flag: String,
    },
    /// Whether it keeps several clusters could not be told, and nobody named one.
    #[error(
        "Prometheus at `{url}` refused to tell which clusters it keeps ({error_type}: {message}), and of several, pods of one \
         name would be taken for one pod; name this one: --prometheus-matcher 'cluster=\"NAME\"', or 'cluster=\"\"' if its \
         series have no such label; or raise the server's query limits"
    )]
    ClustersUntold {
        /// The server.
        url: String,
        /// `errorType`, or the HTTP status.
        error_type: String,
        /// `error`.
        message: String,
    },
    /// The nodes of the series are not those of the Kubernetes API.
    #[error(
        "Prometheus at `{url}`{} and the Kubernetes API seem to be of two clusters: its series are of {there}, and GPUs are held on \
         {here}, of which it knows none; pods of one name would be taken for one pod, so check --prometheus and \
         --prometheus-matcher (here, in the environment and in gpuwise.yaml) and --kube-context, or leave the API out with \
         --no-kubernetes",
        if asked.is_empty() { String::new() } else { format!(", asked for {asked},") }
    )]
    OtherNodes {
        /// The server.
        url: String,
        /// What was asked for.
        asked: String,
        /// Nodes of the series.
        there: String,
        /// Nodes of the API.
        here: String,
    },
    /// The cluster that was named is not there.
    #[error(
        "no series of GPUs in Prometheus at `{url}` has {asked} (--prometheus-matcher){}",
        if there.is_empty() { "; its series have no label of a cluster".to_owned() } else { format!("; there is {there}") }
    )]
    NoSuchCluster {
        /// The server.
        url: String,
        /// What was asked for.
        asked: String,
        /// Labels and values that are there.
        there: String,
    },
    /// It understood the query and will not answer it, however little is asked for.
    #[error(
        "Prometheus at `{url}` refused a query ({error_type}: {message}); raise its query limits, or ask for a longer step"
    )]
    Refused {
        /// The server.
        url: String,
        /// `errorType`, or the HTTP status.
        error_type: String,
        /// `error`.
        message: String,
    },
}

impl PrometheusError {
    /// Whether nobody answers: what was asked for may be had later, and nothing that was said is wrong.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Connect { .. } | Self::TimedOut { .. } | Self::Busy { .. })
    }
}
