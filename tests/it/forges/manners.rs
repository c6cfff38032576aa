//! What is asked again, how long is waited, and what is never shown.

use super::hub::Reply;
use super::*;

fn busy(seconds: &str) -> Instead {
    Instead::Answer(Reply::raw(429, "slow down").with("retry-after", seconds))
}

#[test]
fn a_busy_server_is_waited_for_as_long_as_it_says() {
    each(|tried| {
        tried.fail("GET", "/acme", busy("7"), 1);
        tried.fail("POST", tried.opens(), busy("11"), 2);
        assert_eq!(told(&tried.run(&[chat()])), "chat: new\n");
        let slept = tried.clock.slept.lock().unwrap().clone();
        let count = |seconds| {
            slept
                .iter()
                .filter(|slept| **slept == Duration::from_secs(seconds))
                .count()
        };
        assert_eq!((count(7), count(11)), (1, 2), "{slept:?}");
        assert_eq!(
            tried
                .hub()
                .pulls
                .iter()
                .filter(|pull| pull.branch.ends_with("prod/chat") && !pull.fork)
                .count(),
            1
        );
    });
}

#[test]
fn reads_are_asked_again_and_what_opens_a_pull_request_is_not() {
    each(|tried| {
        tried.fail("GET", "/acme", Instead::Answer(Reply::raw(502, "bad gateway")), 2);
        tried.run(&[]);
        tried.hub().faults.clear();
        tried.fail(
            "POST",
            tried.opens(),
            Instead::Answer(Reply::raw(502, "bad gateway")),
            1,
        );
        let outcomes = tried.run(&[chat()]);
        assert!(
            told(&outcomes).contains("the server failed (502"),
            "{}",
            told(&outcomes)
        );
        let opened = tried
            .hub()
            .writes()
            .into_iter()
            .filter(|write| write.starts_with("POST") && write.ends_with(tried.opens()));
        assert_eq!(opened.count(), 1);
    });
}

#[test]
fn github_is_written_to_once_a_second() {
    if !has_git() {
        return;
    }
    let tried = Tried::new(Kind::GitHub);
    tried.run(&[chat(), batch()]);
    let writes = tried.hub().writes().len();
    let slept = tried.clock.slept.lock().unwrap().clone();
    assert_eq!(slept, vec![Duration::from_secs(1); writes - 1]);
}

#[test]
fn nothing_that_is_printed_holds_the_token() {
    if !has_git() {
        return;
    }
    for kind in KINDS {
        let tried = Tried::new(kind);
        let mut endpoint = Endpoint::new(tried.fake.url.replace("http://", "http://me:word@"));
        endpoint.login = Login::Token(Secret::new(TOKEN));
        let clock = Arc::clone(&tried.clock);
        let printed = match kind {
            Kind::GitHub => format!("{:?}", GitHub::open(&endpoint, "acme/ml", clock).unwrap()),
            Kind::GitLab => format!("{:?}", GitLab::open(&endpoint, "acme/ml", clock).unwrap()),
            Kind::Gitea | Kind::Old => format!("{:?}", Gitea::open(&endpoint, "acme/ml", clock).unwrap()),
        };
        assert!(
            printed.contains("acme/ml") && !printed.contains(TOKEN) && !printed.contains("word"),
            "{printed}"
        );
        let outcomes = tried.run(&[chat()]);
        assert!(!format!("{outcomes:?}").contains(TOKEN));
        let shown = tried
            .hub()
            .pulls
            .iter()
            .map(|pull| format!("{pull:?}"))
            .collect::<String>();
        assert!(!shown.contains(TOKEN));
    }
}

#[test]
fn a_token_is_read_from_a_file_too() {
    if !has_git() {
        return;
    }
    let tried = Tried::new(Kind::Gitea);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{TOKEN}\n")).unwrap();
    let mut endpoint = Endpoint::new(format!("{}/api/v1/", tried.fake.url));
    endpoint.login = Login::TokenFile(file.path().to_owned());
    let forge = Gitea::open(&endpoint, "acme/ml", Arc::clone(&tried.clock) as Arc<dyn Clock>).unwrap();
    assert_eq!(wait_for(forge.default_branch()).unwrap(), "main");
    endpoint.login = Login::TokenFile("/nowhere/token".into());
    let error = Gitea::open(&endpoint, "acme/ml", Arc::clone(&tried.clock) as Arc<dyn Clock>)
        .unwrap_err()
        .to_string();
    assert!(error.contains("/nowhere/token"), "{error}");
}
