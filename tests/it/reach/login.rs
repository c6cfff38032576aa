//! Passwords, tokens, headers, proxies and redirects.

use std::fs;

use super::*;

#[test]
fn a_password_comes_from_a_file_or_the_environment_and_is_never_printed() {
    let server = Server::start(|asked| match asked.header("authorization") {
        // me:open sesame
        "Basic bWU6b3BlbiBzZXNhbWU=" => no_series(asked),
        _ => plain(401, "who are you"),
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    fs::write(&file, "open sesame\n").unwrap();
    let file = file.to_str().unwrap();
    let base = ["--prometheus", &server.url, "--prometheus-user", "me"];
    analyze(&[&base[..], &["--prometheus-password-file", file]].concat(), &[]).tells(NOTHING, &[]);
    analyze(&base, &[("GPUWISE_PROMETHEUS_PASSWORD", "open sesame")]).tells(NOTHING, &[]);
    let wrong = analyze(&base, &[("GPUWISE_PROMETHEUS_PASSWORD", "hush")]);
    wrong.tells(SOURCE, &["HTTP 401: who are you", "--prometheus-password-file"]);
    wrong.hides(&["hush", "bWU6"]);
    analyze(&base, &[]).tells(USAGE, &["--prometheus-password-file", "GPUWISE_PROMETHEUS_PASSWORD"]);
    let both = analyze(&base, &[("GPUWISE_PROMETHEUS_TOKEN", "hush")]);
    both.tells(USAGE, &["two logins"]);
}

#[test]
fn a_token_that_is_replaced_while_we_run_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, "first\n").unwrap();
    let file = path.clone();
    let server = Server::start(move |asked| match asked.header("authorization") {
        "Bearer second" => no_series(asked),
        _ => {
            // The kubelet replaces a projected token while requests are under way.
            fs::write(&file, "second\n").unwrap();
            plain(401, "token expired")
        }
    });
    let token = path.to_str().unwrap();
    analyze(&["--prometheus", &server.url, "--prometheus-token-file", token], &[]).tells(NOTHING, &[]);
    let refused = server
        .asked()
        .iter()
        .filter(|asked| asked.header("authorization") == "Bearer first")
        .count();
    assert_eq!(refused, 1, "the new token is kept");
}

#[test]
fn a_token_that_is_refused_twice_is_told_and_not_tried_for_ever() {
    let server = Server::start(|_| plain(401, "no"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, "hush").unwrap();
    let token = path.to_str().unwrap();
    let ran = analyze(&["--prometheus", &server.url, "--prometheus-token-file", token], &[]);
    ran.tells(SOURCE, &["refused the credentials"]);
    ran.hides(&["hush"]);
    assert!(server.asked().len() <= 2, "{:?}", server.asked());
    fs::remove_file(&path).unwrap();
    let gone = analyze(&["--prometheus", &server.url, "--prometheus-token-file", token], &[]);
    gone.tells(USAGE, &["cannot be read from", token]);
}

#[test]
fn headers_arrive_and_neither_help_nor_errors_show_them() {
    let server = Server::start(
        |asked| match (asked.header("x-scope-orgid"), asked.header("x-api-key")) {
            ("team-a|team-b", "hush") => no_series(asked),
            _ => plain(401, "no org id"),
        },
    );
    let lines = "X-Scope-OrgID: team-a|team-b\nX-Api-Key: hush";
    analyze(&["--prometheus", &server.url], &[("GPUWISE_PROMETHEUS_HEADER", lines)]).tells(NOTHING, &[]);
    let url = "http://me:hush@127.0.0.1:1";
    let variables = [
        ("GPUWISE_PROMETHEUS", url),
        ("GPUWISE_PROMETHEUS_HEADER", "X-Api-Key: hush"),
    ];
    let help = run(&["analyze", "--help"], &variables);
    help.tells(0, &[]);
    help.hides(&["hush"]);
    let ran = analyze(&[], &variables);
    ran.tells(SOURCE, &["http://127.0.0.1:1"]);
    ran.hides(&["hush"]);
    let broken = analyze(&["--prometheus", &server.url, "--prometheus-header", "hush"], &[]);
    broken.tells(USAGE, &["NAME: VALUE"]);
    broken.hides(&["hush"]);
}

#[test]
fn a_redirect_is_told_and_what_is_secret_does_not_follow_it() {
    let elsewhere = Server::start(no_series);
    let to = format!("{}/login?state=hush", elsewhere.url);
    let server = Server::start(move |_| (307, vec![("location", to.clone())], String::new()));
    let ran = analyze(
        &["--prometheus", &server.url, "--prometheus-header", "X-Api-Key: hush"],
        &[],
    );
    ran.tells(SOURCE, &[&format!("redirects to `{}/login`", elsewhere.url)]);
    ran.hides(&["hush"]);
    assert!(elsewhere.asked().is_empty(), "{:?}", elsewhere.asked());
}

#[test]
fn the_environments_proxy_is_asked_except_for_this_machine_and_what_no_proxy_names() {
    let proxy = Server::start(no_series);
    let away = "http://prometheus.monitoring.example:9090";
    let variables = [("HTTP_PROXY", proxy.url.as_str())];
    analyze(&["--prometheus", away], &variables).tells(NOTHING, &[]);
    let asked = proxy.asked();
    assert!(asked[0].target.starts_with(&format!("{away}/api/v1/")), "{asked:?}");
    let server = Server::start(no_series);
    analyze(&["--prometheus", &server.url], &variables).tells(NOTHING, &[]);
    assert_eq!(proxy.asked().len(), asked.len(), "the loopback is not the proxy's");
    let named = [variables[0], ("NO_PROXY", ".example")];
    analyze(&["--prometheus", away], &named).tells(SOURCE, &["cannot reach", away]);
    assert_eq!(proxy.asked().len(), asked.len());
}

#[test]
fn costs_take_the_same_logins() {
    let prometheus = Server::start(no_series);
    let costs = Server::start(|asked| match (asked.header("authorization"), asked.path()) {
        ("Basic bWU6aHVzaA==", "/installInfo") => plain(200, r#"{"version":"1.118"}"#),
        ("Basic bWU6aHVzaA==", "/allocation") => plain(200, r#"{"code":200,"data":[{}]}"#),
        ("Basic bWU6aHVzaA==", "/assets") => plain(200, r#"{"code":200,"data":{}}"#),
        ("Basic bWU6aHVzaA==", _) => plain(404, ""),
        _ => plain(401, ""),
    });
    let base = [
        "--prometheus",
        &prometheus.url,
        "--costs",
        &costs.url,
        "--costs-user",
        "me",
    ];
    analyze(&base, &[("GPUWISE_COSTS_PASSWORD", "hush")]).tells(NOTHING, &[]);
    let wrong = analyze(&base, &[("GPUWISE_COSTS_PASSWORD", "other")]);
    wrong.tells(SOURCE, &[&costs.url, "401", "--costs-password-file"]);
}
