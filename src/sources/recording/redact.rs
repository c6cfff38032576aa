//! A reading without names: what `record --redact` keeps.
//!
//! Gone: arguments, environment and what deploys an object. Renamed, the same everywhere: the cluster, namespaces, pods, containers,
//! objects and their owners, nodes and their addresses, UIDs of objects and devices, images but for the public software in them, and
//! the values of labels, annotations, selectors and taints, but for those in which a judgement reads hardware, region,
//! capacity type or role. Kept: label keys, kinds and API groups, resource names, times, amounts and costs.

use super::kept::reads_as;
use super::ledger;
use super::names::{Names, Text};
use super::specification::specification;
use crate::model::budget::Requirement;
use crate::model::cluster::{Inventory, Labels, ObjectRef};
use crate::model::queueing::Queues;
use crate::model::reading::Reading;
use crate::model::scheduling::Scheduling;
use crate::sources::prometheus::clusters::CHOSEN;

/// Renames whatever says whose cluster this is, and drops arguments, environment, mounts and names of ports. The result is settled again.
pub fn redact(reading: &mut Reading) {
    rename(reading, &mut []);
    reading.settle();
}

/// The same, not settled; `others` are labels of series that the reading does not hold, renamed as its own are.
pub(super) fn rename(reading: &mut Reading, others: &mut [&mut Labels]) {
    // Rules that match pseudonyms would never fire.
    reading.inventory.metrics = None;
    for container in reading.inventory.pods.iter_mut().flat_map(|pod| &mut pod.containers) {
        container.args.clear();
        container.env.clear();
        container.mounts.clear();
        container.ports.iter_mut().for_each(|port| port.name.clear());
    }
    let controllers = reading.inventory.controllers.iter_mut();
    controllers.for_each(|controller| {
        controller.args.clear();
        // It names applications and releases, and is of use only to whoever has the manifests.
        controller.deployed = None;
    });
    let mut names = Names::default();
    let mut collect = |text, content: &mut String| names.collect(text, content);
    texts(reading, &mut collect);
    others.iter_mut().for_each(|one| labels(one, &mut collect));
    names.settle();
    let mut rename = |text, content: &mut String| *content = names.rename(text, content);
    texts(reading, &mut rename);
    others.iter_mut().for_each(|one| labels(one, &mut rename));
}

/// Hands over every text that could name something. Whoever adds a text to the reading adds it here.
fn texts(reading: &mut Reading, visit: &mut impl FnMut(Text, &mut String)) {
    visit(Text::Name, &mut reading.cluster);
    objects(&mut reading.inventory, visit);
    claims(&mut reading.inventory, visit);
    pools(&mut reading.inventory, visit);
    queues(&mut reading.inventory.queues, visit);
    history(&mut reading.inventory, visit);
    for one in &mut reading.requests {
        visit(Text::Name, &mut one.namespace);
        visit(Text::Name, &mut one.name);
    }
    for series in &mut reading.series {
        labels(&mut series.labels, visit);
    }
    for gap in &mut reading.gaps {
        if gap.code == CHOSEN {
            for text in [&mut gap.what, &mut gap.why, &mut gap.fix] {
                quotations(text, visit);
            }
        }
        visit(Text::Prose, &mut gap.what);
        visit(Text::Prose, &mut gap.why);
        visit(Text::Prose, &mut gap.fix);
    }
}

