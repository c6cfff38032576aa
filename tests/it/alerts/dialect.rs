//! The ways in which exporters are scraped, as changes of what a world says.

use crate::generator::{Size, World};

/// How OpenCost and kube-state-metrics are scraped, and whether the store keeps another cluster.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect {
    pub(super) name: &'static str,
    /// Whether the labels of OpenCost and kube-state-metrics give way to those of their own pods.
    gives_way: bool,
    /// What the scraper gives all of its series.
    external: Option<&'static str>,
}

impl Dialect {
    pub(super) const PLAIN: Self = Self {
        name: "labels honored",
        gives_way: false,
        external: None,
    };
    pub(super) const GIVES_WAY: Self = Self {
        name: "labels give way",
        gives_way: true,
        external: None,
    };
    pub(super) const SEVERAL: Self = Self {
        name: "several clusters",
        gives_way: false,
        external: Some("one"),
    };

    /// The world of a seed, in this dialect.
    pub(super) fn world(self, seed: u64) -> World {
        let mut world = World::generate(seed, Size::Small, 2);
        if let Some(name) = self.external {
            world.external.insert("cluster", name.to_owned());
        }
        world
    }

    /// What the world says, as this scraper would have stored it.
    pub(super) fn told(self, text: String) -> String {
        if !self.gives_way {
            return text;
        }
        let lines = text.lines().map(|line| {
            let Some((name, rest)) = line.split_once('{') else {
                return line.to_owned();
            };
            let of_state = name.starts_with("kube_");
            let of_costs =
                name.starts_with("node_") || name.starts_with("kubecost_") || name.starts_with("container_gpu_");
            match of_state || of_costs {
                true => format!(
                    "{name}{{{}",
                    given_way(rest, if of_state { "kube-state-metrics-0" } else { "opencost-0" })
                ),
                false => line.to_owned(),
            }
        });
        let mut text: Vec<String> = lines.collect();
        text.push(String::new());
        text.join("\n")
    }
}

/// Labels of one series, those that the target has as well under `exported_`, and the target's own.
fn given_way(rest: &str, target: &str) -> String {
    let (labels, value) = rest.split_once("} ").unwrap_or((rest, ""));
    let own = [
        ("instance", "10.4.0.9:8080"),
        ("namespace", "monitoring"),
        ("pod", target),
        ("container", "main"),
    ];
    let kept = labels.split(',').map(|label| {
        let (name, value) = label.split_once('=').unwrap_or((label, ""));
        let gives_way = own.iter().any(|(own, _)| *own == name) || name == "node";
        if gives_way {
            format!("exported_{name}={value}")
        } else {
            label.to_owned()
        }
    });
    let own = own.iter().map(|(name, value)| format!("{name}=\"{value}\""));
    let node = ["node=\"monitoring-node\"".to_owned()];
    let all: Vec<String> = kept.chain(own).chain(node).collect();
    format!("{}}} {value}", all.join(","))
}
