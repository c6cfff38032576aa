//! Listing all objects of a resource, page by page, and what a refusal means.

use kube::Resource;
use kube::core::params::ListParams;
use kube::core::{ApiResource, DynamicObject, Request};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::connect::Connection;
use super::error::{KubernetesError, brief};
use crate::model::gap::Gap;
use crate::model::progress::Progress;

/// What kubectl asks for at once, too.
const PAGE: u32 = 500;

/// How often a list begins anew when its token expires (410), before all is asked for at once, which cannot expire.
const RESTARTS: u32 = 2;

/// Whether a run can go on without a list that the server fails to give. A list that is forbidden is a gap in any case:
/// that is a decision somebody took, and it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Essential,
    Useful,
}

/// Reads lists and remembers what could not be read.
pub(super) struct Reader<'c> {
    pub(super) connection: &'c Connection,
    pub(super) progress: &'c dyn Progress,
    pub(super) gaps: Vec<Gap>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Page<T> {
    #[serde(default)]
    metadata: PageMeta,
    // Not defaulted: without the member this is no list.
    #[serde(deserialize_with = "null_is_empty")]
    items: Vec<T>,
}

#[derive(Deserialize, Default)]
struct PageMeta {
    #[serde(rename = "continue", default)]
    next: Option<String>,
}

fn null_is_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(input: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(input)?.unwrap_or_default())
}

impl Reader<'_> {
    /// What `keep` makes of every object of a resource in the whole cluster. `unknown` says in words what a refusal leaves
    /// unknown. Empty where the resource is not served or may not be listed; the latter is a gap. `versions` is the resource
    /// in its versions, of which the first that is served is read.
    pub(super) async fn list<T: DeserializeOwned, U>(
        &mut self,
        versions: &[ApiResource],
        need: Need,
        unknown: &str,
        mut keep: impl FnMut(T) -> Option<U>,
    ) -> Result<Vec<U>, KubernetesError> {
        let mut versions = versions.iter().peekable();
        while let Some(resource) = versions.next() {
            match self.pages(resource, &mut keep).await {
                Ok(kept) => return Ok(kept),
                Err(kube::Error::Api(status)) if status.is_not_found() && versions.peek().is_some() => {}
                Err(error) => return self.refused(resource, &error, need, unknown),
            }
        }
        Ok(Vec::new())
    }

    /// What a failed list means: a gap, nothing at all, or the end of the run.
    fn refused<U>(
        &mut self,
        resource: &ApiResource,
        error: &kube::Error,
        need: Need,
        unknown: &str,
    ) -> Result<Vec<U>, KubernetesError> {
        let name = shown(resource);
        match (error, need) {
            (kube::Error::Api(status), _) if status.code == 401 => {}
            (kube::Error::Api(status), _) if status.is_forbidden() => {
                self.gaps.push(forbidden(resource, unknown));
                return Ok(Vec::new());
            }
            (kube::Error::Api(status), Need::Useful) if status.is_not_found() => return Ok(Vec::new()),
            (kube::Error::Api(status), Need::Useful) => {
                let why = format!(
                    "the server failed to list them ({}): {}",
                    status.code,
                    brief(&status.message)
                );
                self.gaps.push(unreadable(&name, unknown, why));
                return Ok(Vec::new());
            }
            (kube::Error::SerdeError(cause), Need::Useful) => {
                self.gaps.push(unreadable(
                    &name,
                    unknown,
                    format!("the answer is no such list: {cause}"),
                ));
                return Ok(Vec::new());
            }
            _ => {}
        }
        Err(KubernetesError::of(error, &self.connection.server, &name))
    }

    async fn pages<T: DeserializeOwned, U>(
        &self,
        resource: &ApiResource,
        keep: &mut impl FnMut(T) -> Option<U>,
    ) -> Result<Vec<U>, kube::Error> {
        self.progress.stage(&format!("Kubernetes: {}", shown(resource)), None);
        let request = Request::new(DynamicObject::url_path(resource, None));
        let mut kept = Vec::new();
        let mut token: Option<String> = None;
        let mut restarts = 0;
        loop {
            let params = ListParams {
                limit: (restarts < RESTARTS).then_some(PAGE),
                continue_token: token.take(),
                ..ListParams::default()
            };
            let request = request.list(&params).map_err(kube::Error::BuildRequest)?;
            match self.connection.client.request::<Page<T>>(request).await {
                Ok(page) => {
                    self.progress.advance(page.items.len() as u64);
                    kept.extend(page.items.into_iter().filter_map(&mut *keep));
                    token = page.metadata.next.filter(|next| !next.is_empty());
                    if token.is_none() {
                        return Ok(kept);
                    }
                }
                // The rest would be of another moment than what was read: objects would be missed or read twice.
                Err(kube::Error::Api(status)) if status.code == 410 && restarts < RESTARTS => {
                    restarts += 1;
                    kept.clear();
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// `deployments.apps`, as kubectl has it.
pub(super) fn shown(resource: &ApiResource) -> String {
    if resource.group.is_empty() {
        return resource.plural.clone();
    }
    format!("{}.{}", resource.plural, resource.group)
}

fn forbidden(resource: &ApiResource, unknown: &str) -> Gap {
    Gap::new(
        "kubernetes-forbidden",
        unknown,
        format!("the account may not list `{}` in all namespaces (403)", shown(resource)),
        format!(
            "grant it by a ClusterRole and ClusterRoleBinding with the rule {{apiGroups: [\"{}\"], resources: [\"{}\"], \
             verbs: [\"list\"]}}",
            resource.group, resource.plural
        ),
    )
}

fn unreadable(name: &str, unknown: &str, why: String) -> Gap {
    Gap::new(
        "kubernetes-unreadable",
        unknown,
        why,
        format!("see whether `kubectl get {name} --all-namespaces` works, and run again"),
    )
}
