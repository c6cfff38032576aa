//! Which server answers: OpenCost or Kubecost, under which path, and whether it is new enough.

use serde::Deserialize;
use serde_json::Value;

use super::client::OpenCostClient;
use super::days;
use super::decode;
use super::error::OpenCostError;
use crate::model::time::Window;

/// Under which Kubecost, and OpenCost's front end, have the API.
const MODEL: &str = "model";

/// The oldest Kubecost whose answers are read; before it, filters and assets were of another kind.
const OLDEST_KUBECOST: (u32, u32) = (1, 106);

/// How a server wants to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Any window, in unix seconds.
    OpenCost,
    /// Whole days of UTC, as it keeps them; idle unless told otherwise; in pages.
    Kubecost,
}

/// The server that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Server {
    /// The first segment of every path, empty for OpenCost itself.
    pub(super) prefix: &'static str,
    pub(super) dialect: Dialect,
}

/// What `installInfo` tells of the pods behind it.
#[derive(Deserialize)]
struct InstallInfo {
    containers: Option<Vec<Container>>,
}

#[derive(Deserialize)]
struct Container {
    image: Option<String>,
}

/// Asks, in this order, what only Kubecost from 2.0 on has, what both have, and for costs.
pub(super) async fn detect(client: &OpenCostClient, day: Window) -> Result<Server, OpenCostError> {
    let nested = client.ends_with(MODEL);
    let prefixes: &[&'static str] = if nested { &[""] } else { &[MODEL, ""] };
    let mut tried = Tried::default();
    let aggregator = prefixes[0];
    if let Some(body) = tried.ask(client, aggregator, "aggregatorEnabled", &[]).await? {
        let answer: Option<serde_json::Map<String, Value>> = serde_json::from_slice(&body).ok();
        if answer.is_some_and(|answer| answer.contains_key("aggregatorEnabled")) {
            return Ok(Server {
                prefix: aggregator,
                dialect: Dialect::Kubecost,
            });
        }
    }
    for prefix in prefixes {
        if let Some(body) = tried.ask(client, prefix, "installInfo", &[]).await?
            && let Ok(info) = serde_json::from_slice::<InstallInfo>(&body)
        {
            let dialect = of_install(&info, client)?;
            return Ok(Server { prefix, dialect });
        }
    }
    for prefix in prefixes {
        // OpenCost's front end would have told of its installation.
        let dialect = if *prefix == MODEL || nested {
            Dialect::Kubecost
        } else {
            Dialect::OpenCost
        };
        let query = [
            ("window", days::parameter(day, dialect)),
            ("aggregate", "cluster".to_owned()),
        ];
        let answer = tried.ask(client, prefix, "allocation", &query).await?;
        if tried.failed || answer.is_some_and(|body| decode::has_code(&body)) {
            return Ok(Server { prefix, dialect });
        }
    }
    // Agents answer that they are well and have nothing to tell.
    if tried.ask(client, "", "healthz", &[]).await?.is_some() && tried.page.is_none() {
        return Err(OpenCostError::AgentOnly { url: client.shown() });
    }
    Err(tried.page.unwrap_or_else(|| OpenCostError::NotOpenCost {
        url: client.shown(),
        tried: tried.paths.join(", "),
    }))
}

/// What was asked in vain.
#[derive(Default)]
struct Tried {
    paths: Vec<String>,
    page: Option<OpenCostError>,
    /// In words of its own, it failed on costs: it is OpenCost, and only what it says of the costs matters.
    failed: bool,
}

impl Tried {
    async fn ask(
        &mut self,
        client: &OpenCostClient,
        prefix: &str,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Option<Vec<u8>>, OpenCostError> {
        let slash = if prefix.is_empty() { "" } else { "/" };
        self.paths.push(format!("{slash}{prefix}/{path}"));
        match client.get(prefix, path, query).await {
            Ok(body) => return Ok(Some(body)),
            Err(OpenCostError::Failed { .. }) if path == "allocation" => self.failed = true,
            Err(
                error @ (OpenCostError::Unreachable { .. }
                | OpenCostError::Transport { .. }
                | OpenCostError::Unauthorized { .. }
                | OpenCostError::Timeout { .. }),
            ) => return Err(error),
            Err(error @ (OpenCostError::Html { .. } | OpenCostError::Redirected { .. })) => self.page = Some(error),
            Err(_) => {}
        }
        Ok(None)
    }
}

fn of_install(info: &InstallInfo, client: &OpenCostClient) -> Result<Dialect, OpenCostError> {
    let images = info.containers.iter().flatten().filter_map(|one| one.image.as_deref());
    let kubecost: Vec<&str> = images.filter(|image| image.contains("kubecost")).collect();
    let versions = kubecost.iter().filter_map(|image| version(image));
    match versions.max() {
        Some((major, minor)) if (major, minor) < OLDEST_KUBECOST => Err(OpenCostError::TooOld {
            url: client.shown(),
            version: format!("{major}.{minor}"),
        }),
        _ if kubecost.is_empty() => Ok(Dialect::OpenCost),
        _ => Ok(Dialect::Kubecost),
    }
}

/// Major and minor of `gcr.io/kubecost1/cost-model:prod-1.93.2`.
fn version(image: &str) -> Option<(u32, u32)> {
    let (_, tag) = image.rsplit_once(':')?;
    let number = tag.trim_start_matches(|c: char| !c.is_ascii_digit());
    let mut parts = number.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_an_image() {
        assert_eq!(version("gcr.io/kubecost1/cost-model:prod-1.93.2"), Some((1, 93)));
        assert_eq!(version("registry:5000/kubecost/frontend:v2.8.0-rc1"), Some((2, 8)));
        assert_eq!(version("gcr.io/kubecost1/cost-model:latest"), None);
        assert_eq!(version("gcr.io/kubecost1/cost-model@sha256:ab"), None);
    }
}
