//! Requests to a forge's REST API: paced, asked again only where that is safe, page by page, and no token in any message.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::error::ForgeError;
use super::refusal::{Answer, Tried, refusal};
use super::settings::Clock;
use crate::sources::endpoint::{Endpoint, EndpointError, Login, Secret, causes};
use crate::sources::transport::retry::{BACKOFF, LONGEST_WAIT, TRIES, wait};

/// A forge that says nothing for this long is given up.
const SILENCE: Duration = Duration::from_secs(60);

/// Bytes of one answer: a blob of GitHub's greatest size fits, unpacked from its base64.
const MOST: usize = 144 << 20;

/// Pages of one list.
const PAGES: u32 = 200;

/// How one kind of forge is spoken to.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// What the token is introduced with.
    pub(super) scheme: &'static str,
    /// The path of the API, added where the address lacks it.
    pub(super) api: &'static str,
    /// Headers of every request.
    pub(super) headers: &'static [(&'static str, &'static str)],
    /// What a token needs.
    pub(super) rights: &'static str,
    /// The least time between two requests that write.
    pub(super) pace: Duration,
    /// How a page's length is called, and the greatest.
    pub(super) page: (&'static str, &'static str),
}

/// The way to one repository's forge.
pub(super) struct Http {
    client: reqwest::Client,
    kind: Kind,
    base: Url,
    headers: HeaderMap,
    token: Option<Secret>,
    /// Repository and server, for messages.
    pub(super) place: String,
    silence: Duration,
    clock: Arc<dyn Clock>,
    written: Mutex<Option<Timestamp>>,
}

/// One request.
pub(super) struct Call<'c> {
    what: String,
    method: Method,
    path: Vec<&'c str>,
    query: Vec<(&'c str, String)>,
    body: Option<Value>,
    /// Whether it may be sent again though the server may have done it already.
    again: bool,
}

