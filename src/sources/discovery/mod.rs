//! Finding Prometheus and OpenCost where nobody said where they are: services of the cluster that may be one are asked,
//! and the only one that fits is taken. Two that fit are not ours to choose between.

mod candidates;

use std::time::Duration;

use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Service as Object;
use kube::api::ListParams;

use super::endpoint::Endpoint;
use super::kubernetes::Connection;
use super::opencost::OpenCostClient;
use super::prometheus::client::PrometheusClient;
use super::prometheus::matcher::Matchers;
use super::prometheus::scrape::scrape_interval;
use super::transport::{Service, Transport};
use crate::catalog::Catalog;
use crate::model::progress::Progress;
use crate::model::time::Window;

/// How long a candidate may be silent: most that are none do not answer at all.
const SILENCE: Duration = Duration::from_secs(10);

/// Candidates at once.
const AT_ONCE: usize = 4;

/// Services in one page.
const PAGE: u32 = 500;

/// What was looked for, in words for those who have it under another name.
const LOOKED_FOR: &str =
    "services named or labelled as Prometheus, Thanos, VictoriaMetrics and Mimir are by their charts";

/// Why nothing was found, or too much.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// There is no cluster to look in.
    #[error(
        "nothing to read: give --demo, --recording DIR, or --prometheus URL (with --costs URL for real prices). No cluster \
         was found to look for them in: {why}"
    )]
    NoCluster {
        /// Why, from looking for one.
        why: String,
    },
    /// Services may not be listed.
    #[error(
        "cannot look for Prometheus in the cluster at {server}: {cause}; give --prometheus URL, or let services be listed"
    )]
    List {
        /// The cluster.
        server: String,
        /// Why.
        cause: String,
    },
    /// No candidate fits.
    #[error(
        "nothing to read: no Prometheus with GPU metrics was found in the cluster at {server} (looked for {LOOKED_FOR}; {}); \
         give --prometheus URL or --prometheus svc:NAMESPACE/NAME:PORT, or try --demo or --recording DIR",
        listed(tried)
    )]
    Nothing {
        /// The cluster.
        server: String,
        /// Candidates, and why each is none.
        tried: Vec<String>,
    },
    /// Several fit.
    #[error("several {what} answer in the cluster at {server}; name the right one: {}", choices.join(" or "))]
    Several {
        /// Of what.
        what: &'static str,
        /// The cluster.
        server: String,
        /// A flag for each.
        choices: Vec<String>,
    },
}

fn listed(tried: &[String]) -> String {
    if tried.is_empty() {
        "there is none".to_owned()
    } else {
        tried.join("; ")
    }
}

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// The one Prometheus with GPU metrics.
    pub prometheus: Endpoint,
    /// The one cost source, if there is any.
    pub costs: Option<Endpoint>,
}

/// Looks for the one Prometheus with GPU metrics, and for the one cost source unless that is known. What is found has the
/// certificates and the patience of `like`.
///
/// # Errors
/// As [`DiscoveryError`] says.
pub async fn discover(
    connection: &Connection,
    catalog: &Catalog,
    like: &Endpoint,
    at: Timestamp,
    within: &Matchers,
    with_costs: bool,
    progress: &dyn Progress,
) -> Result<Found, DiscoveryError> {
    progress.stage("looking for Prometheus and OpenCost in the cluster", None);
    let services = services(connection).await?;
    let server = connection.server.clone();
    let answers = ask(connection, like, candidates::metrics(&services), |transport| {
        has_gpus(transport, catalog, at, within)
    });
    let (fitting, tried) = answers.await;
    let prometheus = match fitting.as_slice() {
        [] => return Err(DiscoveryError::Nothing { server, tried }),
        [one] => one.clone(),
        several => {
            return Err(DiscoveryError::several(
                "servers with GPU metrics",
                "prometheus",
                server,
                several,
            ));
        }
    };
    progress.note(&format!(
        "found {} with GPU metrics; --prometheus {} takes it without looking",
        prometheus.shown(),
        prometheus.url
    ));
    let mut costs = None;
    if with_costs {
        let day = day_before(at);
        let (mut fitting, _) = ask(connection, like, candidates::costs(&services), |transport| {
            has_costs(transport, day)
        })
        .await;
        if fitting.len() > 1 {
            return Err(DiscoveryError::several("cost sources", "costs", server, &fitting));
        }
        costs = fitting.pop();
    }
    if let Some(costs) = &costs {
        let (shown, url) = (costs.shown(), &costs.url);
        progress.note(&format!(
            "found {shown} with costs; --costs {url} takes it without looking"
        ));
    }
    Ok(Found { prometheus, costs })
}

