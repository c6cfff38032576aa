//! Where deployers take things from.

use super::*;
use crate::model::repository::Kept;

const GROUPS: [&str; 4] = [
    "apps",
    "argoproj.io",
    "kustomize.toolkit.fluxcd.io",
    "source.toolkit.fluxcd.io",
];
const APPLICATIONS: &str = "/apis/argoproj.io/v1alpha1/applications";
const KUSTOMIZATIONS: &str = "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations";
const REPOSITORIES: &str = "/apis/source.toolkit.fluxcd.io/v1/gitrepositories";

fn groups() -> Value {
    let version = |group: &str| if group == "argoproj.io" { "v1alpha1" } else { "v1" };
    let group = |name: &&str| json!({"name": name, "versions": [{"groupVersion": format!("{name}/{}", version(name)), "version": version(name)}]});
    json!({"kind": "APIGroupList", "groups": GROUPS.iter().map(group).collect::<Vec<_>>()})
}

/// A Deployment with a GPU and no pods, with these labels and annotations.
fn deployment(name: &str, labels: Value, annotations: Value) -> Value {
    let mut object = object(name, None, &json!({"replicas": 0, "template": {"spec": gpus(1)}}));
    object["metadata"]["labels"] = labels;
    object["metadata"]["annotations"] = annotations;
    object
}

fn by_argo(name: &str, application: &str) -> Value {
    let id = format!("{application}:apps/Deployment:ml/{name}");
    deployment(name, json!({}), json!({"argocd.argoproj.io/tracking-id": id}))
}

fn by_flux(name: &str, kustomization: &str) -> Value {
    let labels = json!({"kustomize.toolkit.fluxcd.io/name": kustomization, "kustomize.toolkit.fluxcd.io/namespace": "flux-system"});
    deployment(name, labels, json!({}))
}

fn named(namespace: &str, name: &str, spec: Value) -> Value {
    json!({"metadata": {"namespace": namespace, "name": name}, "spec": spec})
}

