//! What every fake forge is made of: a repository, pull requests, comments, and a server on the loopback that can be told to
//! answer badly.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::repo::Repo;

/// The token that is let in.
pub(super) const TOKEN: &str = "hush-4711";

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) method: String,
    /// As it was sent.
    pub(super) target: String,
    /// The path behind the API's own, in segments, each decoded.
    pub(super) path: Vec<String>,
    pub(super) query: BTreeMap<String, String>,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Value,
}

impl Ask {
    pub(super) fn field(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }
}

/// A reply: status, headers, body.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self {
            status,
            headers,
            body: body.to_string().into_bytes(),
        }
    }

    pub(super) fn raw(status: u16, body: &str) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A pull request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pr {
    pub(super) number: u64,
    pub(super) branch: String,
    pub(super) base: String,
    pub(super) title: String,
    pub(super) body: String,
    pub(super) open: bool,
    pub(super) merged: bool,
    pub(super) draft: bool,
    pub(super) fork: bool,
    pub(super) labels: Vec<String>,
    pub(super) reviewers: Vec<String>,
    pub(super) comments: Vec<String>,
    pub(super) created: String,
}

/// What is answered instead.
#[derive(Debug, Clone)]
pub(super) enum Instead {
    Answer(Reply),
    /// Nothing: the connection ends.
    Nothing,
    /// It is done, and the answer is lost.
    Lost,
}

/// A disturbance.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) method: &'static str,
    /// What the target holds.
    pub(super) target: &'static str,
    pub(super) instead: Instead,
    /// How often.
    pub(super) times: usize,
}

/// All that a forge knows.
pub(super) struct Hub {
    pub(super) repo: Repo,
    pub(super) pulls: Vec<Pr>,
    pub(super) labels: Vec<String>,
    pub(super) asked: Vec<Ask>,
    pub(super) faults: Vec<Fault>,
    /// Whether an old Gitea, which rewrites no branch, is played.
    pub(super) old: bool,
}

impl Hub {
    fn new() -> Self {
        let mut hub = Self {
            repo: Repo::new(),
            pulls: Vec::new(),
            labels: vec!["bug".to_owned()],
            asked: Vec::new(),
            faults: Vec::new(),
            old: false,
        };
        // What people have open besides, more than a page of it, and a fork that has a branch like ours.
        for (branch, fork) in [
            ("fix-1", false),
            ("fix-2", false),
            ("gpuwise/prod/chat", true),
            ("gpuwise/prod/batch", true),
            ("gpuwise/test/x", false),
        ] {
            let mut pull = hub.pull(branch, "main", "Other", "text", false);
            pull.fork = fork;
            hub.pulls.push(pull);
        }
        hub
    }

    pub(super) fn pull(&self, branch: &str, base: &str, title: &str, body: &str, draft: bool) -> Pr {
        Pr {
            number: u64::try_from(self.pulls.len()).unwrap() + 1,
            branch: branch.to_owned(),
            base: base.to_owned(),
            title: title.to_owned(),
            body: body.to_owned(),
            open: true,
            merged: false,
            draft,
            fork: false,
            labels: Vec::new(),
            reviewers: Vec::new(),
            comments: Vec::new(),
            created: "2026-11-16T07:59:00Z".to_owned(),
        }
    }

    pub(super) fn at(&mut self, number: &str) -> Option<&mut Pr> {
        let number: u64 = number.parse().ok()?;
        self.pulls.iter_mut().find(|pull| pull.number == number)
    }

    /// The open one of a branch of the repository itself.
    pub(super) fn open(&self, branch: &str) -> Option<&Pr> {
        self.pulls
            .iter()
            .find(|pull| pull.branch == branch && pull.open && !pull.fork)
    }

    /// A branch goes, and with it what is open of it: all forges do so.
    pub(super) fn delete(&mut self, branch: &str) -> bool {
        if self.repo.head(branch).is_none() {
            return false;
        }
        self.repo.point(branch, None);
        for pull in self.pulls.iter_mut().filter(|pull| pull.branch == branch && !pull.fork) {
            pull.open = false;
        }
        true
    }

    /// Requests that write.
    pub(super) fn writes(&self) -> Vec<String> {
        let writes = self.asked.iter().filter(|ask| ask.method != "GET");
        writes.map(|ask| format!("{} {}", ask.method, ask.target)).collect()
    }
}

/// Two of a list at a time, and where the next page is: at an address that nobody outside can reach.
pub(super) fn page(ask: &Ask, all: &[Value]) -> Reply {
    let page: usize = ask.field("page").parse().unwrap_or(1);
    let some: Vec<Value> = all.iter().skip((page - 1) * 2).take(2).cloned().collect();
    let reply = Reply::json(200, &Value::Array(some));
    match all.len() > page * 2 {
        true => reply.with(
            "link",
            &format!("<http://internal.invalid/?page={}>; rel=\"next\"", page + 1),
        ),
        false => reply,
    }
}

/// A server; its threads end with the test binary.
pub(super) struct Fake {
    pub(super) url: String,
    pub(super) hub: Arc<Mutex<Hub>>,
}

impl Fake {
    pub(super) fn start(api: &'static str, answer: fn(&mut Hub, &Ask) -> Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let hub = Arc::new(Mutex::new(Hub::new()));
        let shared = Arc::clone(&hub);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let hub = Arc::clone(&shared);
                std::thread::spawn(move || serve(&stream, api, &hub, answer));
            }
        });
        Self { url, hub }
    }
}

fn serve(stream: &TcpStream, api: &str, hub: &Mutex<Hub>, answer: fn(&mut Hub, &Ask) -> Reply) {
    let Some(ask) = read(stream, api) else { return };
    let mut hub = hub.lock().unwrap();
    hub.asked.push(ask.clone());
    let hit = |fault: &Fault| {
        fault.times > 0 && (fault.method == ask.method || fault.method == "*") && ask.target.contains(fault.target)
    };
    let fault = hub.faults.iter().position(hit).map(|at| {
        hub.faults[at].times -= 1;
        hub.faults[at].instead.clone()
    });
    let reply = match fault {
        Some(Instead::Nothing) => return,
        Some(Instead::Lost) => {
            answer(&mut hub, &ask);
            return;
        }
        Some(Instead::Answer(reply)) => reply,
        None => answer(&mut hub, &ask),
    };
    drop(hub);
    let mut head = format!(
        "HTTP/1.1 {} Any\r\nconnection: close\r\ncontent-length: {}\r\n",
        reply.status,
        reply.body.len()
    );
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut stream = stream;
    // A client that has heard enough hangs up.
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(b"\r\n"))
        .and_then(|()| stream.write_all(&reply.body));
}

fn read(stream: &TcpStream, api: &str) -> Option<Ask> {
    let mut input = BufReader::new(stream);
    let mut first = String::new();
    input.read_line(&mut first).ok().filter(|read| *read > 0)?;
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        input.read_line(&mut line).ok()?;
        match line.trim().split_once(':') {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.trim().to_owned()),
            None => break,
        };
    }
    let length = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    input.read_exact(&mut body).ok()?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let url = reqwest::Url::parse(&format!("http://fake{target}")).unwrap();
    let path = url.path().strip_prefix(api)?;
    Some(Ask {
        method,
        path: path.split('/').skip(1).map(decoded).collect(),
        query: url.query_pairs().into_owned().collect(),
        headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
        target,
    })
}

/// A segment without its escapes.
fn decoded(segment: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = segment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let hex = std::str::from_utf8(&after[..2]).unwrap();
            bytes.push(u8::from_str_radix(hex, 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap()
}
