//! `gpuwise.yaml`: what it says, what is said over it, and that its secrets go nowhere else.

use std::fs;

use super::*;

fn guarded() -> Server {
    Server::start(
        |asked| match (asked.header("authorization"), asked.header("x-api-key")) {
            ("Bearer open", "sesame") => no_series(asked),
            _ => plain(401, "who are you"),
        },
    )
}

/// A folder with a token and a configuration for this server; the path of the latter.
fn configured(url: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("token"), "open\n").unwrap();
    let text = format!(
        "sources:\n  prometheus: {url}\n  prometheus-token-file: token\n  prometheus-header: ['X-Api-Key: $GPUWISE_API_KEY']\n"
    );
    let path = folder.path().join("mine.yaml");
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

#[test]
fn a_file_names_server_and_login_and_is_found_where_it_lies() {
    let server = guarded();
    let (folder, path) = configured(&server.url);
    let key = [("GPUWISE_API_KEY", "sesame")];
    analyze(&["--config", &path], &key).tells(NOTHING, &[]);
    analyze(&[], &[key[0], ("GPUWISE_CONFIG", path.as_str())]).tells(NOTHING, &[]);
    fs::rename(&path, folder.path().join("gpuwise.yaml")).unwrap();
    let arguments = ["analyze", "--no-kubernetes", "--window", "1h"];
    run_in(folder.path(), &arguments, &key).tells(NOTHING, &[]);
    run_in(folder.path(), &arguments, &[])
        .tells(USAGE, &["gpuwise.yaml:4:", "GPUWISE_API_KEY of `X-Api-Key` is not set"]);
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let server = guarded();
    let (_folder, path) = configured("http://127.0.0.1:1");
    let key = ("GPUWISE_API_KEY", "sesame");
    let named = ("GPUWISE_PROMETHEUS", server.url.as_str());
    // Neither token nor key of the file are for a server that another names.
    analyze(&["--config", &path], &[key, named]).tells(SOURCE, &["HTTP 401", &server.url]);
    let sent = server.asked();
    assert!(
        sent.iter()
            .all(|asked| asked.header("authorization").is_empty() && asked.header("x-api-key").is_empty())
    );
    let flag = ["--config", &path, "--prometheus", "http://127.0.0.1:2"];
    analyze(&flag, &[key, named]).tells(SOURCE, &["http://127.0.0.1:2"]);
    let (_folder, path) = configured(&server.url);
    let wrong = [key, ("GPUWISE_PROMETHEUS_TOKEN", "other")];
    analyze(&["--config", &path], &wrong).tells(SOURCE, &["HTTP 401"]);
}

#[test]
fn a_file_with_a_mistake_or_a_secret_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.yaml");
    fs::write(&path, "sources:\n  promtheus: x\n  prometheus-password: hush\n").unwrap();
    let path = path.to_str().unwrap();
    let ran = analyze(&["--config", path], &[]);
    ran.tells(
        USAGE,
        &[
            &format!("{path}:2:3: unknown key"),
            &format!("{path}:3:"),
            "prometheus-password-file",
        ],
    );
    ran.hides(&["hush"]);
    analyze(&["--config", "/nowhere/mine.yaml"], &[]).tells(USAGE, &["/nowhere/mine.yaml"]);
}

#[test]
fn the_cluster_of_a_store_is_named_by_flag_variable_or_file_and_a_mistake_is_told_before_anything_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.yaml");
    let asks_for = |wanted: &str, arguments: &[&str], environment: &[(&str, &str)]| {
        let server = Server::start(no_series);
        let text = format!(
            "sources:\n  prometheus: {}\n  prometheus-matcher: ['cluster=\"eu\"', '{{env!~\"dev|test\"}}']\n",
            server.url
        );
        fs::write(&path, text).unwrap();
        let named = [&["--config", path.to_str().unwrap()], arguments].concat();
        analyze(&named, environment).tells(NOTHING, &[]);
        let queries: Vec<String> = server
            .asked()
            .iter()
            .filter_map(|asked| asked.form.get("query").cloned())
            .collect();
        // Where nothing matches, one question goes beyond: what there is instead.
        let others: Vec<&String> = queries.iter().filter(|query| !query.contains(wanted)).collect();
        assert!(queries.len() > 5 && others.len() == 1, "{others:#?}");
    };
    asks_for(r#"cluster="eu",env!~"dev|test"}"#, &[], &[]);
    let variable = ("GPUWISE_PROMETHEUS_MATCHER", "cluster=\"us\"\nsite=~\"a,b|c\"");
    asks_for(r#"cluster="us",site=~"a,b|c"}"#, &[], &[variable]);
    let flags = [
        "--prometheus-matcher",
        r#"cluster="jp""#,
        "--prometheus-matcher",
        r#"{zone!="x"}"#,
    ];
    asks_for(r#"cluster="jp",zone!="x"}"#, &flags, &[variable]);
    let server = Server::start(no_series);
    let wrong = ["--prometheus", &server.url, "--prometheus-matcher", "cluster=eu"];
    analyze(&wrong, &[]).tells(USAGE, &["--prometheus-matcher: `cluster=eu`", "must be quoted"]);
    assert!(server.asked().is_empty());
}
