//! What kind of work a workload is, and what says so.
//!
//! Signs are looked for in the kind, labels, command lines, images, names, ports and volumes, each with a weight (the
//! catalogue's `work.csv`). Signs of different sorts for one class add up as independent doubts multiply; of one sort only the
//! strongest counts, since two words in one name are one opinion. What has too little for it, or too much against it, is
//! unknown: a wrong class is worse than none.

mod image;
mod load;
mod run;
mod words;
#[cfg(test)]
mod tests;

use crate::catalog::Catalog;
use crate::catalog::work::{Sign, Tells, WorkSign, WorkSigns};
use crate::model::cluster::{Container, Labels};
use crate::model::gpu::gpu_resource;
use crate::model::runs::{is_run, is_schedule};
use crate::model::time::Grid;
use crate::model::workload::{Class, Classified, PodUse};
use run::{Doing, Run};

/// Below this nothing is answered.
const LEAST: f64 = 0.6;

/// What speaks so strongly for another class that none is answered.
const CONTRADICTS: f64 = 0.8;

/// Sorts of hints by what is run.
const SAID: [&str; 2] = ["program", "script"];

/// The sort of hint that a kind gives which starts a program on many nodes.
const LAUNCHES: &str = "launches";

/// What names and the shape of a service come to at most, however many agree: they only fit.
const LIKELY: f64 = 0.79;

/// Sorts of hints that only fit.
const FIT: [&str; 8] = [
    "shape", "probe", "replicas", "port", "name", "volume", "variable", "ends",
];

/// What is known of a workload that tells its class.
#[derive(Debug, Clone, Copy)]
pub struct Signs<'a> {
    /// API group and kind of the object.
    pub kind: (&'a str, &'a str),
    /// Name of the object.
    pub name: &'a str,
    /// Labels of the object and its pods.
    pub labels: &'a Labels,
    /// Containers of one of its pods.
    pub containers: &'a [Container],
    /// The command line that it has others run.
    pub told: &'a [String],
    /// Its replicas.
    pub replicas: Option<u32>,
    /// Whether an autoscaler stands on it.
    pub autoscaled: bool,
    /// Its pods, with what was measured of them.
    pub pods: &'a [PodUse],
    /// On which grid.
    pub grid: Grid,
    /// What signs there are.
    pub catalog: &'a Catalog,
}

/// How long such an object lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lasts {
    /// It ends by itself.
    Ends,
    /// It goes on until somebody stops it.
    GoesOn,
    /// Its kind does not say.
    Unsaid,
}

/// Something that speaks for a class.
#[derive(Debug, Clone, PartialEq)]
struct Hint {
    class: Class,
    /// Of hints of one sort for one class, only the strongest counts.
    sort: &'static str,
    weight: f64,
    because: String,
}

impl Hint {
    fn new(class: Class, sort: &'static str, weight: f64, because: impl Into<String>) -> Self {
        Self {
            class,
            sort,
            weight,
            because: because.into(),
        }
    }
}

/// The class that has most for it and little against it.
pub fn classify(signs: Signs<'_>) -> Classified {
    let on_gpus = on_gpus(signs.containers);
    let rows = signs.catalog.work();
    if let Some(care) = image::cares_for_gpus(&on_gpus, rows) {
        return unknown(vec![care]);
    }
    let lasts = lasts(signs.kind.1);
    let run = Run::of(&on_gpus, signs.told, lasts, rows);
    let mut hints = declared(signs, rows);
    let said = run.hints(lasts);
    if said.iter().any(|hint| hint.class != Class::Training) && said.iter().all(|hint| hint.class != Class::Training) {
        // What starts a program on many nodes starts evaluations and measurements, too.
        hints.retain(|hint| hint.sort != LAUNCHES);
    }
    hints.extend(said);
    if run.doing == Doing::Held {
        hints.extend(words::of_a_person(signs, rows));
    }
    let named = words::named(signs, &on_gpus, lasts, rows);
    if matches!(run.doing, Doing::Own | Doing::Silent) {
        hints.extend(image::hints(&on_gpus, run.doing, lasts, rows));
        hints.extend(named);
    } else if let Doing::Program(class) = run.doing {
        // What it runs is known: names may only agree.
        hints.extend(named.into_iter().filter(|hint| hint.class == class));
    }
    shaped(signs, &on_gpus, lasts, run.doing, &mut hints);
    if lasts == Lasts::Ends {
        ends(&mut hints, signs.kind.1);
    }
    decide(hints, signs, run.doing)
}

