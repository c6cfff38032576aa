//! Worlds whose autoscaler is known to the replay: by its own specification it takes as many replica hours as it took.

use gpuwise::catalog::Catalog;
use gpuwise::model::workload::Autoscaler;
use gpuwise::replay::served::binding::Known;
use gpuwise::replay::served::ran::{Again, subject};
use gpuwise::replay::service::proof::{Proof, Silent};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use serde_json::json;

use super::autoscaler::{Hpa, Policy};
use super::kinds::{Kind, autoscaler, worlds_of};
use super::replayed::judged_under;
use super::world::World;

/// A world with room under an autoscaler that gives each replica this share of what it serves with ease, or less.
fn scaled(world: World, share: f64) -> (World, Hpa) {
    let hpa = autoscaler(&world, share, 1, world.ran.most());
    let ran = Policy::Hpa(hpa.clone());
    (World { days: 15, ran, ..world }, hpa)
}

/// What is proved where the owner's ScaledObject says so many requests for each replica.
fn judged(world: &World, hpa: &Hpa, target: f64) -> Result<Proof, Silent> {
    let of = Autoscaler {
        name: "keda-hpa-chat".to_owned(),
        min_replicas: hpa.min,
        max_replicas: hpa.max,
        spec: None,
        scaled_object: Some(json!({
            "scaleTargetRef": {"name": "chat"},
            "minReplicaCount": hpa.min,
            "maxReplicaCount": hpa.max,
            "triggers": [{"type": "prometheus", "metadata": {
                "serverAddress": "http://prometheus:9090",
                "query": "sum(vllm:num_requests_running) + sum(vllm:num_requests_waiting)",
                "threshold": format!("{target}"),
            }}],
        })),
    };
    let subject = subject(&of).unwrap();
    let again = Again::of(&subject, &Known::of(&Catalog::shipped().unwrap())).unwrap();
    judged_under(world, Some(&again), (1, false))
}

/// What is proved of worlds by their own targets, and by targets that are twice as high.
fn found(worlds: Vec<World>, share: f64) -> Vec<[Result<Proof, Silent>; 2]> {
    let of = |world| {
        let (world, hpa) = scaled(world, share);
        [1.0, 2.0].map(|times| judged(&world, &hpa, hpa.target * times))
    };
    worlds.into_par_iter().map(of).collect()
}

#[test]
fn an_autoscaler_takes_the_hours_that_it_took_and_another_does_not() {
    let found = found(worlds_of(Kind::Roomy, 6, 41, (0.1, 0.4)), 0.3);
    let proved: Vec<_> = found
        .iter()
        .filter_map(|[own, other]| Some((own.as_ref().ok()?, other)))
        .collect();
    assert!(proved.len() >= 2, "{found:?}");
    for (own, other) in proved {
        assert!(own.hours.is_some_and(|hours| hours.error() <= 0.05), "{:?}", own.hours);
        // What its owner says is not what ran.
        assert!(matches!(other, Err(Silent::OtherHours(_))), "{other:?}");
    }
}

#[test]
#[ignore = "fifty worlds: minutes"]
fn most_autoscalers_take_the_hours_that_they_took() {
    let found = found(worlds_of(Kind::Roomy, 50, 43, (0.2, 1.0)), 0.5);
    let refused = |which: usize| {
        let other = |of: &&[Result<Proof, Silent>; 2]| matches!(of[which], Err(Silent::OtherHours(_)));
        found.iter().filter(other).count()
    };
    let passed = |which: usize| {
        let own = |of: &&[Result<Proof, Silent>; 2]| matches!(of[which], Ok(_) | Err(Silent::Stays(..)));
        found.iter().filter(own).count()
    };
    println!(
        "{} worlds, of which {} keep to their hours and {} do not; with twice the target {} and {}",
        found.len(),
        passed(0),
        refused(0),
        passed(1),
        refused(1)
    );
    assert!(
        passed(0) >= 20 && passed(0) >= 8 * refused(0),
        "{} {}",
        passed(0),
        refused(0)
    );
}
