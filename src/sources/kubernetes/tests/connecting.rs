//! Kubeconfigs, contexts, and servers that do not answer.

use std::path::PathBuf;

use super::super::connect;
use super::*;

fn kubeconfig(folder: &tempfile::TempDir, server: &str, current: &str) -> PathBuf {
    let path = folder.path().join("config");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: '{current}'\n\
         clusters: [{{name: c, cluster: {{server: '{server}'}}}}]\n\
         users: [{{name: u, user: {{token: hush}}}}]\n\
         contexts:\n- {{name: one, context: {{cluster: c, user: u}}}}\n- {{name: two, context: {{cluster: c, user: u}}}}\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn version() -> Reply {
    let text = [
        "major",
        "minor",
        "gitVersion",
        "gitCommit",
        "gitTreeState",
        "buildDate",
        "goVersion",
        "compiler",
        "platform",
    ];
    Reply::json(200, &text.map(|field| (field, "1")).into_iter().collect())
}

#[tokio::test]
async fn a_context_is_taken_by_name_or_as_the_current_one() {
    let server = Server::serve(|_| version());
    let folder = tempfile::tempdir().unwrap();
    let path = kubeconfig(&folder, &server.url(), "one");
    let current = connect(Some(&path), None, None).await.unwrap();
    assert_eq!(current.context.as_deref(), Some("one"));
    assert_eq!(current.server, server.url());
    let named = connect(Some(&path), Some("two"), None).await.unwrap();
    assert_eq!(named.context.as_deref(), Some("two"));
    assert!(!format!("{named:?}").contains("hush"));
}

#[tokio::test]
async fn an_unknown_context_lists_the_known_ones() {
    let folder = tempfile::tempdir().unwrap();
    let path = kubeconfig(&folder, "http://127.0.0.1:1", "");
    let unknown = connect(Some(&path), Some("three"), None).await.unwrap_err().to_string();
    assert!(unknown.contains("`one`, `two`"), "{unknown}");
    let none = connect(Some(&path), None, None).await.unwrap_err().to_string();
    assert!(none.contains("--kube-context: `one`, `two`"), "{none}");
}

#[tokio::test]
async fn a_file_that_is_not_there_or_no_kubeconfig_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none");
    let absent = connect(Some(&path), None, None).await.unwrap_err().to_string();
    assert!(absent.contains("check --kubeconfig"), "{absent}");
    std::fs::write(&path, "clusters: 5").unwrap();
    let broken = connect(Some(&path), None, None).await.unwrap_err().to_string();
    assert!(broken.contains("cannot be used"), "{broken}");
}

#[tokio::test]
async fn a_server_that_is_away_or_refuses_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = kubeconfig(&folder, "http://127.0.0.1:1", "one");
    let away = connect(Some(&path), None, None).await.unwrap_err();
    assert!(matches!(away, KubernetesError::Unreachable { .. }), "{away}");
    assert!(away.to_string().contains("127.0.0.1:1"), "{away}");
    let server = Server::serve(|_| status(401, "Unauthorized"));
    let path = kubeconfig(&folder, &server.url(), "one");
    let expired = connect(Some(&path), None, None).await.unwrap_err().to_string();
    assert!(expired.contains("have expired"), "{expired}");
}

#[tokio::test]
async fn a_page_longer_than_any_is_not_kept_in_memory() {
    let server = Server::serve(|_| Reply::text(200, "application/json", &" ".repeat(8 << 20)));
    let error = reading(&server).await.unwrap_err();
    assert!(matches!(error, KubernetesError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("length limit exceeded"), "{error}");
}

#[tokio::test]
async fn a_silent_server_is_given_up_as_soon_as_was_asked_for() {
    // It takes the connection and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = kubeconfig(&folder, &format!("http://{}", silent.local_addr().unwrap()), "one");
    let began = std::time::Instant::now();
    let error = connect(Some(&path), None, Some(std::time::Duration::from_millis(200)))
        .await
        .unwrap_err();
    assert!(
        matches!(error, KubernetesError::Unreachable { .. }) && error.is_outage(),
        "{error}"
    );
    assert!(
        began.elapsed() < std::time::Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
}
