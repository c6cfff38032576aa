//! Requests to a server: who we are, what a redirect or a silence means, and no secret in any message.

mod error;
mod login;
pub mod retry;
mod service;
mod sigv4;

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Response, StatusCode, Url};

pub use self::error::TransportError;
use self::login::Authorization;
use self::service::Proxy;
pub use self::service::Service;
use self::sigv4::SigV4;
use super::endpoint::{Endpoint, EndpointError, Login, causes};
use super::kubernetes::Connection;

/// A way to one server.
#[derive(Clone)]
pub struct Transport {
    way: Way,
    base: Url,
    shown: String,
    silence: Duration,
}

#[derive(Clone)]
enum Way {
    Direct(Direct),
    Service(Proxy),
}

/// Straight, or through the proxy that the environment names.
#[derive(Clone)]
struct Direct {
    http: reqwest::Client,
    authorization: Authorization,
    signer: Option<SigV4>,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Transport").field(&self.shown).finish()
    }
}

/// How what is asked travels.
#[derive(Clone, Copy)]
enum Fields<'f> {
    Query(&'f [(&'f str, String)]),
    Form(&'f [(&'f str, String)]),
    /// As bytes, with the headers that say what they are.
    Bytes(&'f [(&'f str, &'f str)], &'f Bytes),
}

impl Transport {
    /// The way to this endpoint: straight, or through the Kubernetes API where it is a service. It gives up after `silence`
    /// where the endpoint sets no other limit. Nothing is sent yet.
    ///
    /// # Errors
    /// When the endpoint has no usable address, header, login or certificate, or is a service and there is no connection.
    pub fn open(
        endpoint: &Endpoint,
        connection: Option<&Connection>,
        silence: Duration,
    ) -> Result<Self, EndpointError> {
        let Some(service) = Service::of(endpoint) else {
            return Self::direct(endpoint, silence);
        };
        let service = service?;
        let bad = |cause: String| EndpointError::Service {
            url: endpoint.url.clone(),
            cause,
        };
        let connection = connection.ok_or_else(|| {
            bad("--no-kubernetes leaves the API out; give the server's own URL, or read it".to_owned())
        })?;
        // The client puts its own server in place of this one.
        let base = Url::parse(&format!("http://kubernetes{}", service.proxy_path()));
        Ok(Self {
            way: Way::Service(Proxy {
                connection: connection.clone(),
                headers: endpoint.header_map()?,
            }),
            base: base.map_err(|error| bad(error.to_string()))?,
            shown: service.to_string(),
            silence: endpoint.timeout.unwrap_or(silence),
        })
    }

    /// The way to a URL.
    ///
    /// # Errors
    /// As for [`Transport::open`].
    pub fn direct(endpoint: &Endpoint, silence: Duration) -> Result<Self, EndpointError> {
        let silence = endpoint.timeout.unwrap_or(silence);
        let http = endpoint.client(silence)?;
        let signer = match &endpoint.login {
            Login::SigV4 { region } => Some(SigV4::new(region).map_err(|error| EndpointError::Client {
                url: endpoint.shown(),
                cause: causes(&error),
            })?),
            _ => None,
        };
        Ok(Self {
            way: Way::Direct(Direct {
                authorization: Authorization::new(endpoint, &http)?,
                signer,
                http,
            }),
            base: endpoint.parsed()?,
            shown: endpoint.shown(),
            silence,
        })
    }

    /// The server's URL, fit for messages.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The server's URL.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The same server without what its path ends with: people paste the API's own path.
    #[must_use]
    pub fn without_suffix(mut self, suffix: &str) -> Self {
        let path = self.base.path().trim_end_matches('/');
        let path = path.strip_suffix(suffix).unwrap_or(path).to_owned();
        self.base.set_path(&path);
        self
    }

    /// Asks with the fields in the URL. An answer may have any status but that of a redirect.
    ///
    /// # Errors
    /// As [`TransportError`] says.
    pub async fn get(&self, path: &str, fields: &[(&str, String)]) -> Result<Response, TransportError> {
        self.send(path, Fields::Query(fields)).await
    }

    /// Asks with the fields in a form, so that no proxy finds the URL too long; in the URL where the Kubernetes API stands
    /// between, which asks for another right to send a form.
    ///
    /// # Errors
    /// As [`TransportError`] says.
    pub async fn post(&self, path: &str, fields: &[(&str, String)]) -> Result<Response, TransportError> {
        self.send(path, Fields::Form(fields)).await
    }

