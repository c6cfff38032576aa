//! Arguments that say where servers are and how to be let in: Prometheus and costs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::exit::Usage;
use super::files::read;
use crate::sources::endpoint::{Endpoint, Login, Secret, Tls};
use crate::sources::prometheus::flavour::amazon_region;
use crate::sources::prometheus::matcher::Matchers;

/// Servers, and who we are to them. Secrets come from files or the environment, and help shows none.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Servers")]
pub(super) struct Reach {
    /// Prometheus, Thanos, Mimir or VictoriaMetrics, as http://HOST:PORT or, through the Kubernetes API,
    /// svc:NAMESPACE/NAME:PORT [default: looked for in the cluster]
    #[arg(long, value_name = "URL", env = "GPUWISE_PROMETHEUS", hide_env_values = true)]
    pub(super) prometheus: Option<String>,
    /// A file with a bearer token for it, read again when the token is replaced (or GPUWISE_PROMETHEUS_TOKEN)
    #[arg(long, value_name = "FILE", env = "GPUWISE_PROMETHEUS_TOKEN_FILE")]
    prometheus_token_file: Option<PathBuf>,
    /// Who to log in as, with a password
    #[arg(long, value_name = "NAME", env = "GPUWISE_PROMETHEUS_USER")]
    prometheus_user: Option<String>,
    /// A file with the password (or GPUWISE_PROMETHEUS_PASSWORD)
    #[arg(long, value_name = "FILE", env = "GPUWISE_PROMETHEUS_PASSWORD_FILE")]
    prometheus_password_file: Option<PathBuf>,
    /// Sign requests for Amazon Managed Prometheus of this region [default: as its host says]
    #[arg(long, value_name = "REGION", env = "GPUWISE_PROMETHEUS_SIGV4_REGION")]
    prometheus_sigv4_region: Option<String>,
    /// A header for it, such as 'X-Scope-OrgID: team' (repeatable; one a line in the environment)
    #[arg(
        long,
        value_name = "NAME: VALUE",
        env = "GPUWISE_PROMETHEUS_HEADER",
        hide_env_values = true,
        value_delimiter = '\n'
    )]
    prometheus_header: Vec<String>,
    /// Which series are this cluster's in a store that keeps several, such as 'cluster="prod-eu"' (repeatable, all must match;
    /// one a line in the environment) [default: the cluster whose nodes the Kubernetes API has]
    #[arg(
        long,
        value_name = "MATCHER",
        env = "GPUWISE_PROMETHEUS_MATCHER",
        value_delimiter = '\n'
    )]
    prometheus_matcher: Vec<String>,
    /// OpenCost or Kubecost, likewise [default: looked for where Prometheus is]
    #[arg(long, value_name = "URL", env = "GPUWISE_COSTS", hide_env_values = true)]
    pub(super) costs: Option<String>,
    /// A file with a bearer token for it, read again when the token is replaced (or GPUWISE_COSTS_TOKEN)
    #[arg(long, value_name = "FILE", env = "GPUWISE_COSTS_TOKEN_FILE")]
    costs_token_file: Option<PathBuf>,
    /// Who to log in as, with a password
    #[arg(long, value_name = "NAME", env = "GPUWISE_COSTS_USER")]
    costs_user: Option<String>,
    /// A file with the password (or GPUWISE_COSTS_PASSWORD)
    #[arg(long, value_name = "FILE", env = "GPUWISE_COSTS_PASSWORD_FILE")]
    costs_password_file: Option<PathBuf>,
    /// A header for it (repeatable; one a line in the environment)
    #[arg(
        long,
        value_name = "NAME: VALUE",
        env = "GPUWISE_COSTS_HEADER",
        hide_env_values = true,
        value_delimiter = '\n'
    )]
    costs_header: Vec<String>,
    /// A PEM file with certificate authorities to trust besides the system's, for both
    #[arg(long, value_name = "FILE", env = "GPUWISE_CA_FILE")]
    ca_file: Option<PathBuf>,
    /// A PEM file with our own certificate, for servers that ask for one
    #[arg(
        long,
        value_name = "FILE",
        env = "GPUWISE_CLIENT_CERT_FILE",
        requires = "client_key_file"
    )]
    client_cert_file: Option<PathBuf>,
    /// A PEM file with its key
    #[arg(
        long,
        value_name = "FILE",
        env = "GPUWISE_CLIENT_KEY_FILE",
        requires = "client_cert_file"
    )]
    client_key_file: Option<PathBuf>,
    /// Seconds of silence after which a server is given up [default: 150 for metrics, 300 for costs and the Kubernetes API]
    #[arg(long, value_name = "SECONDS", env = "GPUWISE_TIMEOUT", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: Option<u64>,
}

