//! A server on the loopback that answers as a test tells it to.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::endpoint::{Endpoint, Login, Secret};
use super::prometheus::client::PrometheusClient;

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) path: String,
    pub(super) authorization: Option<String>,
    form: BTreeMap<String, String>,
}

impl Ask {
    pub(super) fn field(&self, name: &str) -> &str {
        self.form.get(name).map_or("", String::as_str)
    }

    pub(super) fn number(&self, name: &str) -> i64 {
        self.field(name).parse().unwrap()
    }

    /// The points that a range query touches.
    pub(super) fn points(&self) -> Vec<i64> {
        let step = usize::try_from(self.number("step")).unwrap();
        (self.number("start")..=self.number("end")).step_by(step).collect()
    }

    /// A matrix in which one series has this value at every point.
    pub(super) fn flat(&self, metric: &str, value: &str) -> String {
        let samples: Vec<String> = self.points().iter().map(|at| format!("[{at},\"{value}\"]")).collect();
        format!(r#"{{"metric":{metric},"values":[{}]}}"#, samples.join(","))
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    pieces: Vec<String>,
    /// The connection breaks before the end is told.
    cut: bool,
}

impl Reply {
    pub(super) fn new(status: u16, body: &str) -> Self {
        Self {
            status,
            headers: Vec::new(),
            pieces: vec![body.to_owned()],
            cut: false,
        }
    }

    pub(super) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::text(status, "application/json", &body.to_string())
    }

    pub(super) fn text(status: u16, content_type: &str, body: &str) -> Self {
        Self::new(status, body).header("content-type", content_type)
    }

    /// Without its end.
    pub(super) fn cut(mut self) -> Self {
        self.cut = true;
        self
    }

    pub(super) fn matrix(series: &str) -> Self {
        let body = format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{series}]}}}}"#);
        Self::new(200, &body)
    }

    pub(super) fn vector(series: &str) -> Self {
        let body = format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}"#);
        Self::new(200, &body)
    }

    pub(super) fn error(status: u16, error_type: &str, message: &str) -> Self {
        let body = format!(r#"{{"status":"error","errorType":"{error_type}","error":"{message}"}}"#);
        Self::new(status, &body)
    }

    pub(super) fn warning(mut self, warning: &str) -> Self {
        let body = self.pieces.concat();
        self.pieces = vec![format!(
            r#"{},"warnings":["{warning}"]}}"#,
            body.strip_suffix('}').unwrap()
        )];
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Sends the body in pieces of this many characters, each by itself.
    pub(super) fn in_pieces(mut self, length: usize) -> Self {
        let body: Vec<char> = self.pieces.concat().chars().collect();
        self.pieces = body.chunks(length).map(|piece| piece.iter().collect()).collect();
        self
    }
}

type Handler = dyn Fn(&Ask) -> Reply + Send + Sync;

/// The server; it stops when it is dropped.
pub(super) struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Ask>>>,
    stopped: Arc<AtomicBool>,
}

impl Server {
    pub(super) fn start(handler: impl Fn(&Ask) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            asked: Arc::default(),
            stopped: Arc::default(),
        };
        let (asked, stopped) = (Arc::clone(&server.asked), Arc::clone(&server.stopped));
        let handler: Arc<Handler> = Arc::new(handler);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let (handler, asked) = (Arc::clone(&handler), Arc::clone(&asked));
                thread::spawn(move || serve(&stream.unwrap(), &*handler, &asked));
            }
        });
        server
    }

    /// Asks one request after the other, of which `answer` sees the path with its query.
    pub(super) fn serve(answer: impl FnMut(&str) -> Reply + Send + 'static) -> Self {
        let answer = Mutex::new(answer);
        Self::start(move |ask| {
            let mut answer = answer.lock().unwrap();
            (*answer)(&ask.path)
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn client(&self) -> PrometheusClient {
        client(&self.url())
    }

    pub(super) fn asked(&self) -> Vec<Ask> {
        self.asked.lock().unwrap().clone()
    }

    /// Paths with their queries, in the order in which they came.
    pub(super) fn requests(&self) -> Vec<String> {
        self.asked().into_iter().map(|ask| ask.path).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

/// A client that does not wait between tries.
pub(super) fn client(url: &str) -> PrometheusClient {
    let mut endpoint = Endpoint::new(url);
    endpoint.login = Login::Token(Secret::new("hush"));
    PrometheusClient::new(&endpoint).unwrap().hasty()
}

fn serve(stream: &TcpStream, handler: &Handler, asked: &Mutex<Vec<Ask>>) {
    let mut input = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if input.read_line(&mut line).unwrap() == 0 {
            return;
        }
        match line.trim() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let header = |name: &str| {
        let named = |line: &String| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        };
        lines.iter().find_map(named)
    };
    let length = header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    input.read_exact(&mut body).unwrap();
    let form = reqwest::Url::parse(&format!("http://form/?{}", String::from_utf8(body).unwrap())).unwrap();
    let ask = Ask {
        path: lines[0].split(' ').nth(1).unwrap().to_owned(),
        authorization: header("authorization"),
        form: form.query_pairs().into_owned().collect(),
    };
    asked.lock().unwrap().push(ask.clone());
    // A client that has heard enough hangs up.
    let _ = write_reply(stream, &handler(&ask));
}

fn write_reply(mut stream: &TcpStream, reply: &Reply) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {} Any\r\nconnection: close\r\n", reply.status)?;
    for (name, value) in &reply.headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    write!(stream, "transfer-encoding: chunked\r\n\r\n")?;
    for piece in reply.pieces.iter().filter(|piece| !piece.is_empty()) {
        write!(stream, "{:x}\r\n{piece}\r\n", piece.len())?;
        stream.flush()?;
    }
    if reply.cut {
        return Ok(());
    }
    write!(stream, "0\r\n\r\n")
}