/// The containers that hold GPUs; all where none asks for them itself, as with claims.
fn on_gpus(containers: &[Container]) -> Vec<&Container> {
    let holds = |container: &&Container| container.requests.keys().any(|name| gpu_resource(name).is_some());
    let holding: Vec<&Container> = containers.iter().filter(holds).collect();
    if holding.is_empty() {
        return containers.iter().collect();
    }
    holding
}

fn lasts(kind: &str) -> Lasts {
    const GO_ON: [&str; 9] = [
        "Deployment",
        "DeploymentConfig",
        "CloneSet",
        "StatefulSet",
        "ReplicaSet",
        "ReplicationController",
        "Rollout",
        "LeaderWorkerSet",
        "DaemonSet",
    ];
    // Kinds that nobody here knows are named as those are that end, too.
    if is_run(kind) || is_schedule(kind) || kind.ends_with("Job") {
        Lasts::Ends
    } else if GO_ON.contains(&kind) {
        Lasts::GoesOn
    } else {
        Lasts::Unsaid
    }
}

fn of(tells: Tells) -> Option<Class> {
    match tells {
        Tells::Training | Tells::Launches => Some(Class::Training),
        Tells::Inference => Some(Class::Inference),
        Tells::Batch | Tells::Unattended => Some(Class::Batch),
        Tells::Notebook | Tells::Shell => Some(Class::Notebook),
        _ => None,
    }
}

fn rows_of(rows: &WorkSigns, sign: Sign) -> impl Iterator<Item = &WorkSign> {
    rows.of(sign).iter()
}

/// What operators say: the kind, their labels, and a model server's metrics.
fn declared(signs: Signs<'_>, rows: &WorkSigns) -> Vec<Hint> {
    let mut hints = Vec::new();
    let (group, kind) = signs.kind;
    for row in rows_of(rows, Sign::Kind) {
        let (named, of_group) = row
            .text
            .split_once('.')
            .map_or((row.text.as_str(), None), |(kind, group)| (kind, Some(group)));
        let is_it = named == kind && of_group.is_none_or(|one| one == group);
        // What only fits a kind fits its shape: that of a service.
        let sort = match row.tells {
            Tells::Launches => LAUNCHES,
            _ if row.weight < LEAST => "shape",
            _ => "kind",
        };
        hints.extend(
            of(row.tells)
                .filter(|_| is_it)
                .map(|class| Hint::new(class, sort, row.weight, format!("its kind is {kind}"))),
        );
    }
    for row in rows_of(rows, Sign::Label) {
        let (label, value) = row
            .text
            .split_once('=')
            .map_or((row.text.as_str(), None), |(label, value)| (label, Some(value)));
        let is_it = signs
            .labels
            .get(label)
            .is_some_and(|found| value.is_none_or(|value| value == found));
        hints.extend(
            of(row.tells)
                .filter(|_| is_it)
                .map(|class| Hint::new(class, "label", row.weight, format!("its label {}", row.text))),
        );
    }
    if signs.pods.iter().any(|pod| !pod.server.is_empty()) {
        hints.push(Hint::new(
            Class::Inference,
            "metrics",
            0.97,
            "a model server's metrics come from it",
        ));
    }
    hints
}

/// What fits a service: ports, probes, replicas, an autoscaler; and what merely supports what was found already. None of it
/// speaks against a notebook, which has a port, too.
fn shaped(signs: Signs<'_>, on_gpus: &[&Container], lasts: Lasts, doing: Doing, hints: &mut Vec<Hint>) {
    let works = !matches!(doing, Doing::Held | Doing::Joins);
    let rows = signs.catalog.work();
    // A desktop's port is a person's, whatever else there is.
    let ports = words::ports(on_gpus, rows);
    hints.extend(
        ports
            .iter()
            .filter(|hint| hint.class == Class::Notebook && hint.weight >= 0.5)
            .cloned(),
    );
    let in_person = hints
        .iter()
        .any(|hint| hint.class == Class::Notebook && hint.weight >= 0.5);
    if !works || in_person || lasts != Lasts::GoesOn {
        hints.retain(|hint| hint.sort != "shape" || (works && !in_person));
    } else {
        if on_gpus.iter().any(|container| container.probed) {
            hints.push(Hint::new(
                Class::Inference,
                "probe",
                0.35,
                "the kubelet asks it over the network how it is",
            ));
        }
        if signs.autoscaled {
            hints.push(Hint::new(
                Class::Inference,
                "autoscaler",
                0.75,
                "an autoscaler stands on it",
            ));
        }
        // What trains may be kept by what keeps services: that says nothing against it.
        let trains = |hint: &Hint| hint.class == Class::Training && hint.weight >= 0.5 && SAID.contains(&hint.sort);
        let trains = hints.iter().any(trains);
        hints.retain(|hint| !trains || hint.sort != "shape");
        let replicated = signs
            .replicas
            .filter(|_| !trains)
            .filter(|count| *count > 1 && !matches!(signs.kind.1, "StatefulSet" | "DaemonSet"));
        hints.extend(
            replicated.map(|count| Hint::new(Class::Inference, "replicas", 0.3, format!("it has {count} replicas"))),
        );
        hints.extend(ports.into_iter().filter(|hint| hint.class == Class::Inference));
    }
    let support = words::support(on_gpus, signs.catalog.work());
    let supported: Vec<Hint> = support
        .into_iter()
        .filter(|one| hints.iter().any(|hint| hint.class == one.class))
        .collect();
    hints.extend(supported);
}

