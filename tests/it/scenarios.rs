//! Situations that other tools get wrong, each through all levers at once.

use gpuwise::catalog::Catalog;
use gpuwise::engine::{Judge, Scope};
use gpuwise::model::plan::Plan;
use gpuwise::model::progress::Silent;
use gpuwise::model::scenario::Move;
use gpuwise::sources::recording;
use gpuwise::{pipeline, report};

use crate::binary::run;
use crate::cases::Case;
use crate::judgement::target;

pub(crate) fn plan(case: &str, earlier: Option<&Plan>) -> Plan {
    let case = Case::parse(case).unwrap();
    let catalog = Catalog::shipped().unwrap();
    let reading = case.reading(&catalog);
    let mut judge = Judge::new(&[("policy.yaml".to_owned(), case.policy.clone())], catalog).unwrap();
    if let Some(earlier) = earlier {
        judge = judge.remembering(earlier);
    }
    pipeline::analyze(&reading, &judge, &Scope::default(), &Silent).unwrap()
}

/// Four p5.48xlarge, busy with four replicas of a service that bears interruptions; spot capacity costs 22 an hour.
fn four_p5(commitments: &str) -> String {
    let nodes: String = (1..=4)
        .map(|node| format!("  - {{name: gpu-{node}, type: p5.48xlarge, pool: serving, capacity: on-demand}}\n"))
        .collect();
    let policy = format!(
        "  prices:\n    rows:\n      - {{instance_type: p5.48xlarge, capacity_type: spot, hourly: 22}}\n{commitments}"
    );
    format!(
        "situation: four p5 nodes that may be committed to, and spot capacity at less than half of the list price\n\
         expect: {{keep: committed}}\nwindow: {{days: 14, step: 10m}}\npolicy: |\n{policy}nodes:\n{nodes}workloads:\n  \
         - name: chat\n    kind: Deployment\n    namespace: chat\n    labels: {{app: chat}}\n    budget: 1\n    \
         image: vllm/vllm-openai:v0.12.0\n    gpus: 8\n    \
         pods: [{{node: gpu-1}}, {{node: gpu-2}}, {{node: gpu-3}}, {{node: gpu-4}}]\n    \
         signals:\n      engine_active: [{{value: 0.7}}]\n      memory_used: [{{value: 70 GiB}}]\n      power: [{{value: 500 W}}]\n"
    )
}

#[test]
fn committed_nodes_stay_on_the_bill_and_the_term_is_named() {
    let committed = "    commitments:\n      - {name: p5 plan, kind: savings-plan, instance_type: p5.48xlarge, nodes: 4, \
                     hourly: 30.27, until: 2027-06-16}\n";
    let plan = plan(&four_p5(committed), None);
    assert!(
        plan.accepted.is_empty() && plan.held_back.is_empty(),
        "{:#?}",
        plan.accepted
    );
    let kept = plan.kept.iter().find(|row| row.lever == "spot-migration").unwrap();
    assert_eq!(kept.reason, "committed");
    assert!(
        kept.because.contains("2027-06-16") && kept.because.contains("p5 plan"),
        "{}",
        kept.because
    );
    // Four nodes at what the plan says, not at the list price.
    assert!((plan.spend.unwrap().monthly.get() - 4.0 * 30.27 * 730.0).abs() < 0.01);
}

#[test]
fn without_a_word_of_commitments_the_report_says_that_they_are_unknown() {
    let plan = plan(&four_p5(""), None);
    assert!(plan.accepted.is_empty(), "{:#?}", plan.accepted);
    assert!((plan.spend.as_ref().unwrap().monthly.get() - 4.0 * 55.04 * 730.0).abs() < 0.01);
    let told = report::markdown::markdown(&plan);
    assert!(told.contains("at list prices, commitments unknown"), "{told}");
}

