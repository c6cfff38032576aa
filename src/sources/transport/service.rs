//! Services of the cluster, asked through the proxy of the Kubernetes API with whatever credentials kubectl has: no port
//! needs to be forwarded, and nothing to be exposed.

use std::time::Duration;

use futures_util::TryStreamExt;
use http_body_util::BodyExt;
use kube::client::Body;
use reqwest::Response;
use serde::Deserialize;

use super::TransportError;
use crate::sources::endpoint::{Endpoint, EndpointError, Login};
use crate::sources::kubernetes::Connection;

/// How much of a refusal is read.
const REFUSAL_BYTES: usize = 64 << 10;

/// A service within the cluster: `svc:NAMESPACE/NAME:PORT`, with `https:` before the name where it speaks TLS, and a path
/// behind where the API has one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Service {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The number or name of its port.
    pub port: String,
    /// Whether it speaks TLS.
    pub https: bool,
    /// What stands before the API's own paths; empty, or with a slash at its beginning.
    pub path: String,
}

impl std::fmt::Display for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.https { "https:" } else { "" };
        write!(
            f,
            "svc:{}/{scheme}{}:{}{}",
            self.namespace, self.name, self.port, self.path
        )
    }
}

impl Service {
    /// The service that an endpoint names; `None` where it names a URL.
    ///
    /// # Errors
    /// When it is of neither form, or when it is to be logged in to: the Kubernetes API keeps `Authorization` for itself.
    pub fn of(endpoint: &Endpoint) -> Option<Result<Self, EndpointError>> {
        let named = endpoint.url.strip_prefix("svc:")?;
        let bad = |cause: &str| EndpointError::Service {
            url: endpoint.url.clone(),
            cause: cause.to_owned(),
        };
        let service = Self::parse(named).ok_or_else(|| bad("give it as svc:NAMESPACE/NAME:PORT"));
        let authorization = |(name, _): &(String, _)| name.eq_ignore_ascii_case("authorization");
        if endpoint.login != Login::None || endpoint.headers.iter().any(authorization) {
            return Some(Err(bad(
                "the Kubernetes API passes no login on; give the server's own URL, or forward its port (kubectl port-forward)",
            )));
        }
        Some(service)
    }

    fn parse(named: &str) -> Option<Self> {
        let (namespace, rest) = named.split_once('/')?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (https, host) = match host.strip_prefix("https:") {
            Some(host) => (true, host),
            None => (false, host),
        };
        let (name, port) = host.split_once(':')?;
        let is_label = |text: &str| {
            let mut letters = text.chars();
            !text.is_empty() && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        let path = path.trim_matches('/');
        [namespace, name, port].into_iter().all(is_label).then(|| Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            port: port.to_owned(),
            https,
            path: if path.is_empty() {
                String::new()
            } else {
                format!("/{path}")
            },
        })
    }

    /// Its path within the Kubernetes API.
    pub(super) fn proxy_path(&self) -> String {
        let scheme = if self.https { "https:" } else { "" };
        let Self {
            namespace, name, port, ..
        } = self;
        format!(
            "/api/v1/namespaces/{namespace}/services/{scheme}{name}:{port}/proxy{}",
            self.path
        )
    }
}

/// The way to it.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) connection: Connection,
    pub(super) headers: reqwest::header::HeaderMap,
}

/// The `Status` of a failed request, which no server behind the proxy sends.
#[derive(Deserialize)]
struct Status {
    kind: String,
    message: Option<String>,
}

impl Proxy {
    /// Asks with GET, for which the right to get `services/proxy` is enough.
    pub(super) async fn get(&self, url: &reqwest::Url, silence: Duration) -> Result<Response, TransportError> {
        let target = url
            .query()
            .map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let mut request = http::Request::get(target);
        if let Some(headers) = request.headers_mut() {
            headers.clone_from(&self.headers);
        }
        let request = request
            .body(Body::empty())
            .map_err(|error| TransportError::Connect(error.to_string()))?;
        let answer = tokio::time::timeout(silence, self.connection.once.send(request)).await;
        let seconds = silence.as_secs();
        let answer = answer.map_err(|_| TransportError::Silent { seconds })?;
        let answer = answer.map_err(|error| of_kube(&error))?;
        let (head, body) = answer.into_parts();
        let pieces = body
            .into_data_stream()
            .map_err(|error| std::io::Error::other(error.to_string()));
        let response = Response::from(http::Response::from_parts(head, reqwest::Body::wrap_stream(pieces)));
        match response.status().is_success() {
            true => Ok(response),
            false => self.refused(response).await,
        }
    }