/// The arguments of one server.
struct Server<'a> {
    /// As in `--prometheus-user`.
    name: &'static str,
    url: &'a str,
    token_file: Option<&'a Path>,
    token: Option<String>,
    user: Option<&'a str>,
    password_file: Option<&'a Path>,
    password: Option<String>,
    headers: &'a [String],
}

/// What a file says of one server.
#[derive(Debug, Default)]
pub(super) struct Access {
    pub(super) url: Option<String>,
    pub(super) token_file: Option<PathBuf>,
    pub(super) user: Option<String>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) headers: Vec<String>,
    pub(super) sigv4_region: Option<String>,
    pub(super) matchers: Vec<String>,
}

impl Reach {
    /// What a file says; of files, the authority, our certificate and its key.
    pub(super) fn of(prometheus: Access, costs: Access, files: [Option<PathBuf>; 3], timeout: Option<u64>) -> Self {
        let [ca_file, client_cert_file, client_key_file] = files;
        Self {
            prometheus: prometheus.url,
            prometheus_token_file: prometheus.token_file,
            prometheus_user: prometheus.user,
            prometheus_password_file: prometheus.password_file,
            prometheus_sigv4_region: prometheus.sigv4_region,
            prometheus_header: prometheus.headers,
            prometheus_matcher: prometheus.matchers,
            costs: costs.url,
            costs_token_file: costs.token_file,
            costs_user: costs.user,
            costs_password_file: costs.password_file,
            costs_header: costs.headers,
            ca_file,
            client_cert_file,
            client_key_file,
            timeout,
        }
    }

    /// These arguments laid over a file's. A login and headers go with the server that they are for: who names another
    /// server must not send it the file's secrets.
    pub(super) fn over(mut self, file: Self) -> Self {
        if self.prometheus.is_none() || self.prometheus == file.prometheus {
            self.prometheus = file.prometheus;
            let logs_in = self.prometheus_token_file.is_some()
                || self.prometheus_user.is_some()
                || self.prometheus_sigv4_region.is_some()
                || environment("GPUWISE_PROMETHEUS_TOKEN").is_some();
            if !logs_in {
                self.prometheus_token_file = file.prometheus_token_file;
                self.prometheus_user = file.prometheus_user;
                self.prometheus_password_file = self.prometheus_password_file.or(file.prometheus_password_file);
                self.prometheus_sigv4_region = file.prometheus_sigv4_region;
            }
            if self.prometheus_header.is_empty() {
                self.prometheus_header = file.prometheus_header;
            }
            if self.prometheus_matcher.is_empty() {
                self.prometheus_matcher = file.prometheus_matcher;
            }
        }
        if self.costs.is_none() || self.costs == file.costs {
            self.costs = file.costs;
            let logs_in = self.costs_token_file.is_some()
                || self.costs_user.is_some()
                || environment("GPUWISE_COSTS_TOKEN").is_some();
            if !logs_in {
                self.costs_token_file = file.costs_token_file;
                self.costs_user = file.costs_user;
                self.costs_password_file = self.costs_password_file.or(file.costs_password_file);
            }
            if self.costs_header.is_empty() {
                self.costs_header = file.costs_header;
            }
        }
        self.ca_file = self.ca_file.or(file.ca_file);
        if self.client_cert_file.is_none() {
            self.client_cert_file = file.client_cert_file;
            self.client_key_file = file.client_key_file;
        }
        self.timeout = self.timeout.or(file.timeout);
        self
    }

    /// Prometheus, if it is named.
    pub(super) fn prometheus(&self) -> Result<Option<Endpoint>, Usage> {
        let server = self.prometheus.as_deref().map(|url| Server {
            name: "prometheus",
            url,
            token_file: self.prometheus_token_file.as_deref(),
            token: environment("GPUWISE_PROMETHEUS_TOKEN"),
            user: self.prometheus_user.as_deref(),
            password_file: self.prometheus_password_file.as_deref(),
            password: environment("GPUWISE_PROMETHEUS_PASSWORD"),
            headers: &self.prometheus_header,
        });
        let endpoint = server.map(|server| self.endpoint(server)).transpose()?;
        endpoint.map(|endpoint| self.signed(endpoint)).transpose()
    }

    /// Which series of it are read.
    pub(super) fn matchers(&self) -> Result<Matchers, Usage> {
        let given = self.prometheus_matcher.iter().filter(|text| !text.trim().is_empty());
        let mut all = Matchers::default();
        for text in given {
            let read: Matchers = text
                .parse()
                .map_err(|error| Usage(format!("--prometheus-matcher: {error}")))?;
            all.0.extend(read.0);
        }
        Ok(all)
    }

