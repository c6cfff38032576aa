//! Replicas are handed over to an autoscaler without ever going down: with each deployer's own way of applying, on a model of it and,
//! where there is one, on a real Kubernetes API.

mod real;

use std::collections::{BTreeMap, BTreeSet};

use gpuwise::model::manifest::{Deployed, Deployer};
use gpuwise::patch::handover::{Handover, Of, hand_over};

/// Replicas of a vLLM service by day and by night.
const DAY: u32 = 12;
const NIGHT: u32 = 3;

/// Whoever applies a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Applier {
    /// `kubectl apply`.
    Client,
    /// With `--server-side`, or Flux, which takes fields from others.
    Server { manager: &'static str, force: bool },
}

/// A cluster in which one Deployment is.
trait Cluster {
    /// Applies its manifest, with replicas or without; false where that is refused.
    async fn apply(&mut self, by: Applier, replicas: Option<u32>) -> bool;
    /// An autoscaler writes replicas.
    async fn scale(&mut self, to: u32);
    /// What `kubectl apply edit-last-applied` does to replicas: it forgets that they were applied.
    async fn forget_applied(&mut self);
    /// Replicas that it has.
    async fn replicas(&mut self) -> u32;
    /// What is read of how it is deployed.
    async fn deployed(&mut self) -> Deployed;
}

/// What the API server and kubectl do with `spec.replicas`: a three-way merge on the client's side, owners of the field on the
/// server's, and one where nobody says anything.
#[derive(Default)]
struct Model {
    replicas: u32,
    owners: BTreeSet<String>,
    last_applied: Option<Option<u32>>,
    server_side: Option<&'static str>,
}

impl Cluster for Model {
    async fn apply(&mut self, by: Applier, replicas: Option<u32>) -> bool {
        match by {
            Applier::Client => {
                let before = self.last_applied.replace(replicas).flatten();
                match (before, replicas) {
                    (_, Some(replicas)) if self.replicas != replicas => self.write(CLIENT, replicas),
                    (_, Some(_)) => _ = self.owners.insert(CLIENT.to_owned()),
                    // What was there before and is not now is taken away, and then has its default.
                    (Some(_), None) => self.write("", 1),
                    (None, None) if self.replicas == 0 => self.write("", 1),
                    (None, None) => {}
                }
            }
            Applier::Server { manager, force } => {
                if manager != KEEPER {
                    self.server_side = Some(manager);
                }
                match replicas {
                    Some(replicas) if self.replicas != replicas => {
                        let others = self.owners.iter().any(|owner| owner != manager);
                        if others && !force {
                            return false;
                        }
                        self.write(manager, replicas);
                    }
                    Some(_) => _ = self.owners.insert(manager.to_owned()),
                    None => {
                        let owned = self.owners.remove(manager);
                        if owned && self.owners.is_empty() {
                            self.write("", 1);
                        }
                    }
                }
            }
        }
        true
    }

    async fn scale(&mut self, to: u32) {
        if self.replicas != to {
            self.write("kube-controller-manager", to);
        }
    }

    async fn forget_applied(&mut self) {
        self.last_applied = Some(None);
    }

    async fn replicas(&mut self) -> u32 {
        self.replicas
    }

    async fn deployed(&mut self) -> Deployed {
        let manager = self.server_side.map(|manager| match manager {
            FLUX => Deployer::Flux {
                kustomization: "flux-system/apps".to_owned(),
            },
            manager => Deployer::ServerSideApply {
                manager: manager.to_owned(),
            },
        });
        Deployed {
            deployer: manager.or_else(|| self.last_applied.map(|_| Deployer::ClientSideApply)),
            replicas_owned_by: self.owners.clone(),
            replicas_applied: self.last_applied.map(|applied| applied.is_some()),
            kept: Vec::new(),
        }
    }
}

impl Model {
    /// Who changes a field owns it alone.
    fn write(&mut self, owner: &str, replicas: u32) {
        self.replicas = replicas;
        self.owners.clear();
        if !owner.is_empty() {
            self.owners.insert(owner.to_owned());
        }
    }
}

const CLIENT: &str = "kubectl-client-side-apply";
const FLUX: &str = "kustomize-controller";
const KEEPER: &str = "gpuwise-handover";

const APPLIERS: [(&str, Applier); 3] = [
    ("kubectl apply", Applier::Client),
    (
        "kubectl apply --server-side",
        Applier::Server {
            manager: "kubectl",
            force: false,
        },
    ),
    (
        "Flux",
        Applier::Server {
            manager: FLUX,
            force: true,
        },
    ),
];

fn decide(deployed: &Deployed) -> Handover {
    let of = Of {
        api_version: "apps/v1",
        kind: "Deployment",
        namespace: "chat",
        name: "llama",
        written: Some(DAY),
        most: DAY,
    };
    hand_over(of, Some(deployed))
}