fn objects(inventory: &mut Inventory, visit: &mut impl FnMut(Text, &mut String)) {
    for node in &mut inventory.nodes {
        visit(Text::Id, &mut node.name);
        labels(&mut node.labels, visit);
        labels(&mut node.annotations, visit);
        for taint in &mut node.taints {
            rename_taint(taint, visit);
        }
        node.strict_daemons = node
            .strict_daemons
            .take()
            .map(|all| all.into_iter().map(|one| renamed(&one, visit)).collect());
    }
    for pod in &mut inventory.pods {
        visit(Text::Name, &mut pod.namespace);
        visit(Text::Name, &mut pod.name);
        visit(Text::Id, &mut pod.uid);
        each(&mut pod.node, Text::Id, visit);
        pod.owner.iter_mut().for_each(|owner| reference(owner, visit));
        each(&mut pod.pod_group, Text::Name, visit);
        for group in [&mut pod.labels, &mut pod.annotations, &mut pod.node_selector] {
            labels(group, visit);
        }
        scheduling(&mut pod.scheduling, visit);
        pod.claims.iter_mut().for_each(|claim| visit(Text::Name, claim));
        if let Some(extended) = &mut pod.extended_claim {
            visit(Text::Name, &mut extended.claim);
        }
        for container in &mut pod.containers {
            visit(Text::Name, &mut container.name);
            visit(Text::Image, &mut container.image);
        }
    }
    for controller in &mut inventory.controllers {
        reference(&mut controller.this, visit);
        visit(Text::Name, &mut controller.namespace);
        controller.owner.iter_mut().for_each(|owner| reference(owner, visit));
        labels(&mut controller.labels, visit);
        labels(&mut controller.annotations, visit);
    }
    for hpa in &mut inventory.hpas {
        visit(Text::Name, &mut hpa.namespace);
        visit(Text::Name, &mut hpa.name);
        reference(&mut hpa.target, visit);
        for spec in hpa.spec.iter_mut().chain(&mut hpa.scaled_object) {
            specification("", spec, visit);
        }
    }
    for budget in &mut inventory.disruption_budgets {
        visit(Text::Name, &mut budget.namespace);
        visit(Text::Name, &mut budget.name);
        labels(&mut budget.match_labels, visit);
        requirements(&mut budget.match_expressions, visit);
    }
    for pool in &mut inventory.node_pools {
        visit(Text::Name, &mut pool.name);
    }
}

fn scheduling(scheduling: &mut Scheduling, visit: &mut impl FnMut(Text, &mut String)) {
    labels(&mut scheduling.node_selector, visit);
    labels(&mut scheduling.labels, visit);
    for term in &mut scheduling.node_affinity {
        requirements(&mut term.labels, visit);
        for value in term.fields.iter_mut().flat_map(|one| &mut one.values) {
            visit(Text::Id, value);
        }
    }
    for toleration in &mut scheduling.tolerations {
        if let Some(text) = reads_as(&toleration.key, &toleration.value) {
            visit(text, &mut toleration.value);
        }
    }
    let terms = scheduling.spread.iter_mut().chain(&mut scheduling.apart);
    for term in terms.chain(&mut scheduling.beside) {
        labels(&mut term.match_labels, visit);
        requirements(&mut term.match_expressions, visit);
        let named = term.namespaces.iter_mut().filter(|name| *name != "*");
        named.for_each(|name| visit(Text::Name, name));
    }
}

fn requirements(requirements: &mut [Requirement], visit: &mut impl FnMut(Text, &mut String)) {
    for one in requirements {
        for value in &mut one.values {
            if let Some(text) = reads_as(&one.key, value) {
                visit(text, value);
            }
        }
    }
}

fn pools(inventory: &mut Inventory, visit: &mut impl FnMut(Text, &mut String)) {
    for pool in &mut inventory.pools {
        visit(Text::Name, &mut pool.namespace);
        visit(Text::Name, &mut pool.name);
        labels(&mut pool.selector, visit);
        each(&mut pool.picker, Text::Name, visit);
    }
}

fn claims(inventory: &mut Inventory, visit: &mut impl FnMut(Text, &mut String)) {
    for device in &mut inventory.devices {
        // Most drivers call a pool like its node.
        visit(Text::Id, &mut device.address.pool);
        for id in [
            &mut device.node,
            &mut device.uuid,
            &mut device.parent_uuid,
            &mut device.pci_bus_id,
        ] {
            each(id, Text::Id, visit);
        }
    }
    for claim in &mut inventory.device_claims {
        visit(Text::Name, &mut claim.namespace);
        visit(Text::Name, &mut claim.name);
        claim.reserved_for.iter_mut().for_each(|uid| visit(Text::Id, uid));
        claim
            .devices
            .iter_mut()
            .for_each(|device| visit(Text::Id, &mut device.pool));
    }
}