/// Eight families of jobs on eight p4d.24xlarge, each submitted anew every day under a new name, on five of eight GPUs; forty
/// more GPUs are always waited for.
#[test]
fn families_free_capacity_for_the_queue_and_nothing_leaves_the_bill() {
    let each = |write: &dyn Fn(usize) -> String| (1..=8).map(write).collect::<String>();
    let nodes =
        each(&|node| format!("  - {{name: gpu-{node}, type: p4d.24xlarge, pool: research, capacity: on-demand}}\n"));
    let rest = |value: &str| {
        (5..8)
            .map(|gpu| format!(", {{value: {value}, gpu: {gpu}}}"))
            .collect::<String>()
    };
    let families = each(&|family| {
        format!(
            "  - name: sweep-{}\n    kind: Job\n    namespace: research\n    args: torchrun train.py\n    gpus: 8\n    \
             pods: [{{node: gpu-{family}, from: 0h, for: 24h, every: 24h}}]\n    signals:\n      \
             engine_active: [{{value: 0.85}}{}]\n      memory_used: [{{value: 33 GiB}}{}]\n      power: [{{value: 330 W}}{}]\n",
            ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"][family - 1],
            rest("0"),
            rest("500 MiB"),
            rest("60 W")
        )
    });
    let plan = plan(
        &format!(
            "situation: eight families of jobs that leave three of eight GPUs alone, while forty GPUs are waited for\n\
             expect: {{change: 5 GPUs}}\nwindow: {{days: 14, step: 10m}}\nwaiting: 40\nnodes:\n{nodes}workloads:\n{families}"
        ),
        None,
    );
    assert_eq!(plan.workloads.len(), 8, "one row a family");
    assert_eq!(plan.accepted.len(), 8);
    assert!(plan.accepted.iter().all(|row| target(row) == "5 GPUs"));
    let freed: f64 = plan.accepted.iter().map(|row| row.saving.frees_gpus.get()).sum();
    assert!((freed - 24.0).abs() < 0.1, "{freed}");
    assert!(plan.saving.leaves_bill_monthly.get().abs() < 0.005);
    // Three eighths of eight nodes.
    let capacity = 3.0 * 21.957_642 * 730.0;
    let frees = plan.saving.frees_capacity_monthly.get();
    assert!((frees / capacity - 1.0).abs() < 0.01, "{frees} is not {capacity}");
    let told = |row: &gpuwise::model::plan::Row| {
        row.evidence
            .iter()
            .any(|fact| fact.what.contains("40 GPUs are waiting"))
    };
    assert!(
        plan.accepted.iter().all(told),
        "a row does not tell that its GPUs fill again"
    );
}

/// A light service that two kinds of GPU would hold, at prices that lie close together.
fn two_targets(l40s: f64, l4: f64) -> String {
    format!(
        "situation: a light service on a large GPU, which either of two cheaper ones would hold as well\n\
         expect: {{change: L40S}}\nwindow: {{days: 14, step: 5m}}\npolicy: |\n  objectives:\n    approved_gpus: [L40S, L4]\n  \
         prices:\n    rows:\n      - {{gpu: L40S, hourly: {l40s}, confirmed: true}}\n      \
         - {{gpu: L4, hourly: {l4}, confirmed: true}}\nnodes:\n  \
         - {{name: gpu-1, type: p5.4xlarge, pool: serving, capacity: on-demand}}\nworkloads:\n  \
         - name: tagger\n    kind: StatefulSet\n    namespace: media\n    pods: [{{node: gpu-1}}]\n    \
         signals:\n      engine_active: [{{value: 0.03}}]\n      memory_used: [{{value: 9 GiB}}]\n      power: [{{value: 90 W}}]\n"
    )
}

#[test]
fn a_small_change_of_prices_does_not_turn_an_earlier_choice() {
    let chosen = |plan: &Plan| target(&plan.accepted[0]);
    let before = plan(&two_targets(0.80, 0.82), None);
    assert_eq!(chosen(&before), "L40S");
    assert_eq!(
        chosen(&plan(&two_targets(0.84, 0.82), None)),
        "L4",
        "without an earlier plan the cheaper one"
    );
    assert_eq!(chosen(&plan(&two_targets(0.84, 0.82), Some(&before))), "L40S");
    assert_eq!(
        chosen(&plan(&two_targets(3.20, 0.82), Some(&before))),
        "L4",
        "what is clearly better is chosen"
    );
}

