//! Which metrics a world's store has, with which labels, read from the samples that it would hold at the end.

use std::collections::BTreeMap;

use gpuwise::catalog::Catalog;
use gpuwise::model::cluster::{Inventory, Labels};
use gpuwise::model::metrics::MetricFacts;
use gpuwise::sources::prometheus::facts::told;
use jiff::Timestamp;

use super::{END, World};

/// Seconds for which a sample counts as a value of now.
const LOOKBACK: i64 = 300;

const WEEK: i64 = 7 * 24 * 3600;

impl World {
    /// What is found of it, by the names that its objects have.
    pub fn metric_facts(&self, inventory: &Inventory) -> Option<MetricFacts> {
        let catalog = Catalog::shipped().ok()?;
        let at = Timestamp::from_second(END).ok()?;
        let before = self.start < END - WEEK;
        Some(told(&catalog, inventory, (at, before), &self.last_series()))
    }

    fn last_series(&self) -> BTreeMap<String, Vec<Labels>> {
        let mut seen: BTreeMap<String, Vec<Labels>> = BTreeMap::new();
        for line in self.openmetrics_of_hardware(END - LOOKBACK, END).lines() {
            let Some((name, labels)) = line
                .split_once('{')
                .and_then(|(name, rest)| Some((name, rest.split_once("} ")?.0)))
            else {
                continue;
            };
            let labels: Labels = labels.split(',').filter_map(label).collect();
            if name != "kube_pod_status_phase" || labels.get("phase").is_some_and(|phase| phase == "Running") {
                seen.entry(name.to_owned()).or_default().push(labels);
            }
        }
        for rows in seen.values_mut() {
            rows.sort();
            rows.dedup();
        }
        seen
    }
}

/// `name="value"`; no value of a world has a comma or a quote in it.
fn label(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    Some((name.to_owned(), value.trim_matches('"').to_owned()))
}