fn queues(queues: &mut Queues, visit: &mut impl FnMut(Text, &mut String)) {
    for queue in &mut queues.cluster_queues {
        visit(Text::Name, &mut queue.name);
        each(&mut queue.cohort, Text::Name, visit);
        for quota in &mut queue.quotas {
            visit(Text::Name, &mut quota.flavor);
        }
    }
    for queue in &mut queues.local_queues {
        visit(Text::Name, &mut queue.namespace);
        visit(Text::Name, &mut queue.name);
        visit(Text::Name, &mut queue.cluster_queue);
    }
    for flavor in &mut queues.flavors {
        visit(Text::Name, &mut flavor.name);
        labels(&mut flavor.node_labels, visit);
    }
    for workload in &mut queues.workloads {
        visit(Text::Name, &mut workload.namespace);
        visit(Text::Name, &mut workload.name);
        visit(Text::Name, &mut workload.queue);
        each(&mut workload.cluster_queue, Text::Name, visit);
        workload.owner.iter_mut().for_each(|owner| reference(owner, visit));
    }
}

fn history(inventory: &mut Inventory, visit: &mut impl FnMut(Text, &mut String)) {
    for pod in &mut inventory.pod_history {
        visit(Text::Name, &mut pod.namespace);
        visit(Text::Name, &mut pod.name);
        each(&mut pod.uid, Text::Id, visit);
        each(&mut pod.node, Text::Id, visit);
        // A pod that the kubelet mirrors is owned by its node.
        let owner = if pod.owner_kind.as_deref() == Some("Node") {
            Text::Id
        } else {
            Text::Name
        };
        each(&mut pod.owner_name, owner, visit);
    }
    for owner in &mut inventory.owner_history {
        visit(Text::Name, &mut owner.namespace);
        visit(Text::Name, &mut owner.name);
        visit(Text::Name, &mut owner.owner_name);
    }
    for cost in &mut inventory.node_costs {
        visit(Text::Id, &mut cost.node);
    }
    inventory.ledger.iter_mut().for_each(|one| ledger::texts(one, visit));
}

fn each(content: &mut Option<String>, text: Text, visit: &mut impl FnMut(Text, &mut String)) {
    content.iter_mut().for_each(|content| visit(text, content));
}

fn reference(object: &mut ObjectRef, visit: &mut impl FnMut(Text, &mut String)) {
    let text = if object.kind == "Node" { Text::Id } else { Text::Name };
    visit(text, &mut object.name);
    each(&mut object.uid, Text::Id, visit);
}

/// Hands over what stands in quotes: the values of matchers.
pub(super) fn quotations(text: &mut String, visit: &mut impl FnMut(Text, &mut String)) {
    let mut pieces: Vec<String> = text.split('"').map(str::to_owned).collect();
    let quoted = pieces.iter_mut().skip(1).step_by(2);
    quoted.for_each(|piece| visit(Text::Name, piece));
    *text = pieces.join("\"");
}

fn labels(labels: &mut Labels, visit: &mut impl FnMut(Text, &mut String)) {
    for (key, value) in labels {
        if let Some(text) = reads_as(key, value) {
            visit(text, value);
        }
    }
}

/// `namespace/name`, each part with its other name.
fn renamed(name: &str, visit: &mut impl FnMut(Text, &mut String)) -> String {
    let mut parts: Vec<String> = name.split('/').map(str::to_owned).collect();
    parts.iter_mut().for_each(|part| visit(Text::Name, part));
    parts.join("/")
}

