//! Where a server is and how to be let in: shared by every source that speaks HTTP.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

/// A token, password or key. It never prints.
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

/// Who we are to a server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Login {
    /// Nobody in particular, or whoever the URL names.
    #[default]
    None,
    /// `Authorization: Basic`.
    Basic {
        /// The user.
        user: String,
        /// Its password.
        password: Secret,
    },
    /// `Authorization: Bearer`.
    Token(Secret),
    /// `Authorization: Bearer`, read from a file, and again when the server no longer takes it: projected tokens of a
    /// service account are replaced while we run.
    TokenFile(PathBuf),
    /// Requests signed for Amazon's managed Prometheus, with the credentials that its tools find, too.
    SigV4 {
        /// The region of the workspace.
        region: String,
    },
}

/// How a connection is made safe.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// PEM of certificate authorities to trust besides the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// PEM of our own certificate and its key, for servers that ask for one.
    pub identity_pem: Option<Secret>,
}

/// A server.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its base URL, such as `http://prometheus.monitoring:9090`.
    pub url: String,
    /// Who we are to it.
    pub login: Login,
    /// Headers such as `X-Scope-OrgID`; values may be secret.
    pub headers: Vec<(String, Secret)>,
    /// Certificates.
    pub tls: Tls,
    /// How long it may be silent before it is given up; the source's own limit where not given.
    pub timeout: Option<Duration>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &self.shown())
            .finish_non_exhaustive()
    }
}

/// Why no client could be made for an endpoint.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The URL is none.
    #[error(
        "`{url}` is not a URL ({cause}); give it as http://HOST:PORT, https://HOST/PATH or svc:NAMESPACE/NAME:PORT"
    )]
    Url {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A service of the cluster cannot be asked.
    #[error("`{url}` cannot be reached through the Kubernetes API: {cause}")]
    Service {
        /// As it was given.
        url: String,
        /// Why, and what would do.
        cause: String,
    },
    /// A header cannot be sent.
    #[error("the header `{name}` cannot be sent; names are letters, digits and dashes, values are printable")]
    Header {
        /// Its name; the value may be secret.
        name: String,
    },
    /// A token or password has characters that no header may have.
    #[error("the token or password for `{url}` cannot be sent: it holds a line break or a control character")]
    Login {
        /// For which server.
        url: String,
    },
    /// A file with a token cannot be read.
    #[error("the token for `{url}` cannot be read from `{}`: {cause}", path.display())]
    TokenFile {
        /// For which server.
        url: String,
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A certificate authority cannot be read.
    #[error("the certificate authority for `{url}` cannot be read: {cause}; --ca-file takes PEM")]
    Certificate {
        /// For which server.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Our own certificate cannot be read.
    #[error(
        "the client certificate for `{url}` cannot be used: {cause}; --client-cert-file takes the chain and \
         --client-key-file its unencrypted key, both as PEM"
    )]
    Identity {
        /// For which server.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The client cannot be built.
    #[error("no HTTP client for `{url}`: {cause}")]
    Client {
        /// For which server.
        url: String,
        /// Why.
        cause: String,
    },
}

impl Endpoint {
    /// A server without credentials.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            login: Login::None,
            headers: Vec::new(),
            tls: Tls::default(),
            timeout: None,
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

    /// Its URL, taken apart.
    ///
    /// # Errors
    /// When it is none, or of another protocol.
    pub(crate) fn parsed(&self) -> Result<reqwest::Url, EndpointError> {
        let bad = |cause: String| EndpointError::Url {
            url: self.shown(),
            cause,
        };
        let url = reqwest::Url::parse(&self.url).map_err(|error| bad(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad(format!("its scheme is `{}`", url.scheme())));
        }
        Ok(url)
    }

    /// Its headers, in the form in which they are sent.
    ///
    /// # Errors
    /// When one cannot be.
    pub(super) fn header_map(&self) -> Result<HeaderMap, EndpointError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let bad = || EndpointError::Header { name: name.clone() };
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            let mut value = HeaderValue::from_str(value.expose()).map_err(|_| bad())?;
            value.set_sensitive(true);
            headers.append(key, value);
        }
        Ok(headers)
    }

    /// A client that sends the headers with every request and gives up after this much silence. It follows no redirect:
    /// a query would arrive without its form, and a header of ours at another's server.
    ///
    /// # Errors
    /// As [`EndpointError`] says.
    pub(crate) fn client(&self, silence: Duration) -> Result<reqwest::Client, EndpointError> {
        let url = self.parsed()?;
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("gpuwise/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(silence.min(Duration::from_secs(10)))
            .read_timeout(silence)
            .default_headers(self.header_map()?);
        if is_loopback(&url) {
            // A forwarded port is of this machine; no proxy knows it.
            builder = builder.no_proxy();
        }
        let shown = || self.shown();
        if let Some(pem) = &self.tls.ca_pem {
            let bad = |cause: String| EndpointError::Certificate { url: shown(), cause };
            let bundle = reqwest::Certificate::from_pem_bundle(pem).map_err(|error| bad(causes(&error)))?;
            if bundle.is_empty() {
                return Err(bad("there is no certificate in it".to_owned()));
            }
            builder = bundle
                .into_iter()
                .fold(builder, reqwest::ClientBuilder::add_root_certificate);
        }
        if let Some(pem) = &self.tls.identity_pem {
            let identity =
                reqwest::Identity::from_pem(pem.expose().as_bytes()).map_err(|error| EndpointError::Identity {
                    url: shown(),
                    cause: causes(&error),
                })?;
            builder = builder.identity(identity);
        }
        builder.build().map_err(|error| {
            let (url, cause) = (shown(), causes(&error));
            match self.tls.identity_pem {
                // That a key is not the certificate's shows only here.
                Some(_) => EndpointError::Identity { url, cause },
                None => EndpointError::Client { url, cause },
            }
        })
    }
}

/// Whether a URL is of this machine.
pub(super) fn is_loopback(url: &reqwest::Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let named = host == "localhost" || host.ends_with(".localhost");
    named
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// What lies beneath an error, without the error itself: reqwest's own text repeats the URL with all its secrets.
pub(crate) fn causes(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    if text.is_empty() {
        "the connection broke".clone_into(&mut text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_not_shown() {
        let mut endpoint = Endpoint::new("https://me:word@metrics.example/prom/?token=abc");
        endpoint.login = Login::Token(Secret::new("hush"));
        endpoint.headers = vec![("X-Api-Key".to_owned(), Secret::new("hush"))];
        endpoint.tls.identity_pem = Some(Secret::new("hush"));
        assert_eq!(endpoint.shown(), "https://metrics.example/prom");
        let printed = format!("{endpoint:?} {:?} {:?}", endpoint.login, endpoint.tls);
        for secret in ["hush", "word", "abc"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }

    #[test]
    fn a_url_that_is_none_says_how_one_looks() {
        let error = Endpoint::new("prometheus:9090")
            .client(Duration::from_secs(1))
            .unwrap_err();
        assert!(error.to_string().contains("http://HOST:PORT"), "{error}");
    }

    #[test]
    fn this_machine_is_told_from_others() {
        let is = |url: &str| is_loopback(&reqwest::Url::parse(url).unwrap());
        assert!(is("http://localhost:9090") && is("http://127.0.0.2") && is("https://[::1]:1/p"));
        assert!(!is("http://localhost.example") && !is("http://10.0.0.1") && !is("http://[2001:db8::1]"));
    }
}