/// What `explain` tells of a workload is the plan that `analyze` makes, an earlier choice included.
#[test]
fn a_story_remembers_what_the_earlier_plan_chose() {
    let mut before = plan(&two_targets(0.80, 0.82), None);
    // It was made a week ago, or there would be nothing to compare.
    let back = jiff::SignedDuration::from_hours(7 * 24);
    before.window.start -= back;
    before.window.end -= back;
    let case = Case::parse(&two_targets(0.84, 0.82)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for (name, bytes) in recording::encode(&case.reading(&Catalog::shipped().unwrap())).unwrap() {
        write(&format!("recording/{name}"), &bytes);
    }
    let policy = write("policy.yaml", case.policy.as_bytes());
    let earlier = write("earlier.json", report::json::json(&before).unwrap().as_bytes());
    let recorded = folder.path().join("recording");
    let sources = [
        "--recording",
        recorded.to_str().unwrap(),
        "--policy",
        &policy,
        "--compare",
        &earlier,
    ];
    let of = |arguments: &[&str]| run(&[arguments, &sources[..]].concat()).printed();
    let story = of(&["explain", "--why", "media/tagger"]);
    let analyzed: Plan = report::json::read(&of(&["analyze", "--format", "json"])).unwrap();
    assert_eq!(target(&analyzed.accepted[0]), "L40S");
    assert!(story.contains(&analyzed.accepted[0].title), "{story}");
}

/// Two services that sleep at night, each beside a small one that stays awake, in a pool that consolidates: the small ones move
/// together once, so that one node goes and not two.
#[test]
fn who_sleeps_beside_another_does_not_empty_the_same_place_twice() {
    let office = "[{value: 0}, {value: 0.5, on: Mon-Fri 08:00-18:00}]";
    let workload = |name: &str, gpus: u32, node: u32, engine: &str, power: &str| {
        format!(
            "  - name: {name}\n    kind: Deployment\n    namespace: dev\n    image: vllm/vllm-openai:v0.12.0\n    gpus: {gpus}\n    \
             pods: [{{node: gpu-{node}}}]\n    signals:\n      engine_active: {engine}\n      requests_running: {engine}\n      \
             memory_used: [{{value: 36 GiB}}]\n      power: {power}\n"
        )
    };
    let (by_day, awake) = (
        "[{value: 62 W}, {value: 300 W, on: Mon-Fri 08:00-18:00}]",
        "[{value: 300 W}]",
    );
    let workloads = [
        workload("a", 4, 1, office, by_day),
        workload("b", 4, 2, office, by_day),
        workload("c", 2, 1, "[{value: 0.5}]", awake),
        workload("d", 2, 2, "[{value: 0.5}]", awake),
        workload("e", 8, 3, "[{value: 0.5}]", awake),
    ];
    let nodes: String = (1..=3)
        .map(|node| format!("  - {{name: gpu-{node}, type: p4d.24xlarge, pool: dev, capacity: on-demand}}\n"))
        .collect();
    let plan = plan(
        &format!(
            "situation: two services that sleep at the same hours, each beside a small one that stays awake all the time\n\
             expect: {{change: schedule}}\nwindow: {{days: 21, step: 10m}}\nnodes:\n{nodes}workloads:\n{}",
            workloads.concat()
        ),
        None,
    );
    let sleeping: Vec<_> = plan
        .accepted
        .iter()
        .filter(|row| !row.moves.is_empty() && target(row) == "schedule")
        .collect();
    assert_eq!(sleeping.len(), 2, "{:#?}", plan.unknown);
    let share = match &sleeping[0].moves[0] {
        Move::SleepDuring { hours, .. } => hours.share(),
        other => panic!("{other:?}"),
    };
    let node = 21.957_642 * 730.0 * share;
    let leaves = plan.saving.leaves_bill_monthly.get();
    assert!(leaves > 0.0 && leaves <= node * 1.001, "{leaves} of a node's {node}");
}

/// A light service that holds all eight GPUs of a node by day, uses one of them, and rests at night and on weekends; a small
/// pool of L4 nodes comes and goes.
fn wasteful_in_three_ways(policy: &str) -> String {
    let by_day = |value: &str| format!("{{value: {value}, on: Mon-Fri 08:00-18:00}}");
    let unused = |value: &str| {
        (1..8)
            .map(|gpu| format!(", {{value: {value}, gpu: {gpu}}}"))
            .collect::<String>()
    };
    let (active, watts) = (by_day("0.05"), by_day("90 W"));
    format!(
        "situation: a service with too many GPUs, too large ones, and nobody at night\n\
         expect: {{change: 1 GPUs}}\nwindow: {{days: 28, step: 10m}}\npolicy: |\n  objectives:\n    approved_gpus: [L4]\n{policy}\
         nodes:\n  - {{name: gpu-1, type: p4d.24xlarge, pool: large, capacity: on-demand}}\n  \
         - {{name: gpu-2, type: g6.xlarge, pool: small, capacity: on-demand}}\nworkloads:\n  \
         - name: tagger\n    kind: Deployment\n    namespace: media\n    image: vllm/vllm-openai:v0.12.0\n    gpus: 8\n    \
         pods: [{{node: gpu-1}}]\n    signals:\n      engine_active: [{{value: 0}}, {active}{}]\n      \
         requests_running: [{{value: 0}}, {}]\n      memory_used: [{{value: 9 GiB}}{}]\n      \
         power: [{{value: 55 W}}, {watts}{}]\n  \
         - name: voice\n    kind: Deployment\n    namespace: media\n    pods: [{{node: gpu-2}}]\n    signals:\n      \
         engine_active: [{{value: 0.7}}]\n      memory_used: [{{value: 20 GiB}}]\n      power: [{{value: 70 W}}]\n",
        unused("0"),
        by_day("0.5"),
        unused("500 MiB"),
        unused("52 W"),
    )
}

#[test]
fn changes_that_go_together_are_one_change_and_are_priced_as_one() {
    let together = plan(&wasteful_in_three_ways(""), None);
    let row = &together.accepted[0];
    assert_eq!(
        row.levers,
        ["unused-gpus", "smaller-gpu", "idle-gpu"],
        "{:#?}",
        together
    );
    assert_eq!(target(row), "1 GPUs and L4 and schedule");
    let (mut per_pod, mut asleep) = (0, 0.0);
    for change in &row.moves {
        match change {
            Move::UseGpu { per_pod: gpus, .. } => per_pod = *gpus,
            Move::SleepDuring { hours, .. } => asleep = hours.share(),
            _ => {}
        }
    }
    assert_eq!(per_pod, 1, "the other kind of GPU is taken for those that are used");
    assert!(asleep > 0.5);
    // The whole p4d goes, and a node with L4s comes by day.
    let catalog = Catalog::shipped().unwrap();
    let price = |name: &str| catalog.instance(name).unwrap().list_price().unwrap().get() * 730.0;
    let comes = row.to["new_nodes"]
        .as_str()
        .unwrap()
        .strip_prefix("1 x ")
        .unwrap()
        .to_owned();
    let saves = price("p4d.24xlarge") - price(&comes) * (1.0 - asleep);
    let mid = row.saving.monthly.mid.unwrap();
    assert!((mid / saves - 1.0).abs() < 1e-4, "{mid} is not {saves}");
    assert!((row.saving.leaves_bill_monthly.get() - mid).abs() < 0.005);
    assert_eq!(
        together
            .accepted
            .iter()
            .filter(|other| other.subject == row.subject)
            .count(),
        1
    );
    let said = together.kept.iter().filter(|kept| kept.subject == row.subject);
    assert_eq!(
        said.map(|kept| kept.lever.as_str()).collect::<Vec<_>>(),
        ["checkpointing", "spot-migration"]
    );
}

#[test]
fn what_may_not_be_done_of_several_changes_leaves_the_others() {
    let without = "  permissions:\n    scope:\n      except_levers: [smaller-gpu]\n";
    let plan = plan(&wasteful_in_three_ways(without), None);
    let row = plan.accepted.iter().find(|row| !row.moves.is_empty()).unwrap();
    assert_eq!(row.levers, ["unused-gpus", "idle-gpu"]);
    // Seven GPUs for good, and the eighth by night.
    let asleep = match &row.moves[1] {
        Move::SleepDuring { hours, .. } => hours.share(),
        other => panic!("{other:?}"),
    };
    let gpus = 7.0 + asleep;
    assert!((row.saving.frees_gpus.get() - gpus).abs() < 0.01, "{:?}", row.saving);
    let node = 21.957_642 * 730.0;
    let mid = row.saving.monthly.mid.unwrap();
    assert!((mid / (node * gpus / 8.0) - 1.0).abs() < 1e-4, "{mid}");
    // By night nothing is on the node, and all of it goes.
    let leaves = row.saving.leaves_bill_monthly.get();
    assert!((leaves / (node * asleep) - 1.0).abs() < 1e-4, "{leaves}");
    assert!(plan.held_back.is_empty(), "{:#?}", plan.held_back);
}
