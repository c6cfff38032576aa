//! Requests to a server: who we are, what a redirect or a silence means, and no secret in any message.

mod error;
mod login;
pub mod retry;
mod sigv4;

use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use reqwest::{Response, StatusCode, Url};

pub use self::error::TransportError;
use self::login::Authorization;
use self::sigv4::SigV4;
use super::endpoint::{Endpoint, EndpointError, Login, causes};

/// A way to one server.
#[derive(Clone)]
pub struct Transport {
    http: reqwest::Client,
    authorization: Authorization,
    signer: Option<SigV4>,
    base: Url,
    shown: String,
    silence: Duration,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Transport").field(&self.shown).finish()
    }
}

/// How a query's fields travel.
#[derive(Clone, Copy)]
enum Fields<'f> {
    Query(&'f [(&'f str, String)]),
    Form(&'f [(&'f str, String)]),
}

impl Transport {
    /// A way to this server, straight or through the proxy that the environment names. It gives up after `silence` where
    /// the endpoint sets no other limit. Nothing is sent yet.
    ///
    /// # Errors
    /// When the endpoint has no usable URL, header, login or certificate.
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
            authorization: Authorization::new(endpoint, &http)?,
            signer,
            http,
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

    /// Asks with the fields in a form, so that no proxy finds the URL too long.
    ///
    /// # Errors
    /// As [`TransportError`] says.
    pub async fn post(&self, path: &str, fields: &[(&str, String)]) -> Result<Response, TransportError> {
        self.send(path, Fields::Form(fields)).await
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
        let sent = self.authorization.header();
        let response = self.once(path, fields, sent.clone()).await?;
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(fresh) = self.authorization.renewed(sent.as_ref())
        {
            return self.once(path, fields, Some(fresh)).await;
        }
        Ok(response)
    }

    async fn once(
        &self,
        path: &str,
        fields: Fields<'_>,
        authorization: Option<reqwest::header::HeaderValue>,
    ) -> Result<Response, TransportError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        let mut request = match fields {
            Fields::Query(fields) => self.http.get(url.clone()).query(fields),
            Fields::Form(fields) => self.http.post(url.clone()).form(fields),
        };
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        let mut request = request.build().map_err(|error| self.broken(&error))?;
        if let Some(signer) = &self.signer {
            signer.sign(&mut request).await?;
        }
        let response = self.http.execute(request).await.map_err(|error| self.broken(&error))?;
        match response.status().is_redirection() {
            true => Err(redirected(&url, &response)),
            false => Ok(response),
        }
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
