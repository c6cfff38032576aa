//! Worlds whose autoscaler is known to the replay: by its own specification it takes as many replica hours as it took.

use gpuwise::catalog::Catalog;
use gpuwise::model::workload::Autoscaler;
use gpuwise::replay::served::binding::Known;
use gpuwise::replay::served::ran::{Again, subject};
use gpuwise::replay::service::proof::{Proof, Silent};
use gpuwise::replay::service::ran::WITHIN;
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
    judged_under(world, Some(&again))
}

#[test]
fn an_autoscaler_takes_the_hours_that_it_took_and_another_does_not() {
    let worlds = worlds_of(Kind::Roomy, 6, 41, (0.1, 0.4)).into_par_iter();
    let found: Vec<_> = worlds
        .map(|world| {
            let (world, hpa) = scaled(world, 0.3);
            let other = judged(&world, &hpa, hpa.target * 2.0);
            (judged(&world, &hpa, hpa.target), other, hpa)
        })
        .collect();
    for (own, other, hpa) in &found {
        let said = |of: &Result<Proof, Silent>| match of {
            Ok(proof) => format!("proof {:?} {:?}", proof.hours, proof.setting()),
            Err(silent) => format!("{silent:?}").chars().take(300).collect(),
        };
        println!("{hpa:?}\n  own {}\n  other {}", said(own), said(other));
    }
    let _ = WITHIN;
}
