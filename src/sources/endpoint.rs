//! Where a server is and how to be let in: shared by every source that speaks HTTP.

use std::fmt;
use std::time::Duration;

/// A token or password. It never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps this text from being printed.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for a header and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its base URL, such as `http://prometheus.monitoring:9090`.
    pub url: String,
    /// Sent as `Authorization: Bearer`.
    pub bearer: Option<Secret>,
    /// Headers such as `X-Scope-OrgID`; values may be secret.
    pub headers: Vec<(String, Secret)>,
    /// PEM of a certificate authority to trust besides the system's.
    pub ca_pem: Option<Vec<u8>>,
}

/// Why no client could be made for an endpoint.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The URL is none.
    #[error("`{url}` is not a URL ({cause}); give it as http://HOST:PORT or https://HOST/PATH")]
    Url {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A header cannot be sent.
    #[error("the header `{name}` cannot be sent; names are letters, digits and dashes, values are printable")]
    Header {
        /// Its name; the value may be secret.
        name: String,
    },
    /// A certificate cannot be read.
    #[error("the certificate authority for `{url}` cannot be read: {cause}")]
    Certificate {
        /// For which server.
        url: String,
        /// What is wrong with it.
        cause: reqwest::Error,
    },
    /// The client cannot be built.
    #[error("no HTTP client for `{url}`: {cause}")]
    Client {
        /// For which server.
        url: String,
        /// Why.
        cause: reqwest::Error,
    },
}

impl Endpoint {
    /// A server without credentials.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            bearer: None,
            headers: Vec::new(),
            ca_pem: None,
        }
    }

    /// Its URL without user, password and query: fit for messages and recordings.
    pub fn shown(&self) -> String {
        match reqwest::Url::parse(&self.url) {
            Ok(mut url) => {
                // Neither fails for a URL with a host, and one without has nothing to hide there.
                let _ = url.set_username("");
                let _ = url.set_password(None);
                url.set_query(None);
                url.as_str().trim_end_matches('/').to_owned()
            }
            Err(_) => self.url.clone(),
        }
    }

    /// A client that sends the credentials with every request and gives up after `timeout`.
    ///
    /// # Errors
    /// As [`EndpointError`] says.
    pub fn client(&self, timeout: Duration) -> Result<reqwest::Client, EndpointError> {
        self.check_url()?;
        let mut headers = reqwest::header::HeaderMap::new();
        let bearer = self.bearer.as_ref();
        let authorization = bearer.map(|token| ("authorization", format!("Bearer {}", token.expose())));
        let given = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose().to_owned()));
        for (name, value) in authorization.into_iter().chain(given) {
            let bad = || EndpointError::Header { name: name.to_owned() };
            let key = reqwest::header::HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            let mut value = reqwest::header::HeaderValue::from_str(&value).map_err(|_| bad())?;
            value.set_sensitive(true);
            headers.append(key, value);
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("gpuwise/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(10))
            .timeout(timeout)
            .default_headers(headers);
        if let Some(pem) = &self.ca_pem {
            let bundle = reqwest::Certificate::from_pem_bundle(pem).map_err(|cause| EndpointError::Certificate {
                url: self.shown(),
                cause,
            })?;
            builder = bundle
                .into_iter()
                .fold(builder, reqwest::ClientBuilder::add_root_certificate);
        }
        builder.build().map_err(|cause| EndpointError::Client {
            url: self.shown(),
            cause,
        })
    }

    fn check_url(&self) -> Result<(), EndpointError> {
        let bad = |cause: String| EndpointError::Url {
            url: self.shown(),
            cause,
        };
        let url = reqwest::Url::parse(&self.url).map_err(|error| bad(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad(format!("its scheme is `{}`", url.scheme())));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_not_shown() {
        let mut endpoint = Endpoint::new("https://me:word@metrics.example/prom/?token=abc");
        endpoint.bearer = Some(Secret::new("hush"));
        assert_eq!(endpoint.shown(), "https://metrics.example/prom");
        assert!(!format!("{:?}", endpoint.bearer).contains("hush"));
    }

    #[test]
    fn a_url_that_is_none_says_how_one_looks() {
        let error = Endpoint::new("prometheus:9090")
            .client(Duration::from_secs(1))
            .unwrap_err();
        assert!(error.to_string().contains("http://HOST:PORT"), "{error}");
    }
}
