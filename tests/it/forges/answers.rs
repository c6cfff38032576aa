//! Answers that no run can do anything with: each gives its message, and the repository is as it was.

use super::hub::Reply;
use super::*;

/// A status with its headers and body, and what is said of it.
type Bad = (
    u16,
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static [&'static str],
);

const BAD: [Bad; 14] = [
    (
        401,
        &[],
        r#"{"message":"Bad credentials"}"#,
        &["the token is not accepted", "Bad credentials", "make a new one"],
    ),
    (
        403,
        &[],
        r#"{"message":"Resource not accessible by integration"}"#,
        &["not permitted (403", "the token needs"],
    ),
    (
        403,
        &[("retry-after", "3600")],
        r#"{"message":"slow down"}"#,
        &["too many requests (403", "in 3600 s"],
    ),
    (
        403,
        &[("x-ratelimit-remaining", "0"), ("retry-after", "900")],
        "{}",
        &["too many requests", "in 900 s"],
    ),
    (
        403,
        &[],
        r#"{"message":"403 You are not allowed to push into this branch"}"#,
        &["a rule protects the branch", "gpuwise/"],
    ),
    (
        404,
        &[],
        r#"{"message":"Not Found"}"#,
        &["not found (404", "no right to", "it needs"],
    ),
    (
        409,
        &[],
        r#"{"message":"Conflict"}"#,
        &["conflicts with what is there (409", "run again"],
    ),
    (
        422,
        &[],
        r#"{"message":"Validation Failed","errors":[{"message":"is too short"}]}"#,
        &["refused (422: Validation Failed; is too short"],
    ),
    (
        422,
        &[],
        r#"{"message":"Repository rule violations found"}"#,
        &["a rule protects the branch (422"],
    ),
    (
        429,
        &[("retry-after", "7200")],
        "slow down",
        &["too many requests (429: slow down", "in 7200 s"],
    ),
    (
        500,
        &[],
        "<html><body>500</body></html>",
        &["the server failed (500: a page of HTML", "run again later"],
    ),
    (
        301,
        &[("location", "https://git.example/acme/new?t=1")],
        "",
        &["moved to https://git.example/acme/new;", "new name"],
    ),
    (
        200,
        &[],
        "<!doctype html><title>Sign in</title>",
        &["cannot be read (it is a page of HTML)", "login page"],
    ),
    (200, &[], r#"{"sha": "#, &["cannot be read (EOF while parsing"]),
];

fn reply(bad: &Bad) -> Instead {
    let reply = bad
        .1
        .iter()
        .fold(Reply::raw(bad.0, bad.2), |reply, (name, value)| reply.with(name, value));
    Instead::Answer(reply)
}

fn says(told: &str, bad: &Bad) {
    for part in bad.3 {
        assert!(told.contains(part), "{bad:?}: {told}");
    }
    assert!(
        told.contains("acme/ml at http://127.0.0.1") && !told.contains(TOKEN),
        "{told}"
    );
}

#[test]
fn what_cannot_be_read_ends_the_run_before_anything_is_written() {
    each(|tried| {
        tried.run(&[batch()]);
        let (refs, pulls) = tried.state();
        for bad in &BAD {
            tried.fail("GET", "/acme", reply(bad), 9);
            let told = tried.try_with(&[chat()], |_| {}).unwrap_err().to_string();
            tried.hub().faults.clear();
            says(&told, bad);
            assert_eq!(tried.state(), (refs.clone(), pulls.clone()));
        }
    });
}

#[test]
fn a_commit_that_is_refused_leaves_everything_as_it_was() {
    each(|tried| {
        tried.run(&[batch()]);
        let (refs, pulls) = tried.state();
        for bad in &BAD {
            tried.fail("POST", tried.commits(), reply(bad), 9);
            let outcomes = tried.run(&[chat(), batch()]);
            tried.hub().faults.clear();
            assert!(
                matches!(outcomes[0].done, Done::Failed(_)) && outcomes[0].done.is_refusal(),
                "{}",
                told(&outcomes)
            );
            says(&outcomes[0].done.to_string(), bad);
            assert_eq!(tried.state(), (refs.clone(), pulls.clone()));
        }
        assert_eq!(told(&tried.run(&[chat(), batch()])), "chat: new\nbatch: unchanged\n");
    });
}

#[test]
fn a_pull_request_that_is_refused_leaves_no_branch_behind() {
    each(|tried| {
        tried.run(&[batch()]);
        let (refs, pulls) = tried.state();
        for bad in &BAD {
            tried.fail("POST", tried.opens(), reply(bad), 9);
            let outcomes = tried.run(&[chat(), batch()]);
            tried.hub().faults.clear();
            says(&outcomes[0].done.to_string(), bad);
            assert_eq!(outcomes[0].notes, Vec::<String>::new());
            assert_eq!(tried.state(), (refs.clone(), pulls.clone()), "{bad:?}");
        }
    });
}

#[test]
fn an_update_that_is_refused_leaves_the_branch_as_it_was() {
    each(|tried| {
        tried.run(&[chat()]);
        let (refs, pulls) = tried.state();
        let mut other = chat();
        other.files[0].after.push_str("# other\n");
        for bad in &BAD {
            let (method, target) = match tried.kind {
                Kind::GitHub => ("PATCH", "/git/refs"),
                _ => ("POST", tried.commits()),
            };
            tried.fail(method, target, reply(bad), 9);
            let outcomes = tried.run(&[other.clone()]);
            tried.hub().faults.clear();
            says(&outcomes[0].done.to_string(), bad);
            assert_eq!(tried.state(), (refs.clone(), pulls.clone()), "{bad:?}");
        }
    });
}

#[test]
fn what_would_go_wrong_again_is_not_tried_again() {
    each(|tried| {
        let topics = [chat(), batch()];
        for (bad, stops) in [(&BAD[0], true), (&BAD[2], true), (&BAD[7], false)] {
            tried.fail("POST", tried.commits(), reply(bad), 1);
            let outcomes = tried.run(&topics);
            tried.hub().faults.clear();
            assert!(matches!(outcomes[0].done, Done::Failed(_)), "{}", told(&outcomes));
            assert_eq!(matches!(outcomes[1].done, Done::NotTried), stops, "{}", told(&outcomes));
            tried.run(&[]);
        }
    });
}

#[test]
fn a_server_that_is_not_there_and_a_token_that_is_wrong_are_said() {
    each(|tried| {
        let settings = Settings::new(PREFIX, now());
        let nobody = tried.opened("http://127.0.0.1:1", TOKEN);
        let told = wait_for(reconcile(&*nobody, &[chat()], &settings, &Silent))
            .unwrap_err()
            .to_string();
        assert!(
            told.contains("check the address, the network and the proxy") && told.contains("127.0.0.1:1"),
            "{told}"
        );
        let wrong = tried.opened(&tried.fake.url, "wrong-token");
        let told = wait_for(reconcile(&*wrong, &[chat()], &settings, &Silent))
            .unwrap_err()
            .to_string();
        assert!(
            told.contains("the token is not accepted (401") && !told.contains("wrong-token"),
            "{told}"
        );
        // A server that repeats what it was sent does not make us repeat it.
        tried.fail(
            "GET",
            "/acme",
            Instead::Answer(Reply::raw(403, &format!("no: {TOKEN}"))),
            1,
        );
        let told = tried.try_with(&[], |_| {}).unwrap_err();
        assert!(!format!("{told} {told:?}").contains(TOKEN), "{told}");
    });
}

#[test]
fn an_address_login_or_name_that_is_none_is_said() {
    let clock = || Arc::new(Quick::default());
    let mut endpoint = Endpoint::new("https://github.com");
    for name in [
        "ml",
        "acme/ml/x",
        "acme/",
        "",
        "acme/m l",
        "https://github.com/acme/ml",
        "../ml",
        "a/..",
    ] {
        let told = GitHub::open(&endpoint, name, clock()).unwrap_err().to_string();
        assert!(told.contains("give it as OWNER/NAME"), "{told}");
        assert!(
            name == "acme/ml/x" || GitLab::open(&endpoint, name, clock()).is_err(),
            "{name}"
        );
    }
    assert!(
        GitLab::open(&endpoint, "group/sub/project", clock()).is_ok() && GitLab::open(&endpoint, "42", clock()).is_ok()
    );
    let shown = GitHub::open(&endpoint, "acme/ml.git", clock()).unwrap().shown();
    assert_eq!(shown, "acme/ml at https://api.github.com");
    endpoint.login = Login::Basic {
        user: "me".to_owned(),
        password: Secret::new("hushhush"),
    };
    let told = Gitea::open(&endpoint, "acme/ml", clock()).unwrap_err().to_string();
    assert!(told.contains("takes a token") && !told.contains("hushhush"), "{told}");
    endpoint.login = Login::Token(Secret::new("two\nlines"));
    let told = Gitea::open(&endpoint, "acme/ml", clock()).unwrap_err().to_string();
    assert!(told.contains("line break") && !told.contains("two"), "{told}");
}
