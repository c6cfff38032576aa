//! By what rows of a cost report are made.

use std::fmt;
use std::str::FromStr;

/// Every key, and what it stands for.
pub const KEYS: [(&str, &str); 15] = [
    ("cluster", "the cluster"),
    ("namespace", "namespaces"),
    ("team", "teams, as the policy attributes work to them"),
    ("project", "the label `project`"),
    ("cost-center", "the label `cost-center`"),
    ("workload", "workloads, as namespace/name"),
    ("class", "the kind of work: training, inference, batch, notebook"),
    ("gpu", "models of GPUs"),
    ("node", "nodes"),
    ("instance-type", "types of nodes"),
    ("capacity", "how nodes are bought: on-demand, spot, reserved"),
    (
        "category",
        "what it is for: gpu, unused, compute, storage, network, other, idle",
    ),
    ("day", "days"),
    ("label:NAME", "any label of pods or of their namespace"),
    ("annotation:NAME", "any annotation of pods or of their namespace"),
];

/// By what rows are made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// The cluster.
    Cluster,
    /// The namespace.
    Namespace,
    /// The team, as the policy attributes work to teams.
    Team,
    /// The workload, as namespace/name.
    Workload,
    /// The kind of work.
    Class,
    /// The GPU model.
    Gpu,
    /// The node.
    Node,
    /// The type of node.
    InstanceType,
    /// How the node is bought.
    Capacity,
    /// What it is for.
    Category,
    /// The day.
    Day,
    /// A label of the pods or of their namespace, by its own name.
    Label(String),
    /// An annotation of the pods or of their namespace.
    Annotation(String),
}

impl Key {
    /// As it is asked for.
    pub fn name(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cluster => "cluster",
            Self::Namespace => "namespace",
            Self::Team => "team",
            Self::Workload => "workload",
            Self::Class => "class",
            Self::Gpu => "gpu",
            Self::Node => "node",
            Self::InstanceType => "instance-type",
            Self::Capacity => "capacity",
            Self::Category => "category",
            Self::Day => "day",
            Self::Label(name) if name == "project" || name == "cost-center" => name,
            Self::Label(name) => return write!(f, "label:{name}"),
            Self::Annotation(name) => return write!(f, "annotation:{name}"),
        })
    }
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = |prefix: &str| text.strip_prefix(prefix).filter(|name| !name.is_empty());
        if let Some(name) = named("label:") {
            return Ok(Self::Label(name.to_owned()));
        }
        if let Some(name) = named("annotation:") {
            return Ok(Self::Annotation(name.to_owned()));
        }
        Ok(match text {
            "cluster" => Self::Cluster,
            "namespace" => Self::Namespace,
            "team" | "owner" => Self::Team,
            "project" | "cost-center" => Self::Label(text.to_owned()),
            "workload" => Self::Workload,
            "class" => Self::Class,
            "gpu" => Self::Gpu,
            "node" => Self::Node,
            "instance-type" => Self::InstanceType,
            "capacity" | "capacity-type" => Self::Capacity,
            "category" => Self::Category,
            "day" => Self::Day,
            _ => {
                let known: Vec<&str> = KEYS.iter().map(|(name, _)| *name).collect();
                return Err(format!("`{text}` is no key; there are {}", known.join(", ")));
            }
        })
    }
}
