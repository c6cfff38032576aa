//! The checkup: what is there is called so, and each thing that is taken away is a hole with its fix.

use gpuwise::catalog::Catalog;
use gpuwise::engine::{Judge, Scope, checkup};
use gpuwise::model::checkup::{Area, Check, State};
use gpuwise::model::reading::Reading;
use gpuwise::model::usage::Signal;
use gpuwise::sources::collect::Outline;

use crate::binary::{self, SOURCE};
use crate::generator::{Size, World};
use crate::reach::{Server, no_series};

fn checks(reading: &Reading) -> Vec<Check> {
    checks_of(reading, &Scope::default())
}

fn checks_of(reading: &Reading, scope: &Scope) -> Vec<Check> {
    let judge = Judge::new(&[], Catalog::shipped().unwrap()).unwrap();
    let (gpu, server): (Vec<_>, Vec<_>) = reading.series.iter().partition(|series| series.signal.is_gpu());
    let outline = Outline::of(
        reading,
        gpu.iter().map(|series| &series.labels),
        server.iter().map(|series| &series.labels),
        judge.catalog(),
        &judge.policy().attribution,
        &judge.policy().objectives.prices,
    )
    .with_requests(reading.requests.clone());
    let part = outline.part(reading.series.clone(), None);
    let tally = part.tally();
    checkup(&outline.whole(part.workloads, tally), scope)
}

fn about<'c>(checks: &'c [Check], what: &str) -> &'c Check {
    checks
        .iter()
        .find(|check| check.what == what)
        .unwrap_or_else(|| panic!("{what} is not in {checks:#?}"))
}

#[test]
fn what_is_taken_away_is_a_hole_with_its_fix() {
    let whole = World::generate(4, Size::Small, 2).to_reading(900);
    let all = checks(&whole);
    for what in [
        "gpu_util",
        "memory_used",
        "GPU to metrics",
        "pod to its GPUs' metrics",
        "node to its price",
    ] {
        assert_eq!(about(&all, what).state, State::Good, "{:#?}", about(&all, what));
    }
    for signal in Signal::ALL.into_iter().filter(|signal| signal.is_gpu()) {
        let mut less = whole.clone();
        less.series.retain(|series| series.signal != signal);
        let checks = checks(&less);
        let check = about(&checks, signal.name());
        assert_ne!(check.state, State::Good, "{check:?}");
        assert_eq!(check.fix.as_deref(), Some(signal.fix()));
    }
    for signal in Signal::HISTOGRAMS {
        let served = about(&all, signal.name());
        // The others are no vLLM.
        assert_eq!(served.seen, "4 of 8 workloads that serve (50 %)", "{served:?}");
        let mut less = whole.clone();
        less.series.retain(|series| series.signal != signal);
        let less = checks(&less);
        let check = about(&less, signal.name());
        assert!(
            check.state == State::Absent && check.seen.starts_with("0 of "),
            "{check:?}"
        );
        assert_eq!(check.fix.as_deref(), Some(signal.fix()));
    }
    let replayed: Vec<&Check> = all
        .iter()
        .filter(|check| check.what.starts_with("to replay "))
        .collect();
    assert_eq!(replayed.len(), 4, "{replayed:#?}");
    for check in replayed {
        let told = check
            .seen
            .starts_with("every 60 s: servers, finished, running, waiting, rejected, prompt_tokens");
        assert!(check.state == State::Good && told, "{check:?}");
    }
    let mut unread = whole.clone();
    unread.requests.clear();
    let unread = checks(&unread);
    let check = unread
        .iter()
        .find(|check| check.what.starts_with("to replay "))
        .unwrap();
    assert!(check.state == State::Absent && check.fix.is_some(), "{check:?}");
    let mut dark = whole.clone();
    dark.series.clear();
    let dark = checks(&dark);
    assert_eq!(about(&dark, "GPU to metrics").state, State::Hole);
    assert_eq!(about(&dark, "pod to its GPUs' metrics").state, State::Hole);
    let mut free = whole;
    free.inventory.node_costs.clear();
    for node in &mut free.inventory.nodes {
        node.labels.retain(|name, _| !name.contains("instance-type"));
    }
    let free = checks(&free);
    assert_eq!(about(&free, "node to its price").state, State::Hole);
    assert!(free.iter().any(|check| check.area == Area::Gaps && check.fix.is_some()));
}

#[test]
fn a_scope_narrows_what_is_looked_at() {
    let reading = World::generate(4, Size::Small, 2).to_reading(900);
    let seen = |selector: &str| {
        let scope = Scope {
            selector: selector.parse().unwrap(),
            ..Scope::default()
        };
        let checks = checks_of(&reading, &scope);
        let of = |what: &str| about(&checks, what).seen.clone();
        (
            of("workload to its team"),
            of("pod to its GPUs' metrics"),
            of("GPU to metrics"),
        )
    };
    let (all, with, without) = (seen(""), seen("team"), seen("!team"));
    let whole = |seen: &str| -> u32 { seen.split(' ').nth(2).unwrap().parse().unwrap() };
    assert!(whole(&with.0) > 0 && whole(&without.0) > 0, "{with:?} {without:?}");
    assert_eq!(whole(&with.0) + whole(&without.0), whole(&all.0));
    assert_eq!(whole(&with.1) + whole(&without.1), whole(&all.1));
    // What nodes have is asked of the cluster.
    assert_eq!(with.2, all.2);
}

#[test]
fn a_server_that_is_down_is_told_beside_the_others() {
    let down = ["--prometheus", "http://127.0.0.1:1", "--kubeconfig", "/nowhere/config"];
    let ran = binary::run(&[&["doctor", "--quiet"], &down[..]].concat());
    assert_eq!(ran.code, SOURCE, "{}", ran.stderr);
    let text = ran.stdout;
    assert!(
        text.contains("FAILED  Kubernetes API") && text.contains("/nowhere/config"),
        "{text}"
    );
    assert!(
        text.contains("FAILED  Prometheus") && text.contains("http://127.0.0.1:1"),
        "{text}"
    );
    assert!(text.ends_with("2 sources failed.\n"), "{text}");
}

#[test]
fn a_cost_source_that_is_down_has_failed_and_is_a_hole() {
    let prometheus = Server::start(no_series);
    let sources = ["--prometheus", &prometheus.url, "--costs", "http://127.0.0.1:1"];
    let ran = binary::run(&[&["doctor", "--no-kubernetes"], &sources[..]].concat());
    assert_eq!(ran.code, SOURCE, "{}", ran.stderr);
    let text = ran.stdout;
    assert!(
        text.contains("FAILED  costs") && text.contains("http://127.0.0.1:1"),
        "{text}"
    );
    assert!(text.contains("ok      Prometheus"), "{text}");
    assert!(text.contains("what this cluster really pays"), "{text}");
    assert!(text.contains("1 source failed"), "{text}");
}
