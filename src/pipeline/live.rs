//! A live cluster: Kubernetes, Prometheus and the cost source read into one reading.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};

use super::PipelineError;
use super::grid::{grid, looked_at};
use super::ledger::{self, LedgerSpan};
use super::requests::requests;
use super::servers::{Servers, connect};
use super::{metrics, past};
use crate::catalog::Catalog;
use crate::model::cluster::Inventory;
use crate::model::gap::{Gap, KUBERNETES_DOWN, NO_KUBERNETES, SERVERS_LEFT_OUT, UNKNOWN_WITHOUT_KUBERNETES};
use crate::model::gpu::gpu_resource;
use crate::model::progress::Progress;
use crate::model::reading::Reading;
use crate::model::usage::Signal;
use crate::policy::price_sheet::PriceSheet;
use crate::sources::collect::Outline;
use crate::sources::endpoint::Endpoint;
use crate::sources::kubernetes::{Connection, KubernetesError, KubernetesReading};
use crate::sources::opencost::{self, CostReading, OpenCostError};
use crate::sources::prometheus::client::PrometheusClient;
use crate::sources::prometheus::clusters::{self, Known};
use crate::sources::prometheus::error::PrometheusError;
use crate::sources::prometheus::histograms;
use crate::sources::prometheus::history::{self, History};
use crate::sources::prometheus::matcher::Matchers;
use crate::sources::{kubernetes, prometheus};

/// What a cluster is called that nobody has named.
pub const UNNAMED: &str = "cluster";

/// Gaps that nobody should wait an hour to hear of.
const TOLD_AT_ONCE: [&str; 4] = [
    clusters::CHOSEN,
    clusters::GPUS_LEFT_OUT,
    clusters::STATE_LEFT_OUT,
    SERVERS_LEFT_OUT,
];

/// Which Kubernetes API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kubernetes {
    /// This one; what is not given is found as kubectl finds it.
    Read {
        /// The kubeconfig.
        kubeconfig: Option<PathBuf>,
        /// The context in it.
        context: Option<String>,
    },
    /// None: workloads from metrics alone.
    None,
}

impl Kubernetes {
    /// The kubeconfig's context by which it is found, if it is; nothing is contacted.
    pub fn context(&self) -> Option<String> {
        match self {
            Self::Read { kubeconfig, context } => kubernetes::context_of(kubeconfig.as_deref(), context.as_deref()),
            Self::None => None,
        }
    }
}

/// Where a cluster is read, and how far back.
#[derive(Debug, Clone)]
pub struct Live {
    /// Prometheus or one of its cousins; looked for in the cluster where not given.
    pub prometheus: Option<Endpoint>,
    /// Which series of it are this cluster's; where not given, as its nodes tell when the store keeps several clusters.
    pub within: Matchers,
    /// OpenCost or Kubecost; looked for where Prometheus is.
    pub costs: Option<Endpoint>,
    /// What servers that are looked for share with those that are named: certificates and patience. Its URL is not used.
    pub looked_for: Endpoint,
    /// The Kubernetes API.
    pub kubernetes: Kubernetes,
    /// What to call the cluster.
    pub cluster: Option<String>,
    /// How far back.
    pub window: SignedDuration,
    /// Up to when; now where not given.
    pub until: Option<Timestamp>,
    /// Seconds from one point to the next; chosen by the scrape interval where not given.
    pub step_seconds: Option<u32>,
    /// How many samples are held in memory at once, eight bytes each; a cluster with more is judged part by part.
    pub samples_at_once: u64,
    /// Of how many workloads requests are read at scrape interval.
    pub replay_limit: usize,
    /// Whether raw samples may be read where Prometheus offers remote read.
    pub remote_read: bool,
    /// Which days of cost are read; none where nobody asks about money by day.
    pub ledger: Option<LedgerSpan>,
    /// Whether it is looked at which metrics there are, with which labels.
    pub metric_facts: bool,
}

/// A cluster of which everything but the series was read.
pub(super) struct Open {
    pub(super) reading: Reading,
    pub(super) client: PrometheusClient,
    /// The currency that the cost source told; that of the reading is a guess without it.
    pub(super) currency: Option<String>,
    /// Why the cost source does not answer, where it is only down.
    pub(super) costs_down: Option<String>,
    /// Of how many workloads requests are read.
    pub(super) replay_limit: usize,
}