fn with(lists: &[(&'static str, Vec<Value>)]) -> Cluster {
    let mut cluster = cluster(lists);
    cluster.insert("/apis", groups());
    cluster
}

async fn kept(cluster: Cluster, of: &str) -> Vec<Kept> {
    let reading = reading(&serve(cluster)).await.unwrap();
    assert!(reading.gaps.is_empty(), "{:?}", reading.gaps);
    let mut named = reading.controllers.into_iter().filter(|one| one.this.name == of);
    named.next().unwrap().deployed.unwrap().kept
}

fn folder(path: &str) -> Kept {
    Kept {
        repository: "https://git.example.com/acme/deploy.git".to_owned(),
        path: Some(path.to_owned()),
        ..Kept::default()
    }
}

/// What an Application with this specification keeps of `llama`.
async fn of_application(spec: Value) -> Vec<Kept> {
    let lists = [
        ("/apis/apps/v1/deployments", vec![by_argo("llama", "chat")]),
        (
            APPLICATIONS,
            vec![named("argocd", "chat", spec), named("argocd", "other", json!({}))],
        ),
    ];
    kept(with(&lists), "llama").await
}

#[tokio::test]
async fn an_application_tells_repository_path_and_revision_and_no_password() {
    let source = json!({"repoURL": "https://bob:s3cret@git.example.com/acme/deploy.git", "path": "./apps/chat/", "targetRevision": "HEAD"});
    assert_eq!(of_application(json!({"source": source})).await, [folder("apps/chat")]);
    for recurse in [true, false] {
        let source = json!({"repoURL": "https://git.example.com/acme/deploy", "path": "apps", "directory": {"recurse": recurse}});
        assert_eq!(of_application(json!({"source": source})).await[0].recurse, recurse);
    }
    let on = |revision: &str| json!({"source": {"repoURL": "https://git.example.com/acme/deploy.git", "path": ".", "targetRevision": revision}});
    for (revision, pinned) in [
        ("main", false),
        ("release-1.2", false),
        ("feature/v2", false),
        ("deadbeef-fix", false),
        ("v1.2.3", true),
        ("1.2", true),
        ("v1.2.3-rc.1", true),
        ("1.*", true),
        (">=1.0.0", true),
        ("refs/tags/live", true),
        ("2f1c9e0", true),
        ("53e28ff20cc530b9ada2173fbbd64d48338583ba", true),
    ] {
        let told = of_application(on(revision)).await;
        let expected = Kept {
            revision: Some(revision.to_owned()),
            pinned,
            ..folder("")
        };
        assert_eq!(told, [expected], "{revision}");
    }
}

#[tokio::test]
async fn several_sources_charts_and_what_is_yet_to_be_hydrated_are_told_apart() {
    let sources = json!({"sources": [
        {"repoURL": "https://charts.example.com", "chart": "vllm", "targetRevision": "0.1.7",
            "helm": {"valueFiles": ["$values/values/chat.yaml"], "parameters": [{"name": "replicas", "value": "3"}]}},
        {"repoURL": "https://git.example.com/acme/deploy.git", "ref": "values"},
        {"repoURL": "https://git.example.com/acme/deploy.git", "path": "extra"},
    ], "source": {"repoURL": "https://git.example.com/old", "path": "old"}});
    let told = of_application(sources).await;
    let [chart, extra] = &told[..] else { panic!("{told:?}") };
    assert_eq!((chart.chart.as_deref(), &chart.path), (Some("vllm"), &None));
    assert_eq!(chart.values, ["values/chat.yaml"]);
    assert_eq!(
        (chart.pinned, &chart.changed_by[..]),
        (true, &["helm.parameters".to_owned()][..])
    );
    assert_eq!(*extra, folder("extra"));
    let chart = json!({"source": {"repoURL": "https://git.example.com/acme/deploy.git", "path": "charts/vllm",
        "helm": {"valueFiles": ["values-prod.yaml", "../../values/chat.yaml", "../../../out.yaml"]}}});
    let told = of_application(chart).await;
    assert_eq!(told[0].chart.as_deref(), Some("charts/vllm"));
    assert_eq!(told[0].values, ["charts/vllm/values-prod.yaml", "values/chat.yaml"]);
    let dry = json!({"sourceHydrator": {"drySource": {"repoURL": "https://git.example.com/acme/deploy.git", "path": "dry"},
        "syncSource": {"targetBranch": "env/prod", "path": "wet"}}});
    assert_eq!(of_application(dry).await, [folder("dry")]);
    assert_eq!(of_application(json!({})).await, []);
    assert_eq!(of_application(json!({"source": {"path": "apps"}})).await, []);
}

#[tokio::test]
async fn what_a_deployer_changes_on_the_way_is_told_where_it_may_be_about_the_object() {
    let by = async |kustomize: Value| {
        let source =
            json!({"repoURL": "https://git.example.com/acme/deploy.git", "path": "apps", "kustomize": kustomize});
        of_application(json!({"source": source})).await.remove(0).changed_by
    };
    assert_eq!(
        by(json!({"replicas": [{"name": "llama", "count": 3}]})).await,
        ["kustomize.replicas"]
    );
    assert_eq!(
        by(json!({"replicas": [{"name": "router", "count": 3}], "images": ["a=b"]})).await,
        [""; 0]
    );
    assert_eq!(
        by(json!({"namePrefix": "eu-", "nameSuffix": ""})).await,
        ["kustomize.namePrefix"]
    );
    for (target, meant) in [
        (json!({"kind": "Deployment", "name": "llama"}), true),
        (json!({"kind": "Deployment", "name": "ll.*"}), true),
        (json!({"kind": "Deployment"}), true),
        (json!({"labelSelector": "team=chat"}), true),
        (json!({"kind": "HelmRelease"}), false),
        (json!({"kind": "Deployment", "name": "router"}), false),
    ] {
        let told = by(json!({"patches": [{"patch": "- op: remove", "target": target}]})).await;
        assert_eq!(!told.is_empty(), meant, "{target}");
    }
}

#[tokio::test]
async fn an_application_is_known_by_its_namespace_or_as_the_only_one_of_its_name() {
    let spec = |path: &str| json!({"source": {"repoURL": "https://git.example.com/acme/deploy.git", "path": path}});
    let applications = vec![named("argocd", "chat", spec("a")), named("team", "chat", spec("b"))];
    let labelled = |name: &str, application: &str| {
        deployment(name, json!({"argocd.argoproj.io/instance": application}), json!({}))
    };
    let cluster = || {
        with(&[
            (
                "/apis/apps/v1/deployments",
                vec![
                    by_argo("one", "chat"),
                    by_argo("two", "team_chat"),
                    labelled("three", "team_chat"),
                    by_argo("four", "gone"),
                ],
            ),
            (APPLICATIONS, applications.clone()),
        ])
    };
    assert_eq!(kept(cluster(), "one").await, [], "there are two of that name");
    assert_eq!(kept(cluster(), "two").await, [folder("b")]);
    assert_eq!(kept(cluster(), "three").await, [folder("b")]);
    assert_eq!(kept(cluster(), "four").await, []);
}

#[tokio::test]
async fn a_kustomization_tells_its_path_and_its_source_the_rest() {
    let kustomization = |source: Value| json!({"path": "./clusters/prod", "sourceRef": source});
    let cluster = |source: Value, reference: Value| {
        let url = "ssh://git@git.example.com/acme/deploy";
        with(&[
            ("/apis/apps/v1/deployments", vec![by_flux("llama", "apps")]),
            (
                KUSTOMIZATIONS,
                vec![named("flux-system", "apps", kustomization(source))],
            ),
            (
                REPOSITORIES,
                vec![
                    named("flux-system", "deploy", json!({"url": url, "ref": reference})),
                    named(
                        "team",
                        "deploy",
                        json!({"url": "https://x:y@git.example.com/team/deploy"}),
                    ),
                ],
            ),
        ])
    };
    let git = || json!({"kind": "GitRepository", "name": "deploy"});
    for (reference, revision, pinned) in [
        (json!({"branch": "main"}), Some("main"), false),
        (json!({"branch": "main", "tag": "v1"}), Some("v1"), true),
        (json!({"tag": "v1", "semver": ">=1"}), Some(">=1"), true),
        (json!({"name": "refs/heads/live"}), Some("live"), false),
        (json!({"name": "refs/tags/live"}), Some("refs/tags/live"), true),
        (json!({"branch": "main", "commit": "2f1c9e0"}), Some("2f1c9e0"), true),
        (json!({}), None, false),
    ] {
        let expected = Kept {
            repository: "ssh://git@git.example.com/acme/deploy".to_owned(),
            path: Some("clusters/prod".to_owned()),
            revision: revision.map(str::to_owned),
            pinned,
            ..Kept::default()
        };
        assert_eq!(
            kept(cluster(git(), reference.clone()), "llama").await,
            [expected],
            "{reference}"
        );
    }
    let team = json!({"kind": "GitRepository", "name": "deploy", "namespace": "team"});
    assert_eq!(
        kept(cluster(team, json!({})), "llama").await[0].repository,
        "https://git.example.com/team/deploy"
    );
    let bucket = json!({"kind": "OCIRepository", "name": "deploy"});
    assert_eq!(
        kept(cluster(bucket, json!({})), "llama").await,
        [],
        "its folders are those of an artifact"
    );
    let gone = json!({"kind": "GitRepository", "name": "gone"});
    assert_eq!(kept(cluster(gone, json!({})), "llama").await, []);
}

#[tokio::test]
async fn a_cluster_that_does_not_tell_is_read_all_the_same() {
    // A hub deploys into this cluster: its marks are here, its Applications are not.
    let plain = cluster(&[(
        "/apis/apps/v1/deployments",
        vec![by_argo("llama", "chat"), by_flux("router", "apps")],
    )]);
    assert_eq!(kept(plain, "llama").await, []);
    let hidden = Server::serve(|path| {
        let path = path.split('?').next().unwrap();
        let list = |items: Vec<Value>| Reply::json(200, &json!({"kind": "List", "metadata": {}, "items": items}));
        match path {
            "/apis" => Reply::json(200, &groups()),
            "/api/v1/nodes" | "/api/v1/pods" => list(Vec::new()),
            "/apis/apps/v1/deployments" => list(vec![by_argo("llama", "chat"), by_flux("router", "apps")]),
            path if [APPLICATIONS, KUSTOMIZATIONS].contains(&path) => status(403, "Forbidden"),
            _ => status(404, "NotFound"),
        }
    });
    let read = reading(&hidden).await.unwrap();
    assert!(
        read.controllers
            .iter()
            .all(|one| one.deployed.as_ref().unwrap().kept.is_empty())
    );
    let about: Vec<&str> = read.gaps.iter().map(|gap| gap.what.as_str()).collect();
    assert_eq!(about, ["in which repository and folder manifests are kept"; 2]);
    // Without anything that they deploy nobody is asked, and nothing is missed.
    let server = Server::serve(|path| {
        assert!(
            !path.contains("applications") && !path.contains("kustomizations"),
            "{path}"
        );
        match path.split('?').next().unwrap() {
            "/apis" => Reply::json(200, &groups()),
            "/api/v1/nodes" | "/api/v1/pods" => Reply::json(200, &json!({"kind": "List", "metadata": {}, "items": []})),
            _ => status(404, "NotFound"),
        }
    });
    assert!(reading(&server).await.unwrap().gaps.is_empty());
}