/// That it ends by itself fits training and batch alike: it speaks for the one of them that something else speaks for.
fn ends(hints: &mut Vec<Hint>, kind: &str) {
    let both = [Class::Training, Class::Batch];
    let best = hints
        .iter()
        .filter(|hint| both.contains(&hint.class))
        .max_by(|a, b| a.weight.total_cmp(&b.weight));
    let fits = best.map(|hint| {
        Hint::new(
            hint.class,
            "ends",
            0.25,
            format!("its kind is {kind}, which ends by itself"),
        )
    });
    let said = hints.iter().any(|hint| hint.sort == "kind");
    hints.extend(fits.filter(|_| !said));
}

/// What the hints for a class leave of doubt.
fn doubt(hints: &[Hint], class: Class) -> f64 {
    let mut strongest: Vec<(&str, f64)> = Vec::new();
    for hint in hints.iter().filter(|hint| hint.class == class) {
        match strongest.iter_mut().find(|(sort, _)| *sort == hint.sort) {
            Some((_, weight)) => *weight = weight.max(hint.weight),
            None => strongest.push((hint.sort, hint.weight)),
        }
    }
    strongest.into_iter().map(|(_, weight)| 1.0 - weight).product()
}

fn decide(mut hints: Vec<Hint>, signs: Signs<'_>, doing: Doing) -> Classified {
    hints.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.because.cmp(&b.because)));
    let classes = [Class::Training, Class::Inference, Class::Batch, Class::Notebook];
    let mut doubts = classes.map(|class| (doubt(&hints, class), class));
    doubts.sort_by(|a, b| a.0.total_cmp(&b.0));
    let [(least, class), (next, other), ..] = doubts;
    // Of each sort the strongest, which is the one that counted.
    let reasons = |class: Class| {
        let (mut sorts, mut because) = (Vec::new(), Vec::new());
        for hint in hints.iter().filter(|hint| hint.class == class) {
            if because.len() < 4 && !sorts.contains(&hint.sort) {
                sorts.push(hint.sort);
                because.push(hint.because.clone());
            }
        }
        because
    };
    if 1.0 - least < LEAST {
        let mut because = vec![says_nothing(signs, doing)];
        because.extend(
            reasons(class)
                .into_iter()
                .map(|reason| format!("too little by itself: {reason}")),
        );
        return unknown(because);
    }
    let only_fits = hints.iter().all(|hint| hint.class != class || FIT.contains(&hint.sort));
    let most = if only_fits { LIKELY } else { 1.0 };
    let confidence = (1.0 - least / next).min(most);
    if confidence < LEAST || 1.0 - next >= CONTRADICTS {
        let told = |class: Class| format!("{} by this: {}", called(class), reasons(class).join(", "));
        return unknown(vec![told(class), told(other)]);
    }
    let mut because = reasons(class);
    if 1.0 - next >= 0.3 {
        because.push(format!("against it: {}", reasons(other).join(", ")));
    }
    load::weighed(
        Classified {
            class,
            confidence,
            because,
        },
        signs,
    )
}

fn called(class: Class) -> &'static str {
    match class {
        Class::Training => "training",
        Class::Inference => "inference",
        Class::Batch => "batch",
        Class::Notebook => "a notebook",
        Class::Unknown => "unknown",
    }
}

fn says_nothing(signs: Signs<'_>, doing: Doing) -> String {
    let kind = signs.kind.1;
    match doing {
        Doing::Held => "it is held open, and nothing says for whom".to_owned(),
        Doing::Joins => "it does what others send it, and nothing says what".to_owned(),
        _ if kind == "Pod" => "a bare pod says nothing of its work".to_owned(),
        _ => format!("its kind is {kind}, which says nothing of its work"),
    }
}

fn unknown(because: Vec<String>) -> Classified {
    Classified {
        class: Class::Unknown,
        confidence: 0.0,
        because,
    }
}