/// Opens a cluster whose Kubernetes API may be down: as a cost source that is, it is one source of three, and a gap. Not
/// where the other servers are asked through it.
pub(super) async fn open_what_answers(
    live: &Live,
    catalog: &Catalog,
    progress: &dyn Progress,
) -> Result<Open, PipelineError> {
    let apart = |server: &Endpoint| !server.url.starts_with("svc:");
    let apart = live.prometheus.as_ref().is_some_and(apart) && live.costs.as_ref().is_none_or(apart);
    match open(live, None, catalog, progress).await {
        Err(PipelineError::Kubernetes(error)) if apart && error.is_outage() => {
            progress.note(&format!("Kubernetes: {error}; going on without it"));
            match open(live, Some(&error), catalog, progress).await {
                // Its nodes would have told.
                Err(PipelineError::Prometheus(several @ PrometheusError::SeveralClusters { .. })) => {
                    Err(PipelineError::NotToldApart {
                        kubernetes: Box::new(error),
                        prometheus: Box::new(several),
                    })
                }
                opened => opened,
            }
        }
        opened => opened,
    }
}

/// Opens a cluster; where its Kubernetes API has failed before, without it, under the name that it would have had.
pub(super) async fn open(
    live: &Live,
    failed: Option<&KubernetesError>,
    catalog: &Catalog,
    progress: &dyn Progress,
) -> Result<Open, PipelineError> {
    // The quick refusals first: nobody should wait for an hour of metrics to learn that a context is misspelt.
    let Servers {
        connection,
        prometheus: client,
        costs,
    } = connect(live, failed.is_none(), catalog, progress).await?;
    let (objects, context) = match failed {
        None => read_objects(connection, progress).await?,
        Some(error) => (no_objects(Some(error)), live.kubernetes.context()),
    };
    let known = Known {
        nodes: objects.nodes.iter().map(|node| node.name.clone()).collect(),
        held: held(&objects),
        names: live.cluster.iter().chain(&context).cloned().collect(),
    };
    let (client, told) = clusters::narrowed(client, catalog, looked_at(live.window, live.until)?, &known).await?;
    for gap in told.iter().filter(|gap| TOLD_AT_ONCE.contains(&gap.code.as_str())) {
        progress.note(&format!("{}; {}", gap.why, gap.fix));
    }
    let grid = grid((live.window, live.until, live.step_seconds), &client, catalog).await?;
    let past = past::gap(&client, catalog, grid.window.end, objects.newest).await?;
    let cost_client = costs;
    let costs = match &cost_client {
        Some(client) => opencost::read(client, grid.window, progress).await.map_err(Some),
        None => Err(None),
    };
    let costs = unless_refused(costs, progress)?;
    let costs_down = costs.as_ref().err().and_then(Option::as_ref).map(ToString::to_string);
    let mut history = history::read(&client, grid, progress).await?;
    if told.iter().any(|gap| gap.code == clusters::STATE_LEFT_OUT) {
        // It is there, and need not be installed.
        history.gaps.retain(|gap| gap.code != history::NO_STATE);
    }
    let (mut inventory, mut gaps) = together(objects, history);
    gaps.extend(told.into_iter().chain(past));
    let (currency, billed) = take_costs(costs, &mut inventory, &mut gaps);
    if let (Some(client), None) = (&cost_client, &costs_down) {
        let asked = (live.ledger.as_ref(), grid.window, billed.as_deref());
        gaps.extend(ledger::read(client, asked, &mut inventory, progress).await);
    }
    if live.metric_facts {
        metrics::look(&client, catalog, &mut inventory, grid.window.end, progress).await?;
    }
    let cluster = live.cluster.clone().or(billed).or(context);
    let mut reading = Reading {
        cluster: cluster.unwrap_or_else(|| UNNAMED.to_owned()),
        grid,
        currency: currency.clone().unwrap_or_else(|| "USD".to_owned()),
        inventory,
        series: Vec::new(),
        requests: Vec::new(),
        asked: Signal::every().collect(),
        gaps,
    };
    reading.settle();
    Ok(Open {
        reading,
        client,
        currency,
        costs_down,
        replay_limit: live.replay_limit,
    })
}

/// Costs whose source is only down are done without, and said; what it refuses is an error.
fn unless_refused(
    costs: Result<CostReading, Option<OpenCostError>>,
    progress: &dyn Progress,
) -> Result<Result<CostReading, Option<OpenCostError>>, PipelineError> {
    match costs {
        Err(Some(error)) if !error.is_outage() => Err(error.into()),
        Err(Some(error)) => {
            progress.note(&format!("costs: {error}; going on without it"));
            Ok(Err(Some(error)))
        }
        other => Ok(other),
    }
}

