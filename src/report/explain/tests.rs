//! The story of one workload leaves nothing out, and makes nothing of what is unknown.

use crate::model::objective::ObjectiveRow;
use crate::model::plan::{Unknown, Verdict};
use crate::model::queueing::{QueuedRuns, Queueing, Quota};
use crate::model::requests::{RequestsRow, StartsRow};

use super::super::sample;
use super::why;

#[test]
fn a_story_reads_so() {
    insta::assert_snapshot!(why(&sample::plan(), "llama-70b").unwrap(), @r#"
    chat/llama-70b, Deployment.apps in cluster prod-eu, id w-chat
      Verdict  change: at least one lever has a change for it
      Window   2026-11-01 to 2026-11-15 (14 days)
      Class    inference, 97% sure: serves vllm metrics
      Owner    team-chat (label team)
      GPUs     8 H100-80GB held on average, on-demand, 1 run in the window
      Cost     $120,000 a month (AWS list price, 2026-10-30)
      Busy     p50 4%, p95 9%, p99 12% (DCGM_FI_PROF_GR_ENGINE_ACTIVE, 99% of expected samples)
      Memory   needs at most: 14.2 GiB; holds at most: 71 GiB (on its fullest GPU)

    smaller-gpu: change, number 1 of 2 in the plan
      What     Run on a smaller GPU
      Change   gpu: H100-80GB → L40S
      Saving   $80,000 a month off the bill, $20,000 of capacity freed (4 GPUs replaced)
      Service  not measured
      Proof    arithmetic; confidence high, risk low
      Evidence Memory that it needs at most, GiB: 14.2 (99% of expected samples; max_over_time(DCGM_FI_DEV_FB_USED[14d]))
      Before   Check that L40S nodes may be created.
      Undo     Revert the commit.
      Row      r-1

    quantization: experiment, not in the plan's saving
      What     Serve in FP8
      Change   gpu: H100-80GB → L40S
      Saving   $5,000 a month off the bill (4 GPUs replaced)
      Service  not measured
      Proof    none; confidence high, risk low
      Evidence Memory that it needs at most, GiB: 14.2 (99% of expected samples; max_over_time(DCGM_FI_DEV_FB_USED[14d]))
      Before   Check that L40S nodes may be created.
      To run   Serve a tenth of requests in FP8 for a week; answers must score within 1%.
      Undo     Revert the commit.
      Row      r-try
    "#);
}

#[test]
fn every_lever_has_its_say() {
    let mut plan = sample::plan();
    plan.kept
        .push(sample::kept("batching", "w-train", "no-server", "it serves nothing"));
    plan.unknown.push(Unknown {
        lever: "spot-migration".to_owned(),
        subject: crate::model::plan::SubjectRef::workload("w-train"),
        reason: "no-restart-seen".to_owned(),
        missing: "A restart that resumed".to_owned(),
        fix: "Keep 30 days of pod history".to_owned(),
    });
    let text = why(&plan, "research/pretrain").unwrap();
    for expected in [
        "smaller-gpu: held back by frozen until the release (policy.yaml:12), until 2026-12-01",
        "batching: keep (no-server)\n  Because  it serves nothing",
        "spot-migration: unknown (no-restart-seen)\n  Missing  A restart that resumed\n  Fix      Keep 30 days of pod history",
        "Before   Check that L40S nodes may be created.",
        "Undo     Revert the commit.",
    ] {
        assert!(text.contains(expected), "{expected} in\n{text}");
    }
}

#[test]
fn what_is_unknown_is_said_to_be() {
    let mut plan = sample::unpriced();
    let row = &mut plan.workloads[2];
    row.verdict = Verdict::Unknown;
    row.gpu_busy = None;
    row.gpu = None;
    row.owner = None;
    row.memory_gib = Default::default();
    let text = why(&plan, "w-dark").unwrap();
    for expected in [
        "Owner    unknown",
        "GPUs     8 of unknown kind held",
        "Cost     unknown: some of its GPUs have no price",
        "Busy     unknown: it was not measured",
        "Memory   needs at most: unknown; holds at most: unknown",
    ] {
        assert!(text.contains(expected), "{expected} in\n{text}");
    }
    assert!(!text.contains("$0"));
}

#[test]
fn a_name_cannot_add_a_line() {
    let mut plan = sample::plan();
    plan.workloads[0].name = "a\nVerdict keep\u{1b}[0m".to_owned();
    plan.workloads[0].owner = Some("x\ny".to_owned());
    let text = why(&plan, "w-chat").unwrap();
    assert!(!text.contains("\nVerdict") && !text.contains('\u{1b}') && text.contains("x y (label team)"));
}

#[test]
fn how_a_server_served_is_told_and_what_it_did_not_tell_is_unknown() {
    let mut plan = sample::plan();
    assert!(!why(&plan, "w-chat").unwrap().contains("Serving"));
    plan.workloads[0].serving = Some(sample::serving());
    plan.workloads[0].inference_pools = vec!["chat-pool".to_owned()];
    let text = why(&plan, "w-chat").unwrap();
    let expected = "Serving  first token p50 210 ms, p95 420 ms, p99 1.25 s (time_to_first_token, 98% of its hours); between tokens \
        unknown; whole request p50 6.2 s, p95 12.4 s, p99 unknown (request_latency, 98% of its hours); 812 tokens asked and unknown \
        answered on average";
    assert!(text.contains(expected), "{text}");
    assert!(
        text.contains("Pool     chat-pool: an endpoint picker chooses among its pods"),
        "{text}"
    );
}

#[test]
fn how_many_requests_there_were_and_how_long_starts_took_is_told() {
    let mut plan = sample::plan();
    let before = why(&plan, "w-chat").unwrap();
    assert!(!before.contains("Requests") && !before.contains("Starts"));
    plan.workloads[0].requests = Some(RequestsRow {
        per_second: Some(1.296),
        per_second_p95: Some(2.5),
        prompt_tokens_per_second: Some(1_052.6),
        answer_tokens_per_second: None,
        coverage: 0.98,
        step_seconds: 15,
    });
    plan.workloads[0].start_seconds = Some(StartsRow {
        p50: 241.0,
        p95: 389.5,
        count: 12,
    });
    let text = why(&plan, "w-chat").unwrap();
    let expected = "Requests 1.3 a second on average, p95 2.5 over a minute; 1,053 tokens a second asked and unknown answered (every 15 s, \
        98% of the points)";
    assert!(text.contains(expected), "{text}");
    assert!(
        text.contains("Starts   p50 241 s, p95 389.5 s from creation to ready (12 starts)"),
        "{text}"
    );
}

#[test]
fn what_requests_may_take_stands_beside_what_they_took() {
    let mut plan = sample::plan();
    assert!(!why(&plan, "w-chat").unwrap().contains("Bounds"));
    let bound = |what: &str, at_most: f64, unit: &str, seen: Option<f64>| ObjectiveRow {
        what: what.to_owned(),
        at_most,
        unit: unit.to_owned(),
        seen,
        place: "mine.yaml:3".to_owned(),
    };
    plan.workloads[0].objectives = vec![
        bound("ttft_p95", 0.5, "seconds", Some(0.42)),
        bound("itl_p99", 0.08, "seconds", None),
        bound("e2e_p95", 12.0, "seconds", Some(12.4)),
        bound("rejected", 0.001, "share", None),
    ];
    let text = why(&plan, "w-chat").unwrap();
    let expected = "Bounds   ttft_p95 at most 500 ms: 420 ms, kept (mine.yaml:3); itl_p99 at most 80 ms: unknown (mine.yaml:3); \
        e2e_p95 at most 12 s: 12.4 s, missed (mine.yaml:3); rejected at most 0.1%: unknown (mine.yaml:3)";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_queue_tells_how_long_its_work_waits() {
    let mut plan = sample::plan();
    let row = plan.workloads.iter_mut().find(|row| row.name == "llama-70b").unwrap();
    row.queue = Some(Queueing {
        queue: "team1".to_owned(),
        cluster_queue: Some("gpus".to_owned()),
        runs: Some(QueuedRuns {
            admitted: 1,
            waiting: 2,
            gpus_waiting: 16.0,
            waiting_seconds: Some(5_400),
            longest_seconds: Some(18_000),
        }),
        quotas: vec![Quota {
            flavor: "h100".to_owned(),
            resource: "nvidia.com/gpu".to_owned(),
            nominal: 8.0,
            borrowing_limit: None,
            used: None,
        }],
    });
    let text = why(&plan, "llama-70b").unwrap();
    let expected = "Queue    team1 (ClusterQueue gpus): 1 admitted, 2 waiting for 16 GPUs for up to 90 minutes; longest wait 5 \
        hours; unknown of 8 nvidia.com/gpu of h100 used";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_decision_stands_in_the_story_in_words() {
    let mut plan = sample::plan();
    plan.held_back[0].decision = Some(crate::model::plan::Decided {
        decision: "snooze".to_owned(),
        by: "team-train".to_owned(),
        reason: "a run is on".to_owned(),
        until: Some("2026-12-01".to_owned()),
        date: None,
        place: "decisions.yaml:1".to_owned(),
    });
    let story = why(&plan, "w-train").unwrap();
    let line = "Decision snoozed by team-train, until 2026-12-01: a run is on (decisions.yaml:1)";
    assert!(story.contains(line), "{story}");
}