fn rename_taint(taint: &mut String, visit: &mut impl FnMut(Text, &mut String)) {
    let Some((key, rest)) = taint.split_once('=') else {
        return;
    };
    let (value, effect) = rest.rsplit_once(':').unwrap_or((rest, ""));
    let mut value = value.to_owned();
    let Some(text) = reads_as(key, &value) else { return };
    visit(text, &mut value);
    *taint = match effect {
        "" => format!("{key}={value}"),
        effect => format!("{key}={value}:{effect}"),
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;

    use super::super::fixture::reading;
    use super::super::{decode, encode};
    use super::*;
    use crate::model::usage::Signal;

    #[test]
    fn nothing_that_names_survives_redaction() {
        let mut reading = reading();
        redact(&mut reading);
        let files: BTreeMap<String, Vec<u8>> = encode(&reading).unwrap().into_iter().collect();
        let gone = "zeppelin hindenburg balloon airships lakehurst 5ecret00 d00dfeed 5ca1ab1e cafe12345678 --model MODEL_NAME \
                x7k2p 7d9f8b6c4 10-11-12-13 chat-7b 9003 registry.zep hydrogen";
        for (name, content) in &files {
            let content = String::from_utf8_lossy(content);
            for word in gone.split_ascii_whitespace() {
                assert!(!content.contains(word), "`{word}` survives in {name}");
            }
        }
        let all: String = files
            .values()
            .map(|content| String::from_utf8_lossy(content).into_owned())
            .collect();
        for kept in [
            "NVIDIA-H100-80GB-HBM3",
            "NVIDIA H100 80GB HBM3",
            "p5.48xlarge",
            "vllm-openai:v0.12.1",
            "-28400-",
            "vllm:num_requests_waiting",
            "EUR",
        ] {
            assert!(all.contains(kept), "`{kept}` is gone");
        }
        let back = decode(&|name| files.get(name).cloned().map(Bytes::from));
        assert_eq!(back.unwrap(), reading);
    }

    #[test]
    fn the_names_of_other_clusters_go_too() {
        let mut reading = reading();
        let said = r#"cluster="graf-zeppelin-eu", cluster="los-angeles""#;
        reading.gaps = vec![crate::model::gap::Gap::new(CHOSEN, said, said, said)];
        redact(&mut reading);
        let told = format!("{:?}", reading.gaps);
        for name in ["graf", "zeppelin", "angeles"] {
            assert!(!told.contains(name), "{told}");
        }
        assert!(told.contains("cluster=") && told.contains(CHOSEN), "{told}");
    }

    #[test]
    fn what_belonged_together_still_does() {
        let mut reading = reading();
        redact(&mut reading);
        let (inventory, pod) = (&reading.inventory, &reading.inventory.pods[0]);
        let device = &reading.series[0].labels;
        assert_eq!(device["exported_pod"], pod.name);
        assert_eq!(device["exported_namespace"], pod.namespace);
        assert_eq!(Some(&device["Hostname"]), pod.node.as_ref());
        assert!(device["UUID"].starts_with("GPU-"), "{}", device["UUID"]);
        assert_eq!(pod.owner.as_ref(), Some(&inventory.controllers[0].this));
        assert!(
            pod.name.starts_with(&inventory.controllers[0].this.name),
            "{}",
            pod.name
        );
        assert_eq!(
            pod.labels["batch.kubernetes.io/job-name"],
            inventory.controllers[0].this.name
        );
        assert_eq!(
            pod.node_selector["karpenter.sh/nodepool"],
            inventory.nodes[0].labels["karpenter.sh/nodepool"]
        );
        assert_eq!(
            inventory.nodes[0].taints[0],
            format!("dedicated={}:NoSchedule", pod.namespace)
        );
        assert_eq!(inventory.nodes[0].taints[1], "nvidia.com/gpu:NoSchedule");
        assert_eq!(inventory.node_costs[0].node, inventory.nodes[0].name);
        assert_eq!(
            inventory.owner_history[0].name,
            inventory.pod_history[0].owner_name.clone().unwrap()
        );
        // A sum over pods still bears the beginning of their names.
        let of = |signal| reading.series.iter().find(|series| series.signal == signal).unwrap();
        let (pod, sum) = (of(Signal::RequestsRunning), of(Signal::TimeToFirstToken));
        assert_eq!(sum.labels["le"], "+Inf");
        assert!(
            pod.labels["pod"].starts_with(&format!("{}-", sum.labels["pods"])),
            "{sum:?}"
        );
    }
}
