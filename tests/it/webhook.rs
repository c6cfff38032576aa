//! A plan's summary sent to a chat: played on the loopback, what is sent, when it is sent again, and that the URL stays a secret.

use std::sync::Mutex;

use gpuwise::deliver::webhook::Webhook;
use serde_json::Value;

use crate::binary::{Ran, SOURCE, USAGE, run};
use crate::generator::{Size, World};
use crate::reach::{Reply, Server};

const PATH: &str = "/services/T000/B000/hushhush";

fn reply(status: u16, body: &str) -> Reply {
    (status, Vec::new(), body.to_owned())
}

/// Answers with each of these, and with the last from then on.
fn server(replies: Vec<Reply>) -> Server {
    let replies = Mutex::new(replies);
    Server::start(move |_| {
        let mut replies = replies.lock().unwrap();
        if replies.len() > 1 {
            replies.remove(0)
        } else {
            replies[0].clone()
        }
    })
}

/// A small cluster's recording: the world inside the binary takes a minute where the binary is not optimised.
fn recording() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let reading = World::generate(4, Size::Small, 2).to_reading(1800);
    for (name, bytes) in gpuwise::sources::recording::encode(&reading).unwrap() {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// Analyzes it, and tells a chat.
fn analyzed(arguments: &[&str]) -> Ran {
    let folder = recording();
    run(&[&["analyze", "--recording", folder.path().to_str().unwrap()], arguments].concat())
}

fn url(server: &Server) -> String {
    format!("{}{PATH}", server.url)
}

#[test]
fn the_summary_goes_where_it_is_sent() {
    let again = (429, vec![("retry-after", "0".to_owned())], "slow down".to_owned());
    let server = server(vec![again, reply(503, ""), reply(200, "ok")]);
    let url = url(&server);
    let ran = analyzed(&[
        "--webhook",
        &url,
        "--webhook-format",
        "slack",
        "--report-url",
        "https://reports.example/gpu",
    ]);
    ran.hides(&["hushhush"]);
    let printed = ran.printed();
    assert!(printed.contains("Spend"), "{printed}");
    let asked = server.asked();
    assert_eq!(asked.len(), 3, "it was busy twice");
    assert!(asked.iter().all(|asked| asked.method == "POST" && asked.path() == PATH));
    assert_eq!(asked[2].header("content-type"), "application/json");
    let message: Value = serde_json::from_str(&asked[2].body).unwrap();
    let text = message.to_string();
    assert_eq!(message["blocks"][0]["type"], "header");
    for said in ["GPU costs of", "a month", "reports.example/gpu"] {
        assert!(text.contains(said), "no {said} in {text}");
    }
    // The first amount of the message is the one of the report.
    let spend = printed
        .split("a month")
        .next()
        .unwrap()
        .trim_start_matches("Spend")
        .trim()
        .to_owned();
    assert!(text.contains(&spend), "no {spend} in {text}");
}

#[test]
fn a_message_that_is_not_taken_is_told_after_the_report_and_the_url_never() {
    let server = server(vec![reply(404, &format!("no_service at {PATH}"))]);
    let url = url(&server);
    let ran = analyzed(&["--webhook", &url, "--webhook-format", "teams"]);
    ran.tells(
        SOURCE,
        &[
            "127.0.0.1 answered 404 (no_service at …)",
            "the webhook is gone",
            "the report itself is written",
        ],
    );
    ran.hides(&["hushhush"]);
    assert!(ran.stdout.contains("Spend"));
    assert_eq!(server.asked().len(), 1);
    let card: Value = serde_json::from_str(&server.asked()[0].body).unwrap();
    assert_eq!(card["attachments"][0]["content"]["type"], "AdaptiveCard");
    let nobody = "http://127.0.0.1:1/hushhush";
    let ran = analyzed(&["--webhook", nobody, "--webhook-format", "slack"]);
    ran.tells(SOURCE, &["127.0.0.1 cannot be reached"]);
    ran.hides(&["hushhush"]);
}

#[test]
fn a_secret_in_the_query_is_never_told() {
    let query = "?api-version=2016-06-01&sig=hushhush";
    let server = server(vec![reply(
        401,
        &format!("{{\"at\": \"{PATH}{query}\", \"sig\": \"hushhush\"}}"),
    )]);
    let url = format!("{}{query}", url(&server));
    let ran = analyzed(&["--webhook", &url, "--webhook-format", "teams"]);
    ran.tells(SOURCE, &["127.0.0.1 answered 401", "make a new one"]);
    ran.hides(&["hushhush", "2016-06-01"]);
}

#[test]
fn what_may_have_arrived_is_not_sent_twice() {
    for status in [500, 502, 504] {
        let server = server(vec![reply(status, "")]);
        let hook = Webhook::new(&url(&server)).unwrap();
        let sent = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let sent = sent.block_on(hook.send(&serde_json::json!({"text": "hello"})));
        assert!(sent.is_err_and(|error| error.to_string().contains(&status.to_string())));
        assert_eq!(server.asked().len(), 1, "{status}");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let other = server(vec![reply(200, "ok")]);
    let moved = (
        302,
        vec![("location", format!("{}/elsewhere", other.url))],
        String::new(),
    );
    let server = server(vec![moved]);
    let url = url(&server);
    let ran = analyzed(&["--webhook", &url, "--webhook-format", "slack"]);
    ran.tells(SOURCE, &["answered 302", "it redirects"]);
    assert!(other.asked().is_empty());
}

#[test]
fn what_is_wrong_is_told_before_anything_is_read() {
    for (arguments, said) in [
        (vec!["--webhook", "hushhush"], "it is no URL"),
        (
            vec!["--webhook", "http://hooks.slack.com/hushhush"],
            "anybody on the way could read it",
        ),
        (
            vec!["--webhook", "https://chat.example/hushhush"],
            "chat.example is no host of Slack or Teams",
        ),
        (vec!["--report-url", "reports"], "--report-url reports: give a URL"),
    ] {
        let ran = run(&[&["analyze", "--demo"], &arguments[..]].concat());
        ran.fails(USAGE, &[said]);
        ran.hides(&["hushhush"]);
    }
}