    /// A refusal of the server behind the proxy is an answer, one of the Kubernetes API an error.
    async fn refused(&self, mut response: Response) -> Result<Response, TransportError> {
        let mut said = Vec::new();
        while said.len() < REFUSAL_BYTES
            && let Ok(Some(piece)) = response.chunk().await
        {
            said.extend_from_slice(&piece);
        }
        let code = response.status();
        if let Ok(status) = serde_json::from_slice::<Status>(&said)
            && status.kind == "Status"
        {
            let message = status.message.unwrap_or_else(|| "no reason given".to_owned());
            let fix = match code.as_u16() {
                401 => "log in to the cluster again, as for kubectl",
                403 => {
                    "grant get on services/proxy there (deploy/components/service-proxy), or give the server's own \
                     URL"
                }
                404 => "check namespace, name and port (kubectl get services -A)",
                _ => "see whether its pods are ready, and that the port is the right one and speaks HTTP",
            };
            let server = self.connection.server.clone();
            return Err(TransportError::Kubernetes {
                server,
                code: code.as_u16(),
                message,
                fix,
            });
        }
        let mut answer = http::Response::new(said);
        *answer.status_mut() = code;
        *answer.headers_mut() = response.headers().clone();
        Ok(Response::from(answer))
    }
}

fn of_kube(error: &kube::Error) -> TransportError {
    let mut cause = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(next) = source {
        cause = format!("{cause}: {next}");
        source = next.source();
    }
    TransportError::Connect(format!("through the Kubernetes API: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::endpoint::Secret;

    fn of(url: &str) -> Option<Result<Service, EndpointError>> {
        Service::of(&Endpoint::new(url))
    }

    #[test]
    fn a_service_is_its_path_in_the_api_and_back() {
        let service = of("svc:monitoring/prometheus-operated:9090").unwrap().unwrap();
        assert_eq!(
            service.proxy_path(),
            "/api/v1/namespaces/monitoring/services/prometheus-operated:9090/proxy"
        );
        let service = of("svc:mimir/https:gateway:http-metrics/prometheus/").unwrap().unwrap();
        assert_eq!(
            service.proxy_path(),
            "/api/v1/namespaces/mimir/services/https:gateway:http-metrics/proxy/prometheus"
        );
        assert_eq!(service.to_string(), "svc:mimir/https:gateway:http-metrics/prometheus");
    }

    #[test]
    fn what_is_no_service_says_how_one_is_given() {
        assert!(of("http://prometheus:9090").is_none());
        for wrong in [
            "svc:",
            "svc:a",
            "svc:a/b",
            "svc:a/b:",
            "svc:a/../b:1",
            "svc:a/b?c:1",
            "svc:A/b:1",
        ] {
            let error = of(wrong).unwrap().unwrap_err().to_string();
            assert!(error.contains("svc:NAMESPACE/NAME:PORT"), "{error}");
        }
    }

    #[test]
    fn a_login_that_would_be_lost_is_refused() {
        let mut endpoint = Endpoint::new("svc:a/b:1");
        endpoint.headers = vec![("X-Scope-OrgID".to_owned(), Secret::new("team"))];
        assert!(Service::of(&endpoint).unwrap().is_ok());
        endpoint.headers = vec![("authorization".to_owned(), Secret::new("hush"))];
        let error = Service::of(&endpoint).unwrap().unwrap_err().to_string();
        assert!(
            error.contains("passes no login on") && !error.contains("hush"),
            "{error}"
        );
        let mut endpoint = Endpoint::new("svc:a/b:1");
        endpoint.login = Login::Token(Secret::new("hush"));
        assert!(Service::of(&endpoint).unwrap().is_err());
    }
}
