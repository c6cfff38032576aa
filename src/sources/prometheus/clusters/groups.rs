//! Series sorted by the labels that tell clusters apart, and the one group of them that is ours.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::gap::Gap;
use crate::sources::prometheus::clusters::{CHOSEN, GPUS};
use crate::sources::prometheus::decode::SeriesRow;
use crate::sources::prometheus::matcher::{Matcher, Op, escaped};

/// Labels of a node, the one that is surest first.
const NODE: [&str; 4] = ["Hostname", "hostname", "exported_node", "node"];

/// Values that an error lists.
const SHOWN: usize = 8;

/// What is known of this cluster from elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Its nodes, by the Kubernetes API.
    pub nodes: BTreeSet<String>,
    /// Those on which pods hold GPUs, and since when at the latest.
    pub held: BTreeMap<String, Timestamp>,
    /// What it is called: by its owner, by the kubeconfig.
    pub names: Vec<String>,
}

/// Some series of one kind that agree in what was asked for.
#[derive(Debug, Clone)]
pub(super) struct Series {
    pub(super) kind: String,
    /// Labels of clusters that are there.
    labels: BTreeMap<&'static str, String>,
    device: Option<String>,
    node: Option<String>,
    /// Whatever may be the name of its node.
    pub(super) nodes: Vec<String>,
}

/// Values of one label that are one cluster, and its nodes.
#[derive(Debug)]
struct Group {
    values: BTreeSet<String>,
    nodes: BTreeSet<String>,
}

/// What was chosen.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// What selects it.
    pub(super) matchers: Vec<Matcher>,
    others: BTreeSet<Matcher>,
    by_nodes: bool,
    /// What is left.
    pub(super) series: Vec<Series>,
    /// Labels that were chosen by, with kinds of series that are left out for not having them.
    pub(super) bare: BTreeSet<(String, String)>,
}

impl Series {
    pub(super) fn of(row: &SeriesRow, labels: &[&'static str]) -> Self {
        let text = |label: &str| row.labels.get(label).filter(|text| !text.is_empty()).cloned();
        let first = |labels: &[&str]| labels.iter().find_map(|label| text(label));
        let told = labels.iter().filter_map(|label| Some((*label, text(label)?)));
        Self {
            kind: text("found").unwrap_or_default(),
            labels: told.collect(),
            device: first(&["UUID", "gpu_uuid"]),
            node: first(&NODE),
            nodes: NODE.iter().filter_map(|label| text(label)).collect(),
        }
    }
}

/// The value of each series: empty where others of its kind have the label and it has not. A kind that never has the label says
/// nothing of clusters by it.
fn valued<'s>(series: &'s [Series], label: &str) -> Vec<(&'s Series, &'s str)> {
    let kinds: BTreeSet<&str> = series
        .iter()
        .filter(|one| one.labels.contains_key(label))
        .map(|one| one.kind.as_str())
        .collect();
    let told = series.iter().filter(|one| kinds.contains(one.kind.as_str()));
    told.map(|one| (one, one.labels.get(label).map_or("", String::as_str)))
        .collect()
}

/// What stands in the labels, one matcher for each value.
pub(super) fn values(series: &[Series], labels: &[&str]) -> Vec<Matcher> {
    let of = |label: &&str| {
        let found: BTreeSet<&str> = valued(series, label).into_iter().map(|(_, value)| value).collect();
        found
            .into_iter()
            .map(|value| Matcher::equal(*label, value))
            .collect::<Vec<_>>()
    };
    labels.iter().flat_map(of).collect()
}

/// Whether one of the labels has several values.
pub(super) fn are_several(series: &[Series], labels: &[&str]) -> bool {
    let found = values(series, labels);
    found.windows(2).any(|pair| pair[0].name == pair[1].name)
}

/// Values by which one device stands on one node are one cluster, whose label has changed.
fn groups(series: &[Series], label: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut by_device: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for (one, value) in valued(series, label) {
        let at = groups.iter().position(|group| group.values.contains(value));
        let at = at.unwrap_or_else(|| {
            groups.push(Group {
                values: BTreeSet::from([value.to_owned()]),
                nodes: BTreeSet::new(),
            });
            groups.len() - 1
        });
        groups[at].nodes.extend(one.node.clone());
        if let (Some(device), Some(node)) = (&one.device, &one.node) {
            by_device.entry((device, node)).or_default().insert(value);
        }
    }
    let joined: BTreeSet<BTreeSet<&str>> = by_device.into_values().filter(|values| values.len() > 1).collect();
    for values in joined {
        let is_of = |group: &Group| group.values.iter().any(|value| values.contains(value.as_str()));
        let (same, others): (Vec<Group>, Vec<Group>) = groups.into_iter().partition(is_of);
        let mut one = Group {
            values: BTreeSet::new(),
            nodes: BTreeSet::new(),
        };
        for group in same {
            one.values.extend(group.values);
            one.nodes.extend(group.nodes);
        }
        groups = others;
        groups.push(one);
    }
    groups.sort_by(|a, b| a.values.cmp(&b.values));
    groups
}

