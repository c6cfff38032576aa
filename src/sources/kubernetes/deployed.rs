//! What put an object into the cluster, and who owns its replicas: by the marks that deployers leave, and by managed fields.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::model::cluster::Labels;
use crate::model::manifest::{Deployed, Deployer};

/// Where `kubectl apply` keeps what it applied last. It holds the whole object, so it is read here and never kept.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Labels and annotations of an object, as far as a deployer writes them.
pub(super) struct Marks<'m> {
    pub(super) namespace: &'m str,
    pub(super) labels: Option<&'m Labels>,
    pub(super) annotations: Option<&'m Labels>,
}

impl<'m> Marks<'m> {
    fn label(&self, key: &str) -> Option<&'m str> {
        self.labels?.get(key).map(String::as_str)
    }

    fn annotation(&self, key: &str) -> Option<&'m str> {
        self.annotations?.get(key).map(String::as_str)
    }
}

/// An entry of `metadata.managedFields`; of its fields only whether the replicas are among them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Managed {
    #[serde(default)]
    manager: String,
    #[serde(default)]
    operation: String,
    #[serde(default)]
    subresource: String,
    #[serde(default, rename = "fieldsV1")]
    fields: Option<Fields>,
}

#[derive(Debug, Default, Deserialize)]
struct Fields {
    #[serde(default, rename = "f:spec")]
    spec: Option<SpecFields>,
}

#[derive(Debug, Default, Deserialize)]
struct SpecFields {
    #[serde(default, rename = "f:replicas")]
    replicas: Option<IgnoredAny>,
}

impl Managed {
    fn owns_replicas(&self) -> bool {
        let spec = self.fields.as_ref().and_then(|fields| fields.spec.as_ref());
        spec.is_some_and(|spec| spec.replicas.is_some())
    }

    fn applies(&self) -> bool {
        self.operation == "Apply" && self.subresource.is_empty()
    }
}

/// How an object came into the cluster; `None` where neither marks nor managed fields say anything.
pub(super) fn of(marks: &Marks<'_>, managed: &[Managed]) -> Option<Deployed> {
    let applied = marks.annotation(LAST_APPLIED);
    let deployed = Deployed {
        deployer: deployer(marks, managed, applied.is_some()),
        replicas_owned_by: managed
            .iter()
            .filter(|entry| entry.owns_replicas())
            .map(|entry| entry.manager.clone())
            .collect::<BTreeSet<_>>(),
        replicas_applied: applied.and_then(has_replicas),
        kept: Vec::new(),
    };
    let known = deployed.deployer.is_some() || !deployed.replicas_owned_by.is_empty();
    known.then_some(deployed)
}

/// Whether an applied object had replicas; `None` where it cannot be read.
fn has_replicas(applied: &str) -> Option<bool> {
    let object: Value = serde_json::from_str(applied).ok()?;
    Some(
        object
            .pointer("/spec/replicas")
            .is_some_and(|replicas| !replicas.is_null()),
    )
}