/// What the merged manifest says of replicas, after whatever is asked of a person was done.
async fn merged(cluster: &mut impl Cluster, by: Applier) -> Option<u32> {
    for _ in 0..2 {
        match decide(&cluster.deployed().await) {
            Handover::Stays { .. } => return Some(DAY),
            Handover::Goes { .. } => return None,
            Handover::First { command, .. } => {
                assert!(
                    command.contains("--server-side") && command.contains("--field-manager=gpuwise-handover"),
                    "{command}"
                );
                let now = cluster.replicas().await;
                assert!(
                    cluster
                        .apply(
                            Applier::Server {
                                manager: KEEPER,
                                force: false
                            },
                            Some(now)
                        )
                        .await
                );
            }
            other => panic!("{by:?}: {other:?}"),
        }
    }
    panic!("{by:?}: what a person was asked for did not help");
}

/// Applies the old manifest and then the merged one, by day or by night, with the autoscaler at work before, between or after.
async fn never_lowered<C: Cluster>(fresh: impl AsyncFn() -> C) {
    for (name, by) in APPLIERS {
        for night in [false, true] {
            let mut cluster = fresh().await;
            assert!(cluster.apply(by, Some(DAY)).await);
            assert_eq!(cluster.replicas().await, DAY, "{name}");
            let replicas = merged(&mut cluster, by).await;
            let needed = if night { NIGHT } else { DAY };
            // The autoscaler comes with the same commit, and may be first.
            cluster.scale(needed).await;
            for round in 0..3 {
                assert!(
                    cluster.apply(by, replicas).await,
                    "{name}, round {round}: the merged manifest is refused"
                );
                let now = cluster.replicas().await;
                assert!(
                    now >= needed,
                    "{name}, night {night}, round {round}: {now} replicas, and {needed} are needed"
                );
                cluster.scale(needed).await;
            }
            // And had it come after.
            let mut cluster = fresh().await;
            assert!(cluster.apply(by, Some(DAY)).await);
            let replicas = merged(&mut cluster, by).await;
            assert!(cluster.apply(by, replicas).await, "{name}");
            assert!(
                cluster.replicas().await >= DAY,
                "{name}: lowered before the autoscaler was there"
            );
        }
    }
}

/// The trap: leaving replicas out, and nothing else.
async fn left_out<C: Cluster>(fresh: impl AsyncFn() -> C) -> BTreeMap<&'static str, u32> {
    let mut found = BTreeMap::new();
    for (name, by) in APPLIERS {
        let mut cluster = fresh().await;
        assert!(cluster.apply(by, Some(DAY)).await);
        assert!(cluster.apply(by, None).await);
        found.insert(name, cluster.replicas().await);
    }
    found
}

async fn forgotten<C: Cluster>(fresh: impl AsyncFn() -> C) {
    let mut cluster = fresh().await;
    assert!(cluster.apply(Applier::Client, Some(DAY)).await);
    cluster.forget_applied().await;
    let decision = decide(&cluster.deployed().await);
    assert!(matches!(decision, Handover::Goes { .. }), "{decision:?}");
    assert!(cluster.apply(Applier::Client, None).await);
    assert_eq!(cluster.replicas().await, DAY);
}

#[tokio::test]
async fn replicas_never_go_down_when_they_are_handed_over() {
    let fresh = async || Model::default();
    never_lowered(fresh).await;
    forgotten(fresh).await;
    let trap = left_out(fresh).await;
    assert!(
        trap.values().all(|replicas| *replicas == 1),
        "the model has the trap: {trap:?}"
    );
}

#[test]
fn others_are_held_back_until_a_person_has_acted() {
    let of = |deployer: Option<Deployer>| Deployed {
        deployer,
        ..Deployed::default()
    };
    let first = |decision: Handover, told: &str| {
        let Handover::First { why, command } = decision else {
            panic!("{decision:?}")
        };
        assert!(why.contains(told) && !command.is_empty(), "{why}");
    };
    let release = "chat/vllm".to_owned();
    first(
        decide(&of(Some(Deployer::Helm { release }))),
        "release chat/vllm of Helm",
    );
    first(decide(&of(None)), "nothing tells how it is deployed");
    let application = "chat".to_owned();
    let argo = Handover::Ignored {
        application: application.clone(),
    };
    assert_eq!(decide(&of(Some(Deployer::ArgoCd { application }))), argo);
    // A manifest that says fewer than the autoscaler may ask for would lower them with each apply.
    let few = Of {
        api_version: "apps/v1",
        kind: "Deployment",
        namespace: "chat",
        name: "llama",
        written: Some(4),
        most: DAY,
    };
    let applied = Deployed {
        replicas_applied: Some(true),
        ..of(Some(Deployer::ClientSideApply))
    };
    first(hand_over(few, Some(&applied)), "each kubectl apply would lower");
    assert_eq!(hand_over(Of { written: None, ..few }, None), Handover::Absent);
}
