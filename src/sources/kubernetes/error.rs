//! What can go wrong with the Kubernetes API, and what to do about it.

use std::path::PathBuf;

/// Why the Kubernetes API could not be read.
#[derive(Debug, thiserror::Error)]
pub enum KubernetesError {
    /// Nothing says where a cluster is.
    #[error(
        "no cluster: no kubeconfig was found ({kubeconfig}), and this is not a pod of one ({in_cluster}); give --kubeconfig \
         FILE, with --kube-context NAME to choose among its contexts, or --no-kubernetes to do without"
    )]
    NoCluster {
        /// Why there is no kubeconfig.
        kubeconfig: String,
        /// Why there is no service account.
        in_cluster: String,
    },
    /// A kubeconfig is there and cannot be used.
    #[error("the kubeconfig {path} cannot be used: {cause}; mend it, or give another with --kubeconfig FILE")]
    Kubeconfig {
        /// Which, in words where it was not named.
        path: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The file that was named is not there.
    #[error("the kubeconfig `{}` cannot be read: {cause}; check --kubeconfig", path.display())]
    KubeconfigFile {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// No such context.
    #[error(
        "the kubeconfig has no context `{context}`; give one of these with --kube-context: {}",
        listed(known)
    )]
    UnknownContext {
        /// What was asked for.
        context: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The kubeconfig does not say which of its contexts to use.
    #[error(
        "the kubeconfig names no current context; give one of these with --kube-context: {}",
        listed(known)
    )]
    NoCurrentContext {
        /// What there is.
        known: Vec<String>,
    },
    /// No client can be made: certificates, proxy, TLS.
    #[error("no client for the Kubernetes API at {server}: {cause}; check the cluster's entry in the kubeconfig")]
    Client {
        /// Where.
        server: String,
        /// Why.
        cause: String,
    },
    /// The credentials could not be had.
    #[error(
        "no credentials for the Kubernetes API at {server}: {cause}; log in to the cluster again, as for kubectl, and check \
         that the kubeconfig's login command is installed"
    )]
    Credentials {
        /// Where.
        server: String,
        /// Why.
        cause: String,
    },
    /// The credentials were not accepted.
    #[error(
        "the Kubernetes API at {server} does not accept the credentials (401); they have expired or are another cluster's: \
         log in again, or choose another context with --kube-context"
    )]
    Unauthorized {
        /// Where.
        server: String,
    },
    /// Nobody answers.
    #[error(
        "the Kubernetes API at {server} cannot be reached while reading {what}: {cause}; check the VPN, the proxy and \
         --kube-context, or do without by --no-kubernetes"
    )]
    Unreachable {
        /// Where.
        server: String,
        /// What was being read.
        what: String,
        /// Why.
        cause: String,
    },
    /// What came back is no list of objects.
    #[error(
        "the answer of {server} for {what} is not the Kubernetes API's: {cause}; check whether a login or proxy stands \
         before it"
    )]
    Malformed {
        /// Where.
        server: String,
        /// What was being read.
        what: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The server refused in its own words.
    #[error("the Kubernetes API at {server} refused to list {what} ({code}): {message}; try again, or ask who runs it")]
    Refused {
        /// Where.
        server: String,
        /// What was being read.
        what: String,
        /// The HTTP status.
        code: u16,
        /// In the server's words.
        message: String,
    },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "it has none".to_owned();
    }
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

impl KubernetesError {
    /// Whether the server is down or out of order, and not asked in a wrong way: the rest of the world can still be read.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { code, .. } => *code >= 500,
            _ => false,
        }
    }

    /// The error that a failed request stands for.
    pub(super) fn of(error: &kube::Error, server: &str, what: &str) -> Self {
        let (server, what) = (server.to_owned(), what.to_owned());
        match error {
            kube::Error::Api(status) if status.code == 401 => Self::Unauthorized { server },
            kube::Error::Api(status) => Self::Refused {
                server,
                what,
                code: status.code,
                message: brief(&status.message),
            },
            kube::Error::SerdeError(cause) => Self::Malformed {
                server,
                what,
                cause: cause.to_string(),
            },
            kube::Error::FromUtf8(cause) => Self::Malformed {
                server,
                what,
                cause: cause.to_string(),
            },
            kube::Error::Auth(cause) => Self::Credentials {
                server,
                cause: cause.to_string(),
            },
            other => Self::Unreachable {
                server,
                what,
                cause: root_cause(other),
            },
        }
    }
}

/// A proxy's error page is a message too; its beginning is enough.
pub(super) fn brief(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// The whole chain in one line: the outermost error says only `client error (Connect)`.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        source = cause.source();
    }
    said
}