/// Those that mark what they deploy first, as they may do it in any of the ways that managed fields tell apart.
fn deployer(marks: &Marks<'_>, managed: &[Managed], applied: bool) -> Option<Deployer> {
    let manages = |name: &str| managed.iter().any(|entry| entry.manager == name);
    let named = |group: &str| {
        let name = marks.label(&format!("{group}/name"))?;
        Some(format!("{}/{name}", marks.label(&format!("{group}/namespace"))?))
    };
    // `app` or `namespace_app`, then what it tracks.
    let tracked = marks.annotation("argocd.argoproj.io/tracking-id");
    let application = tracked
        .and_then(|id| id.split_once(':'))
        .map(|(name, _)| name.replacen('_', "/", 1));
    let instance = || marks.label("argocd.argoproj.io/instance");
    let application = application.or_else(|| Some(instance()?.replacen('_', "/", 1)));
    // Before version 3 this label was what Argo CD tracked by, and Helm's charts have it, too.
    let shared = || {
        marks
            .label("app.kubernetes.io/instance")
            .filter(|_| manages("argocd-controller"))
    };
    if let Some(application) = application.or_else(|| shared().map(str::to_owned)) {
        return Some(Deployer::ArgoCd { application });
    }
    if let Some(kustomization) = named("kustomize.toolkit.fluxcd.io") {
        return Some(Deployer::Flux { kustomization });
    }
    if let Some(release) = named("helm.toolkit.fluxcd.io") {
        return Some(Deployer::FluxHelm { release });
    }
    if let Some(release) = marks.annotation("meta.helm.sh/release-name") {
        let namespace = marks
            .annotation("meta.helm.sh/release-namespace")
            .unwrap_or(marks.namespace);
        let release = format!("{namespace}/{release}");
        return Some(Deployer::Helm { release });
    }
    if let Some(entry) = managed.iter().find(|entry| entry.applies()) {
        let manager = entry.manager.clone();
        return Some(Deployer::ServerSideApply { manager });
    }
    (applied || manages("kubectl-client-side-apply")).then_some(Deployer::ClientSideApply)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(labels: Value, annotations: Value, managed: Value) -> Option<Deployed> {
        let [labels, annotations] = [labels, annotations].map(|words| serde_json::from_value::<Labels>(words).unwrap());
        let managed: Vec<Managed> = serde_json::from_value(managed).unwrap();
        let marks = Marks {
            namespace: "chat",
            labels: Some(&labels),
            annotations: Some(&annotations),
        };
        of(&marks, &managed)
    }

    fn entry(manager: &str, operation: &str, replicas: bool) -> Value {
        let spec = if replicas {
            json!({"f:replicas": {}, "f:template": {}})
        } else {
            json!({"f:template": {}})
        };
        json!({"manager": manager, "operation": operation, "apiVersion": "apps/v1", "time": "2026-11-01T00:00:00Z",
            "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": {"f:labels": {}}, "f:spec": spec}})
    }

    #[test]
    fn kubectl_is_told_apart_by_how_it_applies() {
        let last = json!({LAST_APPLIED: "{\"apiVersion\":\"apps/v1\",\"spec\":{\"replicas\":12}}"});
        let client = read(
            json!({}),
            last,
            json!([entry("kubectl-client-side-apply", "Update", true)]),
        )
        .unwrap();
        assert_eq!(client.deployer, Some(Deployer::ClientSideApply));
        assert_eq!(client.replicas_applied, Some(true));
        let without = json!({LAST_APPLIED: "{\"apiVersion\":\"apps/v1\",\"spec\":{}}"});
        assert_eq!(
            read(json!({}), without, json!([])).unwrap().replicas_applied,
            Some(false)
        );
        let cut = json!({LAST_APPLIED: "{\"apiVersion\""});
        assert_eq!(read(json!({}), cut, json!([])).unwrap().replicas_applied, None);
        // What the autoscaler writes goes through the scale subresource, and is no deployment.
        let scale = json!({"manager": "kube-controller-manager", "operation": "Apply", "subresource": "scale",
            "fieldsV1": {"f:spec": {"f:replicas": {}}}});
        let server = read(json!({}), json!({}), json!([scale, entry("kubectl", "Apply", false)])).unwrap();
        let manager = "kubectl".to_owned();
        assert_eq!(server.deployer, Some(Deployer::ServerSideApply { manager }));
        assert_eq!(
            server.replicas_owned_by,
            BTreeSet::from(["kube-controller-manager".to_owned()])
        );
    }

    #[test]
    fn those_that_mark_what_they_deploy_are_known_by_it() {
        let by = |labels: Value, annotations: Value, managed: Value| read(labels, annotations, managed)?.deployer;
        let argo = |application: &str| {
            let application = application.to_owned();
            Some(Deployer::ArgoCd { application })
        };
        let id = json!({"argocd.argoproj.io/tracking-id": "chat:apps/Deployment:chat/router"});
        assert_eq!(
            by(json!({}), id, json!([entry("argocd-controller", "Apply", true)])),
            argo("chat")
        );
        let id = json!({"argocd.argoproj.io/tracking-id": "teams_chat:apps/Deployment:chat/router"});
        assert_eq!(by(json!({}), id, json!([])), argo("teams/chat"));
        let instance = json!({"app.kubernetes.io/instance": "chat"});
        assert_eq!(
            by(
                instance.clone(),
                json!({}),
                json!([entry("argocd-controller", "Update", true)])
            ),
            argo("chat")
        );
        assert_eq!(by(instance, json!({}), json!([])), None, "Helm's charts have it, too");
        let flux =
            json!({"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"});
        let kustomization = "flux-system/apps".to_owned();
        let controller = json!([entry("kustomize-controller", "Apply", true)]);
        assert_eq!(by(flux, json!({}), controller), Some(Deployer::Flux { kustomization }));
        let helm = json!({"meta.helm.sh/release-name": "vllm", "meta.helm.sh/release-namespace": "chat"});
        let release = "chat/vllm".to_owned();
        assert_eq!(
            by(json!({}), helm, json!([entry("helm", "Update", true)])),
            Some(Deployer::Helm { release })
        );
        assert_eq!(read(json!({}), json!({}), json!([])), None);
    }
}
