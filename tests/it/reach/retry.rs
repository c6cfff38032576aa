//! Servers that are busy, silent or of another mind: what is asked again, what never, and what a user reads.

use std::collections::BTreeSet;

use super::*;

/// Counts how often each request came, from zero.
#[derive(Default)]
struct Counts(Mutex<BTreeMap<String, usize>>);

impl Counts {
    fn of(&self, asked: &Asked) -> usize {
        let mut counts = self.0.lock().unwrap();
        let count = counts.entry(format!("{} {:?}", asked.target, asked.form)).or_default();
        *count += 1;
        *count - 1
    }
}

/// Never answers.
fn hang() -> Reply {
    loop {
        std::thread::park();
    }
}

fn busy(retry_after: &str) -> Reply {
    (
        429,
        vec![("retry-after", retry_after.to_owned())],
        "slow down".to_owned(),
    )
}

#[test]
fn a_silent_server_is_given_up_with_its_url_and_the_flag_for_more_patience() {
    let silent = Server::start(|_| hang());
    let ran = analyze(&["--prometheus", &silent.url, "--timeout", "1"], &[]);
    ran.tells(SOURCE, &[&silent.url, "not a byte", "for 1 s", "--timeout"]);
    let prometheus = Server::start(no_series);
    let both = ["--prometheus", &prometheus.url, "--costs", &silent.url];
    let ran = analyze(&both, &[("GPUWISE_TIMEOUT", "1")]);
    // Costs are one source of three: the rest of the world is still read.
    let told = [
        &*silent.url,
        "not a byte",
        "for 1 s",
        "--timeout",
        "going on without it",
    ];
    ran.tells(NOTHING, &told);
}

#[test]
fn a_server_that_falls_silent_within_an_answer_is_given_up_too() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let head =
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{\"status\":";
                let _ = stream.read(&mut [0; 16 << 10]);
                // A client that hangs up is what is waited for.
                let _ = stream.write_all(head.as_bytes());
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
            });
        }
    });
    analyze(&["--prometheus", &url, "--timeout", "1"], &[]).tells(SOURCE, &[&url, "not a byte", "--timeout"]);
}

#[test]
fn who_asks_for_patience_gets_it() {
    let counts = Counts::default();
    let server = Server::start(move |asked| match counts.of(asked) {
        0 => busy("0"),
        1 => busy("Mon, 16 Nov 2020 08:00:00 GMT"),
        _ => no_series(asked),
    });
    analyze(&["--prometheus", &server.url], &[]).tells(NOTHING, &[]);
    let never = Server::start(|_| busy("0"));
    let ran = analyze(&["--prometheus", &never.url], &[]);
    ran.tells(SOURCE, &["too busy after 3 tries (HTTP 429: slow down)", &never.url]);
}

#[test]
fn what_cannot_succeed_is_asked_once() {
    for (status, said) in [
        (400, "parse error"),
        (401, "who"),
        (403, "no"),
        (404, "nothing"),
        (422, "no such function"),
    ] {
        let server = Server::start(move |asked| match asked.path().contains("/query") {
            true => plain(
                status,
                &format!(r#"{{"status":"error","errorType":"bad_data","error":"{said}"}}"#),
            ),
            false => plain(404, ""),
        });
        analyze(&["--prometheus", &server.url], &[]).tells(SOURCE, &[said, &server.url]);
        let asked = server.asked();
        let queries: Vec<&str> = asked
            .iter()
            .filter_map(|asked| Some(asked.form.get("query")?.as_str()))
            .collect();
        let once: BTreeSet<&str> = queries.iter().copied().collect();
        assert!(
            !once.is_empty() && queries.len() == once.len(),
            "HTTP {status}: {queries:#?}"
        );
    }
}

#[test]
fn busy_costs_are_asked_again() {
    let prometheus = Server::start(no_series);
    let counts = Counts::default();
    let costs = Server::start(move |asked| match (counts.of(asked), asked.path()) {
        (0, _) => (503, vec![("retry-after", "0".to_owned())], String::new()),
        (_, "/installInfo") => plain(200, r#"{"version":"1.118"}"#),
        (_, "/allocation") => plain(200, r#"{"code":200,"data":[{}]}"#),
        (_, "/assets") => plain(200, r#"{"code":200,"data":{}}"#),
        (_, _) => plain(404, ""),
    });
    analyze(&["--prometheus", &prometheus.url, "--costs", &costs.url], &[]).tells(NOTHING, &[]);
}
