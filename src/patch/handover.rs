//! Who writes replicas once an autoscaler does. `spec.replicas` is never simply deleted: what applies a manifest without it may set
//! it to its default, one, before the autoscaler has looked once.

use crate::model::manifest::{Deployed, Deployer};

/// The field manager under which a person keeps replicas as they are while a manifest lets go of them.
const KEEPER: &str = "gpuwise-handover";

/// What becomes of `spec.replicas` in a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handover {
    /// It is not there.
    Absent,
    /// It stays: applying it raises replicas for a while, and never lowers them.
    Stays {
        /// What to know of it.
        note: String,
    },
    /// It goes: others own the field.
    Goes {
        /// Why that is safe.
        note: String,
    },
    /// It stays, and its Application is to leave the field alone.
    Ignored {
        /// The Application of Argo CD.
        application: String,
    },
    /// Nothing is changed before somebody did this.
    First {
        /// Why.
        why: String,
        /// What to run.
        command: String,
    },
}

/// The object whose replicas are handed over.
#[derive(Debug, Clone, Copy)]
pub struct Of<'o> {
    /// Such as `apps/v1`.
    pub api_version: &'o str,
    /// Its kind.
    pub kind: &'o str,
    /// Its namespace.
    pub namespace: &'o str,
    /// Its name in the cluster.
    pub name: &'o str,
    /// Replicas that its manifest tells; `None` where it tells none.
    pub written: Option<u32>,
    /// The most that its autoscaler may ask for.
    pub most: u32,
}

impl Of<'_> {
    fn resource(&self) -> String {
        let (group, _) = self.api_version.split_once('/').unwrap_or(("", self.api_version));
        let kind = self.kind.to_lowercase();
        let kind = if group.is_empty() || group == "apps" {
            kind
        } else {
            format!("{kind}.{group}")
        };
        format!("{kind}/{} --namespace {}", self.name, self.namespace)
    }

    /// Lets another field manager own the replicas, as they are.
    fn keep(&self) -> String {
        let Self {
            api_version,
            kind,
            namespace,
            name,
            ..
        } = self;
        let resource = self.resource();
        format!(
            "kubectl apply --server-side --field-manager={KEEPER} -f - <<EOF\n\
             apiVersion: {api_version}\n\
             kind: {kind}\n\
             metadata:\n  name: {name}\n  namespace: {namespace}\n\
             spec:\n  replicas: $(kubectl get {resource} -o jsonpath='{{.spec.replicas}}')\n\
             EOF"
        )
    }
}

/// How replicas are handed over to an autoscaler.
pub fn hand_over(of: Of<'_>, deployed: Option<&Deployed>) -> Handover {
    let Some(written) = of.written else {
        return absent(of, deployed);
    };
    let deployer = deployed.and_then(|deployed| Some((deployed, deployed.deployer.as_ref()?)));
    let Some((deployed, deployer)) = deployer else {
        return Handover::First {
            why: "nothing tells how it is deployed, and whoever applies its manifest without spec.replicas may set it to one".to_owned(),
            command: format!("kubectl get {} -o yaml --show-managed-fields", of.resource()),
        };
    };
    let others = |own: &str| deployed.replicas_owned_by.iter().find(|manager| *manager != own);
    let server_side = |own: &str, who: &str| match others(own) {
        Some(other) => Handover::Goes {
            note: format!("{other} owns spec.replicas, too, so that it stays as it is when {who} lets go of it"),
        },
        None => Handover::First {
            why: format!("{who} alone owns spec.replicas: were it left out, it would be set to one at once"),
            command: of.keep(),
        },
    };
    match deployer {
        Deployer::ClientSideApply if deployed.replicas_applied == Some(false) => Handover::Goes {
            note: "kubectl did not apply spec.replicas last, so that it stays as it is when its manifest lets go of it"
                .to_owned(),
        },
        Deployer::ClientSideApply if written < of.most => Handover::First {
            why: format!(
                "its manifest says {written} replicas, and each kubectl apply would lower what the autoscaler raised, to {} at most",
                of.most
            ),
            command: format!(
                "kubectl apply edit-last-applied {}   # and delete spec.replicas there",
                of.resource()
            ),
        },
        Deployer::ClientSideApply => Handover::Stays {
            note: format!(
                "spec.replicas stays in the manifest: left out, kubectl apply would set it to one. Each apply raises it to {written} \
                 until the autoscaler has looked. To be rid of it: `kubectl apply edit-last-applied {}`, delete spec.replicas there, \
                 and then in the manifest",
                of.resource()
            ),
        },
        Deployer::ArgoCd { application } => Handover::Ignored {
            application: application.clone(),
        },
        Deployer::Flux { kustomization } => {
            server_side("kustomize-controller", &format!("Flux (Kustomization {kustomization})"))
        }
        Deployer::ServerSideApply { manager } => server_side(manager, manager),
        Deployer::Helm { release } | Deployer::FluxHelm { release } => Handover::First {
            why: format!("release {release} of Helm writes spec.replicas with every upgrade"),
            command: format!(
                "helm get values {} --namespace {}   # most charts leave replicas out where autoscaling.enabled is true",
                last(release),
                of.namespace
            ),
        },
    }
}

fn last(release: &str) -> &str {
    release.rsplit('/').next().unwrap_or(release)
}

/// Where the manifests that were read have no replicas, and what applied them says otherwise, it is about to take them away.
fn absent(of: Of<'_>, deployed: Option<&Deployed>) -> Handover {
    let owns = |manager: &str| {
        deployed.is_some_and(|deployed| deployed.replicas_owned_by.iter().all(|own| own == manager))
            && deployed.is_some_and(|deployed| !deployed.replicas_owned_by.is_empty())
    };
    let first = |command: String| {
        Handover::First {
        why: "the manifests that were read have no spec.replicas, and what applied them last had: something else sets it, or the next \
              time it is set to one"
            .to_owned(),
        command,
    }
    };
    match deployed.and_then(|deployed| Some((deployed, deployed.deployer.as_ref()?))) {
        Some((deployed, Deployer::ClientSideApply)) if deployed.replicas_applied == Some(true) => first(format!(
            "kubectl apply edit-last-applied {}   # and delete spec.replicas there",
            of.resource()
        )),
        Some((_, Deployer::Flux { .. })) if owns("kustomize-controller") => first(of.keep()),
        Some((_, Deployer::ServerSideApply { manager })) if owns(manager) => first(of.keep()),
        _ => Handover::Absent,
    }
}
