//! A server on the loopback that answers tests from a closure.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the server says.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    content_type: &'static str,
    body: String,
    /// Bytes that are announced and never sent.
    missing: usize,
}

impl Answer {
    /// JSON with this status.
    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::text(status, "application/json", &body.to_string())
    }

    /// Any text.
    pub(crate) fn text(status: u16, content_type: &'static str, body: &str) -> Self {
        Self {
            status,
            content_type,
            body: body.to_owned(),
            missing: 0,
        }
    }

    /// The connection breaks before the announced length is sent.
    pub(crate) fn cut(mut self) -> Self {
        self.missing = 100;
        self
    }
}

/// The server; its thread ends with the tests.
pub(crate) struct Loopback {
    /// Where it listens.
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Loopback {
    /// Serves what `answer` makes of each path with its query.
    pub(crate) fn serve(mut answer: impl FnMut(&str) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                    head.push(byte[0]);
                }
                let head = String::from_utf8(head).unwrap();
                let Some(path) = head.split(' ').nth(1) else { continue };
                log.lock().unwrap().push(path.to_owned());
                let said = answer(path);
                let length = said.body.len() + said.missing;
                // A client that hangs up early is the test's own affair.
                let _ = write!(
                    stream,
                    "HTTP/1.1 {} X\r\ncontent-type: {}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{}",
                    said.status, said.content_type, said.body
                );
            }
        });
        Self { url, requests }
    }

    /// Paths with their queries, in the order in which they came.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}