/// What the API and kube-state-metrics told, and what they could not.
pub(super) fn together(objects: KubernetesReading, history: History) -> (Inventory, Vec<Gap>) {
    let inventory = Inventory {
        nodes: objects.nodes,
        pods: objects.pods,
        controllers: objects.controllers,
        hpas: objects.hpas,
        disruption_budgets: objects.disruption_budgets,
        node_pools: objects.node_pools,
        devices: objects.devices,
        queues: objects.queues,
        pools: objects.pools,
        device_claims: objects.device_claims,
        pod_history: history.pods,
        owner_history: history.owners,
        ..Inventory::default()
    };
    (inventory, objects.gaps.into_iter().chain(history.gaps).collect())
}

impl Open {
    /// With all its series.
    pub(super) async fn whole(self, catalog: &Catalog, progress: &dyn Progress) -> Result<Reading, PipelineError> {
        let Self {
            mut reading,
            client,
            replay_limit,
            ..
        } = self;
        let steps = prometheus::read::requests(reading.grid) + histograms::requests(reading.grid);
        progress.stage("reading GPU and server metrics", Some(steps as u64));
        let read = prometheus::read::series(&client, catalog, reading.grid, None, progress).await?;
        let served = histograms::histograms(&client, catalog, reading.grid, progress).await?;
        let (devices, servers) = super::labels(&read.series);
        let sheet = PriceSheet::default();
        // Neither teams nor prices tell which pods hold GPUs.
        let outline = Outline::of(
            &reading,
            devices.into_iter(),
            servers.into_iter(),
            catalog,
            &crate::policy::attribution::NOBODY,
            &sheet,
        );
        let blanks = read.blanks.of(&outline.holders());
        let (requests, untold) = requests(&client, catalog, &outline, replay_limit, progress).await?;
        progress.asked(client.shown(), client.load());
        reading.requests = requests;
        reading.gaps.extend(untold);
        reading.gaps.extend(blanks.gaps().chain(read.gaps));
        reading.gaps.extend(served.gaps);
        reading.series = read.series;
        reading.series.extend(served.series);
        reading.settle();
        Ok(reading)
    }
}

async fn read_objects(
    connection: Option<Connection>,
    progress: &dyn Progress,
) -> Result<(KubernetesReading, Option<String>), PipelineError> {
    let Some(connection) = connection else {
        return Ok((no_objects(None), None));
    };
    let read = kubernetes::read(&connection, progress).await?;
    Ok((read, connection.context))
}

/// The nodes on which pods hold GPUs, each since its first pod.
fn held(objects: &KubernetesReading) -> BTreeMap<String, Timestamp> {
    let mut held = BTreeMap::new();
    for pod in objects.pods.iter().filter(|pod| pod.finished.is_none()) {
        let asks = pod.claims_devices || pod.requests().keys().any(|name| gpu_resource(name).is_some());
        if let (true, Some(node), Some(since)) = (asks, &pod.node, pod.started) {
            let first = held.entry(node.clone()).or_insert(since);
            *first = since.min(*first);
        }
    }
    held
}

const LET_READ: &str = "let gpuwise read the API; get, list and watch are enough";

/// Nothing, and the hole that the Kubernetes API leaves, by choice or because it failed.
fn no_objects(failed: Option<&KubernetesError>) -> KubernetesReading {
    let (code, why, fix) = match failed {
        None => (
            NO_KUBERNETES,
            "the Kubernetes API was not read (--no-kubernetes)".to_owned(),
            LET_READ,
        ),
        Some(error) => (
            KUBERNETES_DOWN,
            error.to_string(),
            match error.is_outage() {
                true => "bring the Kubernetes API back, and run again",
                false => LET_READ,
            },
        ),
    };
    KubernetesReading {
        gaps: vec![Gap::new(code, UNKNOWN_WITHOUT_KUBERNETES, why, fix)],
        ..KubernetesReading::default()
    }
}

/// Currency and cluster name of the cost source. Where it is missing or down, a gap: the rest of the world is still read.
pub(super) fn take_costs(
    costs: Result<CostReading, Option<OpenCostError>>,
    inventory: &mut Inventory,
    gaps: &mut Vec<Gap>,
) -> (Option<String>, Option<String>) {
    let costs = match costs {
        Ok(costs) => costs,
        Err(error) => {
            let (why, fix) = match error {
                None => (
                    "no cost source was given".to_owned(),
                    "point --costs at OpenCost or Kubecost",
                ),
                Some(error) => (error.to_string(), "bring the cost source back, and run again"),
            };
            gaps.push(Gap::new(
                "no-costs",
                "what this cluster really pays",
                format!("{why}; nodes are priced from dated public lists"),
                fix,
            ));
            return (None, None);
        }
    };
    inventory.node_costs = costs.node_costs;
    inventory.other_costs = costs.other_costs;
    gaps.extend(costs.gaps);
    (costs.currency, costs.cluster)
}