    /// Asks with a body of bytes, which [`Transport::takes_bytes`] must allow; its headers say what it is.
    ///
    /// # Errors
    /// As [`TransportError`] says.
    pub async fn post_bytes(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &Bytes,
    ) -> Result<Response, TransportError> {
        self.send(path, Fields::Bytes(headers, body)).await
    }

    /// Whether a body can be sent this way: the Kubernetes API asks for another right to send one, which nobody should have to
    /// grant.
    pub fn takes_bytes(&self) -> bool {
        matches!(self.way, Way::Direct(_))
    }

    /// All of an answer's body, unpacked.
    ///
    /// # Errors
    /// When it breaks off, falls silent, or is longer than `most` bytes: memory must not be whatever a server likes.
    pub async fn whole(&self, mut response: Response, most: usize) -> Result<Vec<u8>, TransportError> {
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| self.broken(&error))? {
            if body.len() + piece.len() > most {
                return Err(TransportError::TooLong { most });
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    /// What broke while an answer was read.
    pub fn broken(&self, error: &reqwest::Error) -> TransportError {
        TransportError::of(error, self.silence)
    }

    /// Seconds of silence after which a request is given up.
    pub fn silence_seconds(&self) -> u64 {
        self.silence.as_secs()
    }

    async fn send(&self, path: &str, fields: Fields<'_>) -> Result<Response, TransportError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        let response = match &self.way {
            Way::Direct(direct) => {
                let sent = direct.send(&url, fields).await;
                sent.map_err(|failure| match failure {
                    Failure::Http(error) => self.broken(&error),
                    Failure::Signing(error) => error,
                })?
            }
            Way::Service(proxy) => {
                if let Fields::Query(fields) | Fields::Form(fields) = fields
                    && !fields.is_empty()
                {
                    url.query_pairs_mut().extend_pairs(fields);
                }
                proxy.get(&url, self.silence).await?
            }
        };
        match response.status().is_redirection() {
            true => Err(redirected(&url, &response)),
            false => Ok(response),
        }
    }
}

enum Failure {
    Http(reqwest::Error),
    Signing(TransportError),
}

impl Direct {
    /// Sends, and once more where a new token has come to lie in the old one's place.
    async fn send(&self, url: &Url, fields: Fields<'_>) -> Result<Response, Failure> {
        let sent = self.authorization.header();
        let response = self.once(url, fields, sent.clone()).await?;
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(fresh) = self.authorization.renewed(sent.as_ref())
        {
            return self.once(url, fields, Some(fresh)).await;
        }
        Ok(response)
    }

    async fn once(
        &self,
        url: &Url,
        fields: Fields<'_>,
        authorization: Option<HeaderValue>,
    ) -> Result<Response, Failure> {
        let mut request = match fields {
            Fields::Query(fields) => self.http.get(url.clone()).query(fields),
            Fields::Form(fields) => self.http.post(url.clone()).form(fields),
            Fields::Bytes(headers, body) => {
                let request = self.http.post(url.clone()).body(body.clone());
                headers
                    .iter()
                    .fold(request, |request, (name, value)| request.header(*name, *value))
            }
        };
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        let mut request = request.build().map_err(Failure::Http)?;
        // A signature covers a space as it is written in a path; forms write it otherwise.
        if let Some(query) = request.url().query().filter(|query| query.contains('+')) {
            let query = query.replace('+', "%20");
            request.url_mut().set_query(Some(&query));
        }
        if let Some(signer) = &self.signer {
            signer.sign(&mut request).await.map_err(Failure::Signing)?;
        }
        self.http.execute(request).await.map_err(Failure::Http)
    }
}

/// Where a redirect leads, without its query: it may hold what a login page needs to come back.
fn redirected(asked: &Url, response: &Response) -> TransportError {
    let location = response.headers().get(reqwest::header::LOCATION);
    let to = location
        .and_then(|location| asked.join(location.to_str().ok()?).ok())
        .map_or_else(
            || "nowhere".to_owned(),
            |to| format!("{}{}", to.origin().ascii_serialization(), to.path()),
        );
    TransportError::Redirected { to }
}
