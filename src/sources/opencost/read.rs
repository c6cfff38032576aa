//! One reading of costs: day by day, newest first, summed over the window.

use jiff::tz::TimeZone;

use super::allocation::{Allocation, held};
use super::client::OpenCostClient;
use super::days;
use super::decode::{Asset, BodyError, sets};
use super::error::OpenCostError;
use super::tally::{ClusterTally, Tally};
use crate::model::cluster::{CostCategory, NodeCost, OtherCost};
use crate::model::gap::Gap;
use crate::model::progress::Progress;
use crate::model::time::Window;

/// After so many days in a row that fail, each perhaps for minutes, older days are not asked for.
const FAILURES: usize = 3;

/// What OpenCost or Kubecost told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CostReading {
    /// What each node cost over the window.
    pub node_costs: Vec<NodeCost>,
    /// What else cost, one entry per category that was told.
    pub other_costs: Vec<OtherCost>,
    /// Code of the currency, where the server tells it (Kubecost does).
    pub currency: Option<String>,
    /// Identifier of the cluster whose costs these are, where there is one.
    pub cluster: Option<String>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// Reads what the window's days cost, one day per request.
///
/// # Errors
/// When the server cannot be reached, does not let us in, is something else, or answers for no day at all. Days that fail or
/// have no data are gaps as long as others are answered.
pub async fn read(
    client: &OpenCostClient,
    window: Window,
    progress: &dyn Progress,
) -> Result<CostReading, OpenCostError> {
    let mut days = days::of(window);
    days.reverse();
    let Some(newest) = days.first() else {
        return Ok(CostReading::default());
    };
    client.detect(*newest).await?;
    let mut tally = Tally::default();
    let mut gaps = Vec::new();
    progress.stage(&format!("{}: assets", client.product().name()), Some(days.len() as u64));
    let ask = async |day| client.sets("assets", day, &[]).await;
    let assets = each_day(ask, &days, progress, |_, asset: Asset, day| {
        tally.add_asset(&asset, day);
        true
    })
    .await?;
    gaps.extend(assets.gaps(days.len()));
    let mut network_hours = assets.hours;
    if !tally.has_network && assets.hours > 0.0 {
        let hours = network(client, &days, progress, &mut tally, &mut gaps).await;
        // Load balancers among the assets cover what the assets cover.
        if !tally.has_load_balancers {
            network_hours = hours;
        }
    }
    if tally.unpriced > 0 {
        gaps.push(unpriced(tally.unpriced));
    }
    let local = client.text("clusterInfo", "id").await;
    let (cluster, mut sums) = of_one_cluster(tally, local, &mut gaps);
    let others = std::mem::take(&mut sums.others);
    let other = |(category, total_cost): (CostCategory, f64)| OtherCost {
        category,
        total_cost,
        hours: if category == CostCategory::Network {
            network_hours
        } else {
            assets.hours
        },
    };
    let mut node_costs = sums.into_nodes();
    for node in &mut node_costs {
        node.told_by = client.product();
    }
    Ok(CostReading {
        node_costs,
        other_costs: others.into_iter().map(other).collect(),
        currency: client.text("getConfigs", "currencyCode").await,
        cluster,
        gaps,
    })
}

/// What nodes cost by one answer to `/assets` about one day.
///
/// # Errors
/// When it is no answer, or says that it failed.
pub fn node_costs(answer: &[u8], day: Window) -> Result<Vec<NodeCost>, BodyError> {
    let mut tally = Tally::default();
    for (_, asset) in sets::<Asset>(answer)? {
        tally.add_asset(&asset, day);
    }
    let mut all = ClusterTally::default();
    for (_, sums) in tally.clusters {
        all.merge(sums);
    }
    Ok(all.into_nodes())
}

/// How the days of one kind of answer went.
#[derive(Debug, Default)]
struct Days {
    /// Hours of the days that had data.
    hours: f64,
    empty: Vec<Window>,
    failed: Vec<Window>,
    failure: Option<OpenCostError>,
}

