//! What Karpenter may move, and where to: a saving is promised only where the scheduler lets the pods that stay move together.

use crate::scenarios::plan;

/// Two replicas with two GPUs each of which they use one, on two nodes that hold four GPUs; with one each they would fit one
/// node, if they may stand on it.
fn two_halves(nodes: &str, of_case: &str, of_workload: &str) -> String {
    format!(
        "situation: two replicas that would fit one node\nexpect: {{change: 1 GPUs}}\nwindow: {{days: 14, step: 10m}}\n{of_case}\
         nodes:\n{nodes}workloads:\n  - name: chat\n    kind: Deployment\n    namespace: ml\n    labels: {{app: chat}}\n    gpus: 4\n    \
         image: vllm/vllm-openai:v0.12.0\n    pods: [{{node: gpu-1}}, {{node: gpu-2}}]\n{of_workload}    signals:\n      \
         engine_active: [{{value: 0.7}}, {{value: 0, gpu: 2}}, {{value: 0, gpu: 3}}]\n      \
         requests_running: [{{value: 2}}]\n      \
         memory_used: [{{value: 20 GiB}}, {{value: 400 MiB, gpu: 2}}, {{value: 400 MiB, gpu: 3}}]\n      \
         power: [{{value: 70 W}}, {{value: 15 W, gpu: 2}}, {{value: 15 W, gpu: 3}}]\n"
    )
}

const NODE: f64 = 4.6016 * 730.0;

fn nodes(second: &str) -> String {
    let first = "{name: gpu-1, type: g6.12xlarge, pool: small, capacity: on-demand, zone: a}";
    format!("  - {first}\n  - {{name: gpu-2, type: g6.12xlarge, {second}}}\n")
}

/// What leaves the bill, in nodes.
fn leaves(nodes: &str, of_case: &str, of_workload: &str) -> f64 {
    let plan = plan(&two_halves(nodes, of_case, of_workload), None);
    let row = plan.accepted.iter().find(|row| !row.moves.is_empty());
    let row = row.unwrap_or_else(|| panic!("{:#?} {:#?}", plan.kept, plan.unknown));
    assert_eq!(row.levers, ["unused-gpus"]);
    let all = plan.saving.monthly.mid.unwrap();
    assert!(
        (all / NODE - 1.0).abs() < 1e-4,
        "half of two nodes is given back: {all}"
    );
    plan.saving.leaves_bill_monthly.get() / NODE
}

fn is(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-4
}

const SAME: &str = "pool: small, capacity: on-demand, zone: a";

fn requires(scheduling: &str) -> String {
    format!("    scheduling: {{{scheduling}}}\n")
}

fn of_chat(key: &str) -> String {
    format!("[{{topology_key: {key}, match_labels: {{app: chat}}}}]")
}

#[test]
fn a_node_goes_where_the_pods_that_stay_fit_the_other() {
    assert!(is(leaves(&nodes(SAME), "", ""), 1.0));
    let other_app = requires("apart: [{topology_key: kubernetes.io/hostname, match_labels: {app: other}}]");
    assert!(is(leaves(&nodes(SAME), "", &other_app), 1.0));
}

#[test]
fn replicas_that_keep_apart_stay_on_their_nodes() {
    for key in ["apart", "spread", "beside"] {
        let term = requires(&format!("{key}: {}", of_chat("kubernetes.io/hostname")));
        assert!(is(leaves(&nodes(SAME), "", &term), 0.0), "{key}");
    }
    let port = requires("host_ports: [8000]");
    assert!(is(leaves(&nodes(SAME), "", &port), 0.0));
    assert!(
        is(leaves(&nodes(SAME), "", "    budget: 0\n"), 0.0),
        "nothing moves against a budget"
    );
}

#[test]
fn a_pod_moves_within_the_zone_that_binds_it() {
    let other_zone = nodes("pool: small, capacity: on-demand, zone: b");
    assert!(is(leaves(&other_zone, "", ""), 1.0), "nothing binds it to its zone");
    for bound in [
        format!("spread: {}", of_chat("topology.kubernetes.io/zone")),
        "claims: true".to_owned(),
    ] {
        let bound = requires(&bound);
        assert!(is(leaves(&other_zone, "", &bound), 0.0), "{bound}");
        assert!(is(leaves(&nodes(SAME), "", &bound), 1.0), "{bound}");
    }
}

#[test]
fn a_taint_or_a_label_keeps_a_pod_from_the_other_node() {
    let tainted = nodes("pool: small, capacity: on-demand, zone: a, taints: ['team=search:NoSchedule']");
    // The pod on the tainted node bears it, as the scheduler let it there, and moves to the other.
    let bears = requires("tolerations: [{key: team, exists: true}]");
    assert!(is(leaves(&tainted, "", &bears), 1.0));
    let affinity = |zone: &str| {
        let term = format!("{{labels: [{{key: topology.kubernetes.io/zone, operator: In, values: [{zone}]}}]}}");
        requires(&format!("node_affinity: [{term}]"))
    };
    assert!(is(leaves(&nodes(SAME), "", &affinity("a")), 1.0));
    assert!(is(leaves(&nodes(SAME), "", &affinity("c")), 0.0));
}

#[test]
fn pods_move_to_another_pool_with_the_same_gpus() {
    let other_pool = nodes("pool: large, capacity: on-demand, zone: a");
    assert!(is(leaves(&other_pool, "", ""), 1.0));
    // One of both is emptied where the other's pool moves nothing, and its node is a place all the same.
    assert!(is(leaves(&other_pool, "when_empty: [large]\n", ""), 1.0));
    assert!(
        is(leaves(&other_pool, "when_empty: [large, small]\n", ""), 0.0),
        "nobody moves a pod"
    );
    let other_gpu = "  - {name: gpu-1, type: g6.12xlarge, pool: small, capacity: on-demand}\n  \
                     - {name: gpu-2, type: g6.12xlarge, capacity: on-demand}\n";
    assert!(
        is(leaves(other_gpu, "", ""), 1.0),
        "a node that nothing removes is a place too"
    );
}

#[test]
fn nodes_are_worth_the_same_though_their_bills_differ_in_digits_that_nobody_pays() {
    let billed = |hours: &str, first: &str, second: &str| {
        let node = |name: &str, hourly: &str| {
            format!(
                "  - {{name: {name}, type: g6.12xlarge, pool: small, capacity: on-demand, zone: a, \
                 bill: {{hours: {hours}, hourly: {hourly}}}}}\n"
            )
        };
        node("gpu-1", first) + &node("gpu-2", second)
    };
    let left = leaves(&billed("336", "4.6016004", "4.6015998"), "", "");
    assert!((left - 1.0).abs() < 1e-3, "{left}");
    let plan = plan(&two_halves(&billed("336", "4.60", "2.30"), "", ""), None);
    let saved = plan.saving.leaves_bill_monthly.get();
    assert!(
        saved.abs() < 0.01,
        "which of two unequal nodes goes is not known: {saved}"
    );
}

#[test]
fn pods_are_known_by_their_own_labels() {
    // The selector names a label that the pods have and their owner's object contradicts.
    let apart = requires(&format!("apart: {}", of_chat("kubernetes.io/hostname")));
    let own = format!("    owner_labels: {{app: chat-deployment}}\n{apart}");
    assert!(is(leaves(&nodes(SAME), "", &own), 0.0));
}