impl DiscoveryError {
    fn several(what: &'static str, flag: &str, server: String, endpoints: &[Endpoint]) -> Self {
        Self::Several {
            what,
            server,
            choices: endpoints
                .iter()
                .map(|endpoint| format!("--{flag} {}", endpoint.url))
                .collect(),
        }
    }
}

async fn services(connection: &Connection) -> Result<Vec<Object>, DiscoveryError> {
    let api: kube::Api<Object> = kube::Api::all(connection.client.clone());
    let mut found = Vec::new();
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let list = api.list(&page).await.map_err(|error| DiscoveryError::List {
            server: connection.server.clone(),
            cause: error.to_string(),
        })?;
        found.extend(list.items);
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(found),
        }
    }
}

/// Those that fit, and of the others why not.
async fn ask<F, A>(
    connection: &Connection,
    like: &Endpoint,
    services: Vec<Service>,
    fits: F,
) -> (Vec<Endpoint>, Vec<String>)
where
    F: Fn(Transport) -> A,
    A: Future<Output = Result<(), String>>,
{
    let fits = &fits;
    let answers: Vec<(Endpoint, Result<(), String>)> = stream::iter(services)
        .map(|service| async move {
            let mut endpoint = like.clone();
            endpoint.url = address(connection, &service);
            let mut probe = endpoint.clone();
            probe.timeout = Some(SILENCE);
            let outcome = match Transport::open(&probe, Some(connection), SILENCE) {
                Ok(transport) => fits(transport).await,
                Err(error) => Err(error.to_string()),
            };
            (endpoint, outcome)
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut fitting = Vec::new();
    let mut others = Vec::new();
    for (endpoint, outcome) in answers {
        match outcome {
            Ok(()) => fitting.push(endpoint),
            Err(why) => others.push(format!("{}: {why}", endpoint.url)),
        }
    }
    (fitting, others)
}

/// Within the cluster by its name, from outside through the Kubernetes API.
fn address(connection: &Connection, service: &Service) -> String {
    if connection.context.is_some() {
        return service.to_string();
    }
    let scheme = if service.https { "https" } else { "http" };
    let Service {
        namespace,
        name,
        port,
        path,
        ..
    } = service;
    format!("{scheme}://{name}.{namespace}.svc:{port}{path}")
}

/// The last whole day of UTC: cost sources keep those.
fn day_before(at: Timestamp) -> Window {
    let day = SignedDuration::from_hours(24);
    let end = Timestamp::from_second(at.as_second().div_euclid(day.as_secs()) * day.as_secs()).unwrap_or(at);
    let start = end.checked_sub(day).unwrap_or(end);
    Window { start, end }
}

async fn has_gpus(transport: Transport, catalog: &Catalog, at: Timestamp, within: &Matchers) -> Result<(), String> {
    let client = PrometheusClient::over(transport).introduced().await;
    let client = client.map_err(|error| error.to_string())?.within(within.clone());
    match scrape_interval(&client, catalog, at).await {
        Ok(Some(_)) => Ok(()),
        Ok(None) if within.is_empty() => Err("it has no GPU metrics of the last hour".to_owned()),
        Ok(None) => Err(format!("it has no GPU metrics with {within} of the last hour")),
        Err(error) => Err(error.to_string()),
    }
}

async fn has_costs(transport: Transport, day: Window) -> Result<(), String> {
    let client = OpenCostClient::over(transport);
    client.detect(day).await.map_err(|error| error.to_string())
}