impl<'c> Call<'c> {
    /// A request for something; the path in segments, each of which is escaped.
    pub(super) fn get(what: impl Into<String>, path: &[&'c str]) -> Self {
        Self {
            what: what.into(),
            method: Method::GET,
            path: path.to_vec(),
            query: Vec::new(),
            body: None,
            again: true,
        }
    }

    /// A request that writes, and is sent again only where the server did certainly not do it.
    pub(super) fn write(what: impl Into<String>, method: Method, path: &[&'c str], body: Value) -> Self {
        Self {
            method,
            body: Some(body),
            again: false,
            ..Self::get(what, path)
        }
    }

    /// The same, which leaves the same behind however often it is done.
    pub(super) fn again(mut self) -> Self {
        self.again = true;
        self
    }

    pub(super) fn with(mut self, name: &'c str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }
}

impl Http {
    /// The way to a repository; nothing is sent yet.
    pub(super) fn open(
        endpoint: &Endpoint,
        repository: &str,
        kind: Kind,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ForgeError> {
        let silence = endpoint.timeout.unwrap_or(SILENCE);
        let client = endpoint.client(silence)?;
        let place = format!("{repository} at {}", endpoint.shown());
        let token = token_of(endpoint, &place)?;
        let mut headers = HeaderMap::new();
        for (name, value) in kind.headers {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        if let Some(token) = &token {
            let value = HeaderValue::from_str(&format!("{} {}", kind.scheme, token.expose()));
            let bad = |_| EndpointError::Login { url: endpoint.shown() };
            let mut value = value.map_err(bad)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut base = endpoint.parsed()?;
        // Of what people paste, user, password and query have no business in a request.
        let _ = base.set_username("");
        let _ = base.set_password(None);
        base.set_query(None);
        base.set_fragment(None);
        let path = base.path().trim_end_matches('/').to_owned();
        let named = base.host_str().is_some_and(|host| host.starts_with("api."));
        let whole = path.ends_with(kind.api) || (named && path.is_empty());
        if !whole {
            base.set_path(&format!("{path}{}", kind.api));
        }
        let written = Mutex::new(None);
        Ok(Self {
            client,
            kind,
            base,
            headers,
            token,
            place,
            silence,
            clock,
            written,
        })
    }

    /// Asks, and asks again where that helps and is safe. Any answer is a success, or an error that says what to do.
    pub(super) async fn ask(&self, call: &Call<'_>) -> Result<Answer, ForgeError> {
        let mut tried = 1;
        loop {
            let sent = self.once(call).await;
            let now = self.clock.now();
            let told = match &sent {
                Ok(answer) if (200..300).contains(&answer.status) => return sent,
                // Whoever is too busy did nothing, so that may be asked for again, whatever it is.
                Ok(answer) => match (answer.busy(now), answer.status) {
                    (Some(told), _) if told <= LONGEST_WAIT => Some(Some(told)),
                    (None, 502..=504) if call.again => Some(None),
                    _ => None,
                },
                Err(ForgeError::Unreachable { .. }) if call.again => Some(None),
                Err(_) => None,
            };
            match told {
                Some(told) if tried < TRIES => self.clock.sleep(wait(told, BACKOFF, tried)).await,
                _ => return sent.and_then(|answer| Err(self.refused(&call.what, &answer))),
            }
            tried += 1;
        }
    }

    async fn once(&self, call: &Call<'_>) -> Result<Answer, ForgeError> {
        if call.method != Method::GET {
            self.pause().await;
        }
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(&call.path);
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut request = self
            .client
            .request(call.method.clone(), url)
            .headers(self.headers.clone());
        if let Some(body) = call.body.as_ref().filter(|body| !body.is_null()) {
            request = request.json(body);
        }
        let lost = |cause: String| ForgeError::Unreachable {
            what: call.what.clone(),
            place: self.place.clone(),
            cause,
        };
        let broken = |error: reqwest::Error| match error.is_timeout() && !error.is_connect() {
            true => lost(format!("not a byte came for {} s", self.silence.as_secs())),
            false => lost(causes(&error)),
        };
        let mut response = request.send().await.map_err(broken)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(broken)? {
            if body.len() + piece.len() > MOST {
                return Err(self.unreadable(&call.what, format!("it is longer than {MOST} bytes")));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer { status, headers, body })
    }

    /// Waits until the next write may be sent.
    async fn pause(&self) {
        let last = *self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = last {
            let since = Duration::try_from(self.clock.now().duration_since(last)).unwrap_or_default();
            if let Some(left) = self.kind.pace.checked_sub(since).filter(|left| !left.is_zero()) {
                self.clock.sleep(left).await;
            }
        }
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.clock.now());
    }

    /// Asks for JSON of this shape.
    pub(super) async fn json<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, ForgeError> {
        let answer = self.ask(call).await?;
        self.parse(call, &answer)
    }

    fn parse<T: DeserializeOwned>(&self, call: &Call<'_>, answer: &Answer) -> Result<T, ForgeError> {
        serde_json::from_slice(&answer.body).map_err(|error| {
            let html = answer.body.trim_ascii_start().starts_with(b"<");
            let cause = match html {
                true => "it is a page of HTML".to_owned(),
                false => error.to_string(),
            };
            self.unreadable(&call.what, cause)
        })
    }

    /// Asks for something that may not be there.
    pub(super) async fn maybe<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<Option<T>, ForgeError> {
        match self.json(call).await {
            Ok(found) => Ok(Some(found)),
            Err(ForgeError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks for a list, page after page. The addresses of further pages are the server's idea of itself, which a proxy may not
    /// share, so that only whether there is one is believed.
    pub(super) async fn pages<T: DeserializeOwned>(&self, mut call: Call<'_>) -> Result<Vec<T>, ForgeError> {
        let mut all = Vec::new();
        let (name, length) = self.kind.page;
        let fields = call.query.len();
        for page in 1..=PAGES {
            call.query.truncate(fields);
            call.query
                .extend([(name, length.to_owned()), ("page", page.to_string())]);
            let answer = self.ask(&call).await?;
            all.extend(self.parse::<Vec<T>>(&call, &answer)?);
            if !has_next(&answer.headers) {
                return Ok(all);
            }
        }
        Err(ForgeError::TooMany {
            what: call.what,
            place: self.place.clone(),
            most: format!("{PAGES} pages"),
        })
    }

    /// Does something whose answer says nothing new. It is an answer all the same: a login page is none, whatever its status.
    pub(super) async fn done(&self, call: &Call<'_>) -> Result<(), ForgeError> {
        let answer = self.ask(call).await?;
        match answer.status {
            204 => Ok(()),
            _ => self.parse::<IgnoredAny>(call, &answer).map(|_| ()),
        }
    }

    fn refused(&self, what: &str, answer: &Answer) -> ForgeError {
        let mut said = answer.said();
        // A server that repeats the token must not make us repeat it.
        if let Some(token) = self
            .token
            .as_ref()
            .map(Secret::expose)
            .filter(|token| !token.is_empty())
        {
            said = said.replace(token, "…");
        }
        let tried = Tried {
            what,
            place: &self.place,
            rights: self.kind.rights,
        };
        refusal(&tried, answer, said, self.clock.now())
    }

    /// An answer of another shape than the API's.
    pub(super) fn unreadable(&self, what: &str, cause: String) -> ForgeError {
        ForgeError::Unreadable {
            what: what.to_owned(),
            place: self.place.clone(),
            cause,
        }
    }

    /// The bytes of base64 as servers wrap it.
    pub(super) fn base64(&self, what: &str, text: &str) -> Result<Vec<u8>, ForgeError> {
        let bare: String = text.split_ascii_whitespace().collect();
        let read = reqsign_core::hash::base64_decode(&bare);
        read.map_err(|_| self.unreadable(what, "its content is no base64".to_owned()))
    }
}

/// The token of a login; none where nobody in particular asks.
fn token_of(endpoint: &Endpoint, place: &str) -> Result<Option<Secret>, ForgeError> {
    let no_token = |given| ForgeError::Login {
        place: place.to_owned(),
        given,
    };
    let token = match &endpoint.login {
        Login::None => return Ok(None),
        Login::Token(token) => token.clone(),
        Login::TokenFile(path) => {
            let read = std::fs::read_to_string(path);
            Secret::new(read.map_err(|cause| EndpointError::TokenFile {
                url: endpoint.shown(),
                path: path.clone(),
                cause,
            })?)
        }
        Login::Basic { .. } => return Err(no_token("a user with a password")),
        Login::SigV4 { .. } => return Err(no_token("a signature for AWS")),
    };
    Ok(Some(Secret::new(token.expose().trim())))
}

fn has_next(headers: &HeaderMap) -> bool {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    text("link").contains("rel=\"next\"") || !text("x-next-page").is_empty()
}

/// `owner/name`, taken apart.
pub(super) fn owner_and_name(given: &str) -> Result<(String, String), ForgeError> {
    let plain = |part: &str| {
        !part.is_empty()
            && !matches!(part, "." | "..")
            && !part.contains(|c: char| c.is_whitespace() || c.is_control() || "?#%\\:".contains(c))
    };
    match given.trim_matches('/').trim_end_matches(".git").split_once('/') {
        Some((owner, name)) if plain(owner) && plain(name) && !name.contains('/') => {
            Ok((owner.to_owned(), name.to_owned()))
        }
        _ => Err(ForgeError::Repository {
            given: given.to_owned(),
            form: "OWNER/NAME",
        }),
    }
}