/// Reads one answer per day and hands its entries to `add`, which says whether the entry told anything.
async fn each_day<T>(
    ask: impl AsyncFn(Window) -> Result<Vec<(String, T)>, OpenCostError>,
    days: &[Window],
    progress: &dyn Progress,
    mut add: impl FnMut(String, T, Window) -> bool,
) -> Result<Days, OpenCostError> {
    let mut went = Days::default();
    let mut in_a_row = 0;
    for (index, day) in days.iter().enumerate() {
        match ask(*day).await {
            Ok(entries) => {
                in_a_row = 0;
                let mut told = false;
                for (key, entry) in entries {
                    told |= add(key, entry, *day);
                }
                if told {
                    went.hours += day.hours();
                } else {
                    went.empty.push(*day);
                }
            }
            Err(error) if error.is_of_one_day() => {
                in_a_row += 1;
                went.failed.push(*day);
                went.failure.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
        progress.advance(1);
        if in_a_row == FAILURES {
            went.failed.extend(&days[index + 1..]);
            break;
        }
    }
    match went.failure.take() {
        Some(error) if went.failed.len() == days.len() => Err(error),
        failure => {
            went.failure = failure;
            Ok(went)
        }
    }
}

impl Days {
    fn gaps(&self, asked: usize) -> Vec<Gap> {
        let mut gaps = Vec::new();
        let what = |days: &[Window]| {
            format!(
                "what nodes cost on {} of {asked} days ({})",
                days.len(),
                days::shown(days, &TimeZone::UTC)
            )
        };
        if !self.empty.is_empty() {
            gaps.push(Gap::new(
                "opencost-empty-days",
                what(&self.empty),
                "OpenCost answered without any data",
                "check that OpenCost ran on these days and that it, or its Prometheus, keeps data for so long",
            ));
        }
        if let Some(error) = &self.failure {
            gaps.push(Gap::new(
                "opencost-failed-days",
                what(&self.failed),
                error.to_string(),
                "run again when OpenCost is well, or ask for a shorter window",
            ));
        }
        gaps
    }
}

/// Traffic and load balancers from the allocations, for servers that do not count them among the assets; the hours that the
/// figures cover.
async fn network(
    client: &OpenCostClient,
    days: &[Window],
    progress: &dyn Progress,
    tally: &mut Tally,
    gaps: &mut Vec<Gap>,
) -> f64 {
    progress.stage(
        &format!("{}: network", client.product().name()),
        Some(days.len() as u64),
    );
    let ask = async |day| client.allocations(day, "cluster").await;
    let went = each_day(ask, days, progress, |key, allocation: Allocation, day| {
        tally.add_allocation(&held(key, allocation), day)
    })
    .await;
    let (hours, why) = match went {
        Ok(Days {
            failure: Some(error),
            hours,
            failed,
            ..
        }) => (
            hours,
            format!("{error} (days: {})", days::shown(&failed, &TimeZone::UTC)),
        ),
        Ok(Days { hours, .. }) if hours > 0.0 => return hours,
        Ok(_) => (0.0, "OpenCost gives no figure for it (null)".to_owned()),
        Err(error) => (0.0, error.to_string()),
    };
    gaps.push(Gap::new(
        "opencost-network",
        "what traffic costs",
        why,
        "run again when OpenCost answers /allocation, or leave network cost out of the comparison with the bill",
    ));
    hours
}

fn unpriced(count: usize) -> Gap {
    Gap::new(
        "opencost-unpriced",
        format!("the cost of {count} assets, counted by the day"),
        "OpenCost gives no figure for them (null)",
        "see /assets for entries without `totalCost`, `minutes` or name, and OpenCost's pricing configuration",
    )
}

/// The costs of the server's own cluster, where it knows several, as Kubecost may.
fn of_one_cluster(mut tally: Tally, local: Option<String>, gaps: &mut Vec<Gap>) -> (Option<String>, ClusterTally) {
    let names: Vec<String> = tally.clusters.keys().filter(|name| !name.is_empty()).cloned().collect();
    let local = local.filter(|local| names.contains(local));
    let chosen = if names.len() > 1 { local } else { names.first().cloned() };
    if names.len() > 1 {
        let (what, fix) = match &chosen {
            Some(local) => (
                format!("cost that is not of the cluster `{local}`"),
                "ask the cost source of each other cluster, or its own snapshot".to_owned(),
            ),
            None => (
                "which of the costs are this cluster's: all are taken together".to_owned(),
                "give the URL of an OpenCost that knows this cluster only".to_owned(),
            ),
        };
        let why = format!("the server knows several clusters: {}", names.join(", "));
        gaps.push(Gap::new("opencost-clusters", what, why, fix));
        if let Some(sums) = chosen.as_ref().and_then(|name| tally.clusters.remove(name)) {
            return (chosen, sums);
        }
    }
    let mut all = ClusterTally::default();
    for (_, sums) in tally.clusters {
        all.merge(sums);
    }
    (chosen, all)
}