    /// Signed where that is asked for, or where it is Amazon's and nobody logs in otherwise.
    fn signed(&self, mut endpoint: Endpoint) -> Result<Endpoint, Usage> {
        let region = match &self.prometheus_sigv4_region {
            Some(_) if endpoint.login != Login::None => {
                return Err(Usage(
                    "--prometheus-sigv4-region and another login for prometheus are two logins; give one of them"
                        .to_owned(),
                ));
            }
            Some(region) => Some(region.clone()),
            None if endpoint.login == Login::None => {
                amazon_region(&endpoint.url).filter(|_| !names_authorization(&endpoint))
            }
            None => None,
        };
        if let Some(region) = region {
            endpoint.login = Login::SigV4 { region };
        }
        Ok(endpoint)
    }

    /// OpenCost or Kubecost, if it is named.
    pub(super) fn costs(&self) -> Result<Option<Endpoint>, Usage> {
        let server = self.costs.as_deref().map(|url| Server {
            name: "costs",
            url,
            token_file: self.costs_token_file.as_deref(),
            token: environment("GPUWISE_COSTS_TOKEN"),
            user: self.costs_user.as_deref(),
            password_file: self.costs_password_file.as_deref(),
            password: environment("GPUWISE_COSTS_PASSWORD"),
            headers: &self.costs_header,
        });
        server.map(|server| self.endpoint(server)).transpose()
    }

    /// What a server that is looked for shares with those that are named.
    pub(super) fn looked_for(&self) -> Result<Endpoint, Usage> {
        let mut endpoint = Endpoint::new("");
        endpoint.tls = self.tls()?;
        endpoint.timeout = self.timeout.map(Duration::from_secs);
        Ok(endpoint)
    }

    fn endpoint(&self, server: Server<'_>) -> Result<Endpoint, Usage> {
        let login = server.login()?;
        let url = server.url.to_owned();
        let headers = server.headers.iter().filter(|header| !header.trim().is_empty());
        Ok(Endpoint {
            url,
            login,
            headers: headers.map(|header| split(header)).collect::<Result<_, _>>()?,
            tls: self.tls()?,
            timeout: self.timeout.map(Duration::from_secs),
        })
    }

    fn tls(&self) -> Result<Tls, Usage> {
        let identity_pem = match (&self.client_cert_file, &self.client_key_file) {
            (Some(certificate), Some(key)) => Some(Secret::new(format!("{}\n{}", text(certificate)?, text(key)?))),
            (None, None) => None,
            _ => {
                return Err(Usage(
                    "a client certificate needs its key: --client-cert-file FILE with --client-key-file FILE"
                        .to_owned(),
                ));
            }
        };
        Ok(Tls {
            ca_pem: self.ca_file.as_deref().map(read).transpose()?,
            identity_pem,
        })
    }
}

impl Server<'_> {
    fn login(&self) -> Result<Login, Usage> {
        let name = self.name;
        // What is said closer to this run wins over what lies about in the environment.
        let token = match (self.token_file, &self.token) {
            (Some(file), _) => Some(Login::TokenFile(file.to_owned())),
            (None, Some(token)) => Some(Login::Token(Secret::new(token.trim()))),
            (None, None) => None,
        };
        let Some(user) = self.user else {
            if self.password_file.is_some() {
                return Err(Usage(format!("--{name}-password-file needs --{name}-user NAME")));
            }
            return Ok(token.unwrap_or_default());
        };
        if token.is_some() {
            return Err(Usage(format!(
                "--{name}-user and a token for {name} are two logins; give one of them"
            )));
        }
        let password = match (self.password_file, &self.password) {
            (Some(file), _) => text(file)?.trim_end_matches(['\r', '\n']).to_owned(),
            (None, Some(password)) => password.clone(),
            (None, None) => {
                let variable = name.to_uppercase();
                return Err(Usage(format!(
                    "--{name}-user needs a password: --{name}-password-file FILE or GPUWISE_{variable}_PASSWORD"
                )));
            }
        };
        Ok(Login::Basic {
            user: user.to_owned(),
            password: Secret::new(password),
        })
    }
}

fn names_authorization(endpoint: &Endpoint) -> bool {
    let mut names = endpoint.headers.iter().map(|(name, _)| name);
    names.any(|name| name.eq_ignore_ascii_case("authorization"))
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn text(path: &Path) -> Result<String, Usage> {
    String::from_utf8(read(path)?).map_err(|_| Usage(format!("{} is not text", path.display())))
}

fn split(header: &str) -> Result<(String, Secret), Usage> {
    // What stands there may be secret, so it is not repeated.
    let (name, value) = header
        .split_once(':')
        .ok_or_else(|| Usage("a header is given as 'NAME: VALUE'".to_owned()))?;
    Ok((name.trim().to_owned(), Secret::new(value.trim())))
}
