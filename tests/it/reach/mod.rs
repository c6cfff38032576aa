//! Reaching servers as they are found in the wild, each played on the loopback: who is let in, what is sent where, what a
//! user reads when it goes wrong.

mod bodies;
mod cluster;
mod config;
mod flavour;
mod login;
mod remote_read;
mod retry;
mod sigv4;
mod span;
mod tls;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use crate::binary::{NOTHING, Ran, SOURCE, USAGE, run_in, run_with as run};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// The target of the request line: a path with its query, or a whole URL where a proxy is asked.
    target: String,
    headers: BTreeMap<String, String>,
    pub(crate) body: String,
    /// Fields of the form, decoded.
    pub(crate) form: BTreeMap<String, String>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// A reply: status, headers, body.
pub(crate) type Reply = (u16, Vec<(&'static str, String)>, String);

/// What a Prometheus without a single series answers, whatever it is asked.
pub(crate) fn no_series(asked: &Asked) -> Reply {
    let kind = if asked.path().ends_with("query_range") {
        "matrix"
    } else {
        "vector"
    };
    let body = format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":[]}}}}"#);
    (200, Vec::new(), body)
}

fn plain(status: u16, body: &str) -> Reply {
    (status, Vec::new(), body.to_owned())
}

/// A server; its threads end with the test binary.
pub(crate) struct Server {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub(crate) fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::over(None, answer)
    }

    /// Speaks TLS if it is told how.
    fn over(tls: Option<rustls::ServerConfig>, answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, answer, tls) = (Arc::clone(&asked), Arc::new(answer), tls.map(Arc::new));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, answer, tls) = (Arc::clone(&log), Arc::clone(&answer), tls.clone());
                std::thread::spawn(move || {
                    // A client that hangs up is the test's own affair.
                    let _ = match tls {
                        Some(config) => {
                            let connection = rustls::ServerConnection::new(config).unwrap();
                            serve(rustls::StreamOwned::new(connection, stream), &log, &*answer)
                        }
                        None => serve(stream, &log, &*answer),
                    };
                });
            }
        });
        Self { url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(stream: impl Read + Write, log: &Mutex<Vec<Asked>>, answer: &dyn Fn(&Asked) -> Reply) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Ok(());
    };
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let asked = Asked {
        method,
        target,
        headers,
        form: form(&body),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    log.lock().unwrap().push(asked.clone());
    let (status, headers, body) = answer(&asked);
    let mut stream = reader.into_inner();
    write!(stream, "HTTP/1.1 {status} X\r\nconnection: close\r\n")?;
    for (name, value) in headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    write!(stream, "content-length: {}\r\n\r\n{body}", body.len())?;
    stream.flush()
}

/// The fields of a body in `application/x-www-form-urlencoded`.
fn form(body: &[u8]) -> BTreeMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://form/?{}", String::from_utf8_lossy(body))).unwrap();
    url.query_pairs().into_owned().collect()
}

/// Analyzes an hour of metrics alone.
fn analyze(arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
    let fixed = ["analyze", "--no-kubernetes", "--window", "1h"];
    run(&[&fixed[..], arguments].concat(), environment)
}

/// Records an hour of metrics alone; the run, and the inventory with its gaps that it wrote.
fn record(arguments: &[&str], environment: &[(&str, &str)]) -> (Ran, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("recording");
    let fixed = [
        "record",
        "--no-kubernetes",
        "--window",
        "1h",
        "--output",
        output.to_str().unwrap(),
    ];
    let ran = run(&[&fixed[..], arguments].concat(), environment);
    let inventory = std::fs::read_to_string(output.join("inventory.json")).unwrap_or_default();
    (ran, inventory)
}
