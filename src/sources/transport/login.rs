//! The `Authorization` header, and a token file that is replaced while we run.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::HeaderValue;

use crate::sources::endpoint::{Endpoint, EndpointError, Login};

/// What to send as `Authorization`.
#[derive(Clone)]
pub(super) struct Authorization {
    file: Option<PathBuf>,
    /// Shared, so that all who ask the server learn of a new token at once.
    current: Arc<Mutex<Option<HeaderValue>>>,
}

impl Authorization {
    pub(super) fn new(endpoint: &Endpoint, http: &reqwest::Client) -> Result<Self, EndpointError> {
        let bad = || EndpointError::Login { url: endpoint.shown() };
        let mut file = None;
        let header = match &endpoint.login {
            Login::None | Login::SigV4 { .. } => None,
            Login::Basic { user, password } => Some(basic(http, user, password.expose()).ok_or_else(bad)?),
            Login::Token(token) => Some(of_token(token.expose()).ok_or_else(bad)?),
            Login::TokenFile(path) => {
                let token = std::fs::read_to_string(path).map_err(|cause| EndpointError::TokenFile {
                    url: endpoint.shown(),
                    path: path.clone(),
                    cause,
                })?;
                file = Some(path.clone());
                Some(of_token(&token).ok_or_else(bad)?)
            }
        };
        Ok(Self {
            file,
            current: Arc::new(Mutex::new(header)),
        })
    }

    pub(super) fn header(&self) -> Option<HeaderValue> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another header than the one that was refused, if the file holds one by now.
    pub(super) fn renewed(&self, refused: Option<&HeaderValue>) -> Option<HeaderValue> {
        // A file that cannot be read any more leaves the refusal to be told.
        let token = std::fs::read_to_string(self.file.as_ref()?).ok()?;
        let fresh = of_token(&token).filter(|fresh| Some(fresh) != refused)?;
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh.clone());
        Some(fresh)
    }
}

fn of_token(token: &str) -> Option<HeaderValue> {
    let token = token.trim();
    if token.is_empty() {
        return None;
    }
    sensitive(&format!("Bearer {token}"))
}

fn basic(http: &reqwest::Client, user: &str, password: &str) -> Option<HeaderValue> {
    // The user ends at the first colon.
    if user.contains(':') {
        return None;
    }
    let request = http.get("http://localhost").basic_auth(user, Some(password)).build();
    request.ok()?.headers().get(reqwest::header::AUTHORIZATION).cloned()
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
