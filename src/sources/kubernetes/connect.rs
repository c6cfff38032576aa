//! Finding the cluster and being let in: a kubeconfig, or the service account of the pod this runs in.

use std::path::Path;
use std::time::Duration;

use http_body_util::Limited;
use hyper_util::client::proxy::matcher::Matcher;
use kube::client::retry::RetryPolicy;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

use tower::retry::RetryLayer;

use super::error::KubernetesError;
use crate::sources::endpoint::{Endpoint, is_loopback};

/// A page of 500 pods takes seconds, but a service behind the API may think for minutes; a server that is silent for longer
/// is gone.
const SILENCE: Duration = Duration::from_secs(300);

/// Bytes of a page of a list, unpacked. Objects are two megabytes at most, and pages of five hundred rarely ten. Tests need
/// not wait for so many.
const LONGEST: usize = if cfg!(test) { 4 << 20 } else { 1 << 30 };

/// A cluster that answers.
#[derive(Clone)]
pub struct Connection {
    /// Talks to it, and asks again where it is busy.
    pub client: kube::Client,
    /// The same without patience, for servers behind it whose refusals are ours to judge.
    pub once: kube::Client,
    /// Its URL, fit for messages and recordings.
    pub server: String,
    /// The kubeconfig's context; `None` inside the cluster.
    pub context: Option<String>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("server", &self.server)
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// A connection by this configuration that gives up after so much silence, five minutes where not given; nothing is sent
    /// yet. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// When certificates, a proxy or a login command cannot be used.
    pub fn new(
        mut config: kube::Config,
        context: Option<String>,
        silence: Option<Duration>,
    ) -> Result<Self, KubernetesError> {
        let silence = silence.unwrap_or(SILENCE);
        // Two crates bring a TLS stack each; that a provider is installed already is fine.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        config.connect_timeout = Some(silence.min(Duration::from_secs(10)));
        config.read_timeout = Some(silence);
        // Else the time for which a pooled connection rested counts as silence.
        config.reset_reader_on_write = true;
        config.default_retry = false;
        let server = Endpoint::new(config.cluster_url.to_string()).shown();
        let namespace = config.default_namespace.clone();
        let once = kube::Client::try_from(config).map_err(|error| match error {
            kube::Error::Auth(cause) => KubernetesError::Credentials {
                server: server.clone(),
                cause: cause.to_string(),
            },
            other => KubernetesError::Client {
                server: server.clone(),
                cause: other.to_string(),
            },
        })?;
        Ok(Self {
            client: patient(once.clone(), namespace),
            once,
            server,
            context,
        })
    }
}

/// The client with kube's own retries laid over it: built from the configuration a second time, it would log in twice. kube
/// keeps an answer in memory before it reads it, so that it may not be of any length.
fn patient(once: kube::Client, namespace: String) -> kube::Client {
    let send = tower::service_fn(move |request| {
        let once = once.clone();
        async move {
            let answer = once.send(request).await.map_err(tower::BoxError::from)?;
            Ok::<_, tower::BoxError>(answer.map(|body| Limited::new(body, LONGEST)))
        }
    });
    let retry = RetryLayer::new(RetryPolicy::server_retry());
    kube::Client::new(tower::ServiceBuilder::new().layer(retry).service(send), namespace)
}

/// Finds the cluster as kubectl does (the kubeconfig that is named, `$KUBECONFIG`, `~/.kube/config`), else takes the service
/// account of the pod this runs in, and sees that the server answers. It is given up after `silence`.
///
/// # Errors
/// As [`KubernetesError`] says.
pub async fn connect(
    kubeconfig: Option<&Path>,
    context: Option<&str>,
    silence: Option<Duration>,
) -> Result<Connection, KubernetesError> {
    let connection = match found_kubeconfig(kubeconfig)? {
        Found::Kubeconfig(config) => from_kubeconfig(*config, (kubeconfig, context), silence).await?,
        Found::Nothing(why) => match kube::Config::incluster() {
            Ok(_) if context.is_some() => {
                return Err(KubernetesError::Kubeconfig {
                    path: "that --kube-context asks for".to_owned(),
                    cause: why,
                });
            }
            Ok(config) => Connection::new(config, None, silence)?,
            Err(in_cluster) => {
                return Err(KubernetesError::NoCluster {
                    kubeconfig: why,
                    in_cluster: in_cluster.to_string(),
                });
            }
        },
    };
    match connection.client.apiserver_version().await {
        Ok(_) => Ok(connection),
        // A hardened server keeps its version to itself; what may be listed shows later.
        Err(kube::Error::Api(status)) if status.is_forbidden() || status.is_not_found() => Ok(connection),
        Err(error) => Err(KubernetesError::of(&error, &connection.server, "its version")),
    }
}