/// The group that is ours, and whether its nodes told. Nodes of one name in two clusters tell nothing, and a name that
/// disagrees with the nodes leaves it open.
fn ours<'g>(groups: &'g [Group], known: &Known) -> Option<(&'g Group, bool)> {
    let has_node = |group: &&Group| group.nodes.iter().any(|node| known.nodes.contains(node));
    let has_name = |group: &&Group| known.names.iter().any(|name| group.values.contains(name));
    let with_nodes: Vec<&Group> = groups.iter().filter(has_node).collect();
    let named: Vec<&Group> = groups.iter().filter(has_name).collect();
    match (with_nodes.as_slice(), named.as_slice()) {
        ([one], []) => Some((one, true)),
        ([one], [other]) => std::ptr::eq(*one, *other).then_some((*one, true)),
        ([], [one]) => Some((one, false)),
        (several, [one]) if several.iter().any(|group| std::ptr::eq(*group, *one)) => Some((one, false)),
        _ => None,
    }
}

/// Chooses label by label until what is left is of one cluster.
///
/// # Errors
/// The values that are left, when none of the labels tells which is ours.
pub(super) fn choose(mut series: Vec<Series>, labels: &[&str], known: &Known) -> Result<Chosen, Vec<Matcher>> {
    let mut chosen = Chosen::default();
    loop {
        let grouped = labels.iter().map(|label| (*label, groups(&series, label)));
        let open: Vec<(&str, Vec<Group>)> = grouped.filter(|(_, groups)| groups.len() > 1).collect();
        if open.is_empty() {
            chosen.series = series;
            return Ok(chosen);
        }
        let told = open
            .iter()
            .find_map(|(label, groups)| Some((*label, groups, ours(groups, known)?)));
        let Some((label, groups, (group, by_nodes))) = told else {
            let open: Vec<&str> = open.iter().map(|(label, _)| *label).collect();
            return Err(values(&series, &open));
        };
        let of_others = groups.iter().filter(|other| other.values != group.values);
        let of_others = of_others.flat_map(|other| other.values.iter());
        chosen
            .others
            .extend(of_others.map(|value| Matcher::equal(label, value.as_str())));
        chosen.matchers.push(matcher(label, &group.values));
        chosen.by_nodes |= by_nodes;
        let of_ours: BTreeSet<(String, BTreeMap<&'static str, String>)> = valued(&series, label)
            .into_iter()
            .filter(|(_, value)| group.values.contains(*value))
            .map(|(one, _)| (one.kind.clone(), one.labels.clone()))
            .collect();
        chosen.bare.extend(left_out(&series, label, group, known));
        // What has not got the label at all is left out by its matcher, too.
        series.retain(|one| of_ours.contains(&(one.kind.clone(), one.labels.clone())));
    }
}

/// Kinds of which series are left out, and may be ours: they do not have the label, and nothing says that they are of a cluster
/// that has none, as GPUs without it or nodes that are not ours would.
fn left_out<'s>(
    series: &'s [Series],
    label: &str,
    ours: &Group,
    known: &Known,
) -> impl Iterator<Item = (String, String)> + 's {
    let of_gpus = || series.iter().filter(|one| one.kind == GPUS);
    let is_bare = |one: &Series| !one.labels.contains_key(label);
    let is_a_cluster = of_gpus().any(is_bare) && !of_gpus().all(is_bare);
    let is_elsewhere = |one: &Series| {
        let is_ours = |node: &String| known.nodes.contains(node) || ours.nodes.contains(node);
        !known.nodes.is_empty() && !one.nodes.is_empty() && !one.nodes.iter().any(is_ours)
    };
    let none_left_out = is_a_cluster || ours.values.contains("");
    let bare: Vec<(String, String)> = series
        .iter()
        .filter(|one| !none_left_out && is_bare(one) && !is_elsewhere(one))
        .map(|one| (label.to_owned(), one.kind.clone()))
        .collect();
    bare.into_iter()
}

fn matcher(label: &str, values: &BTreeSet<String>) -> Matcher {
    let mut all = values.iter();
    match (all.next(), all.next()) {
        (Some(only), None) => Matcher::equal(label, only.as_str()),
        _ => Matcher {
            name: label.to_owned(),
            op: Op::Match,
            value: values.iter().map(|value| escaped(value)).collect::<Vec<_>>().join("|"),
        },
    }
}

impl Chosen {
    /// What is told of the choice; nothing where there was none.
    pub(super) fn gap(&self) -> Option<Gap> {
        if self.matchers.is_empty() {
            return None;
        }
        let others: Vec<Matcher> = self.others.iter().cloned().collect();
        let own: Vec<String> = self.matchers.iter().map(Matcher::to_string).collect();
        let own = own.join(",");
        let told = if self.by_nodes {
            "the Kubernetes API has its nodes"
        } else {
            "it is called so"
        };
        Some(Gap::new(
            CHOSEN,
            format!("series of other clusters in this store ({})", listed(&others)),
            format!("{own} was taken for this cluster: {told}, and none of the others"),
            format!("confirm it with --prometheus-matcher '{own}', or name another"),
        ))
    }
}

/// A matcher of one cluster, as an example.
pub(super) fn first(matchers: &[Matcher]) -> String {
    let named = matchers.iter().find(|matcher| !matcher.value.is_empty());
    named.map(Matcher::to_string).unwrap_or_default()
}

/// Matchers in words, the first of them where there are many.
pub(super) fn listed(matchers: &[Matcher]) -> String {
    let shown: Vec<String> = matchers.iter().take(SHOWN).map(Matcher::to_string).collect();
    match matchers.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
