//! What OpenCost and kube-state-metrics tell of nodes, and OpenCost of the GPUs that pods hold, as samples once a minute.

use std::io::{self, Write};

use super::World;
use super::objects::{ksm_between, node_labels};
use super::streams::{Labels, container_of};

/// Families of nodes, each with its value.
const OF_NODES: [&str; 5] = [
    "node_total_hourly_cost",
    "node_gpu_count",
    "kubecost_node_is_spot",
    "kube_node_status_allocatable",
    "kube_node_labels",
];

impl World {
    pub(super) fn write_nodes(&self, out: &mut impl Write, begin: i64, end: i64) -> io::Result<()> {
        for family in OF_NODES {
            writeln!(out, "# TYPE {family} gauge")?;
            for (at, node) in self.nodes.iter().enumerate() {
                let value = match family {
                    "node_total_hourly_cost" => node.hourly(),
                    "kubecost_node_is_spot" => f64::from(node.pool.capacity == "spot"),
                    "kube_node_labels" => 1.0,
                    _ => f64::from(node.instance.gpus),
                };
                let head = self.line_head(family, &self.labels_of_node(family, at));
                for second in ksm_between(self.start, begin, end).filter(|second| node.created <= *second) {
                    writeln!(out, "{head}{value} {second}")?;
                }
            }
        }
        writeln!(out, "# TYPE container_gpu_allocation gauge")?;
        for pod in &self.pods {
            let (workload, node) = (&self.workloads[pod.workload], &self.nodes[pod.slot.node]);
            let mut labels = cost_labels(&node.name);
            labels.insert("namespace", workload.namespace.clone());
            labels.insert("pod", pod.name.clone());
            labels.insert("container", container_of(workload).to_owned());
            let head = self.line_head("container_gpu_allocation", &labels);
            let held = ksm_between(self.start, begin, end).filter(|second| pod.runs_at(*second));
            for second in held {
                writeln!(out, "{head}{} {second}", workload.gpus)?;
            }
        }
        Ok(())
    }

    fn labels_of_node(&self, family: &str, at: usize) -> Labels {
        let node = &self.nodes[at];
        if family.starts_with("kube_") {
            let mut labels = Labels::from([
                ("node", node.name.clone()),
                ("job", "kube-state-metrics".to_owned()),
                ("instance", "10.4.0.9:8080".to_owned()),
            ]);
            if family == "kube_node_labels" {
                let capacity = node_labels(node).remove("karpenter.sh/capacity-type");
                labels.insert("label_karpenter_sh_capacity_type", capacity.unwrap_or_default());
            } else {
                labels.insert("resource", "nvidia_com_gpu".to_owned());
                labels.insert("unit", "integer".to_owned());
            }
            return labels;
        }
        let mut labels = cost_labels(&node.name);
        labels.insert("instance_type", node.instance.name.to_owned());
        labels.insert("region", "us-east-1".to_owned());
        labels.insert("provider_id", node.instance_id.clone());
        labels.insert("arch", "amd64".to_owned());
        // The scraper's word for the target, which is OpenCost's own pod.
        labels.insert("namespace", "opencost".to_owned());
        labels.insert("pod", "opencost-6d5f8b7c9-x2lqk".to_owned());
        labels
    }
}

/// OpenCost's word for the node, in both of its labels.
fn cost_labels(node: &str) -> Labels {
    Labels::from([
        ("node", node.to_owned()),
        ("instance", node.to_owned()),
        ("job", "opencost".to_owned()),
    ])
}