/// The context by which [`connect`] finds the cluster, if it does so by one; nothing is contacted.
pub fn context_of(kubeconfig: Option<&Path>, context: Option<&str>) -> Option<String> {
    match found_kubeconfig(kubeconfig) {
        Ok(Found::Kubeconfig(config)) => chosen(&config, context),
        _ => None,
    }
}

/// The context that is asked for, or else the kubeconfig's own.
fn chosen(kubeconfig: &Kubeconfig, context: Option<&str>) -> Option<String> {
    let current = kubeconfig.current_context.clone().filter(|name| !name.is_empty());
    context.map(str::to_owned).or(current)
}

enum Found {
    Kubeconfig(Box<Kubeconfig>),
    /// None, and why.
    Nothing(String),
}

fn found_kubeconfig(path: Option<&Path>) -> Result<Found, KubernetesError> {
    let read = match path {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    match (read, path) {
        // What a fresh installation leaves behind; kubectl, too, goes on to the service account.
        (Ok(config), None) if config.contexts.is_empty() => Ok(Found::Nothing("it names no cluster".to_owned())),
        (Ok(config), _) => Ok(Found::Kubeconfig(Box::new(config))),
        (Err(KubeconfigError::ReadConfig(cause, _)), Some(path)) => Err(KubernetesError::KubeconfigFile {
            path: path.to_owned(),
            cause,
        }),
        (Err(KubeconfigError::ReadConfig(cause, path)), None) if cause.kind() == std::io::ErrorKind::NotFound => {
            Ok(Found::Nothing(format!("`{}` does not exist", path.display())))
        }
        (Err(KubeconfigError::FindPath), None) => Ok(Found::Nothing("there is no home directory".to_owned())),
        (Err(cause), path) => Err(broken(path, &cause)),
    }
}

fn broken(path: Option<&Path>, cause: &KubeconfigError) -> KubernetesError {
    KubernetesError::Kubeconfig {
        path: path.map_or_else(
            || "of $KUBECONFIG or the home directory".to_owned(),
            |path| format!("`{}`", path.display()),
        ),
        cause: cause.to_string(),
    }
}

async fn from_kubeconfig(
    kubeconfig: Kubeconfig,
    (path, context): (Option<&Path>, Option<&str>),
    silence: Option<Duration>,
) -> Result<Connection, KubernetesError> {
    let known: Vec<String> = kubeconfig.contexts.iter().map(|named| named.name.clone()).collect();
    let Some(name) = chosen(&kubeconfig, context) else {
        return Err(KubernetesError::NoCurrentContext { known });
    };
    if !known.contains(&name) {
        return Err(KubernetesError::UnknownContext { context: name, known });
    }
    let options = KubeConfigOptions {
        context: Some(name.clone()),
        ..KubeConfigOptions::default()
    };
    let names_proxy = names_proxy(&kubeconfig, &name);
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|cause| broken(path, &cause))?;
    if !names_proxy && !environment_proxies(&config.cluster_url.to_string()) {
        config.proxy_url = None;
    }
    Connection::new(config, Some(name), silence)
}

/// Whether the kubeconfig itself says by which proxy this context's cluster is reached.
fn names_proxy(kubeconfig: &Kubeconfig, context: &str) -> bool {
    let context = kubeconfig.contexts.iter().find(|named| named.name == context);
    let cluster = context
        .and_then(|named| named.context.as_ref())
        .map(|context| &context.cluster);
    let cluster = cluster.and_then(|name| kubeconfig.clusters.iter().find(|named| named.name == *name));
    let cluster = cluster.and_then(|named| named.cluster.as_ref());
    cluster.is_some_and(|cluster| cluster.proxy_url.as_ref().is_some_and(|url| !url.is_empty()))
}

/// Whether the environment's proxy stands before a server; kube matches NO_PROXY against the proxy, not the server.
fn environment_proxies(url: &str) -> bool {
    let Ok(parsed) = reqwest::Url::parse(url) else {
        return true;
    };
    let Ok(uri) = url.parse() else { return true };
    !is_loopback(&parsed) && Matcher::from_env().intercept(&uri).is_some()
}
