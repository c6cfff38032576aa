//! Words in names: of the workload, what it runs, its image, its ports and its volumes.

use super::run::matches;
use super::{Class, Hint, Lasts, Signs, of, rows_of};
use crate::catalog::work::{Sign, Tells, WorkSign, WorkSigns};
use crate::model::cluster::Container;

/// Last part of the keys of labels by which people say what a workload is.
const TELLING: [&str; 14] = [
    "workload",
    "workload-type",
    "workload-class",
    "workload-kind",
    "type",
    "purpose",
    "task",
    "component",
    "role",
    "job-type",
    "stage",
    "use-case",
    "class",
    "kind",
];

/// How much less a workload's or an image's name says than that of what it runs.
const BY_NAME: f64 = 0.75;

/// The same of a container's name, which is copied from one manifest to the next.
const BY_CONTAINER: f64 = 0.65;

/// The words of a name: parted by whatever is no letter or digit, and where a capital follows a small letter.
pub(super) fn split(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for letter in name.chars() {
        let begins = before.is_ascii_lowercase() && letter.is_ascii_uppercase();
        if begins || !letter.is_alphanumeric() {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What the words of a name say of what lasts so: class, weight and word.
pub(super) fn in_name<'r>(name: &str, lasts: Lasts, rows: &'r WorkSigns) -> Vec<(Class, f64, &'r str)> {
    let words = split(name);
    // `fine-tune`, `pre-training` and their like are one word in two.
    let pairs: Vec<String> = words.windows(2).map(|pair| pair.concat()).collect();
    let at = |text: &String| {
        let of = |list: &[String]| list.iter().position(|word| word == text);
        of(&words).into_iter().chain(of(&pairs)).min()
    };
    let found: Vec<(usize, &WorkSign)> = rows_of(rows, Sign::Word)
        .filter_map(|row| Some((at(&row.text)?, row)))
        .collect();
    let trains = found.iter().filter(|(_, row)| row.tells == Tells::Training);
    let trains = trains.map(|(at, _)| *at).min();
    // Of what is done the first word speaks: `train_eval` trains, `prepare_training` prepares. What is asked of a model
    // says which one is trained.
    let is_beside = |at: usize, row: &WorkSign| match row.tells {
        Tells::Unattended | Tells::Requests => trains.is_some(),
        Tells::Batch => trains.is_some_and(|trains| trains < at),
        _ => false,
    };
    let told = found.into_iter().filter(|(at, row)| !is_beside(*at, row));
    told.filter_map(|(_, row)| said(row, lasts)).collect()
}

fn said(row: &WorkSign, lasts: Lasts) -> Option<(Class, f64, &str)> {
    let (class, fits) = match (row.tells, lasts) {
        (Tells::Training, Lasts::GoesOn) => (Class::Training, 0.75),
        (Tells::Batch | Tells::Unattended, Lasts::GoesOn) => (Class::Batch, 0.4),
        (Tells::Model, Lasts::GoesOn) => (Class::Inference, 1.0),
        (Tells::Model, Lasts::Unsaid) => (Class::Inference, 0.4),
        (Tells::Requests, Lasts::Ends) => (Class::Batch, 1.0),
        (Tells::Requests, Lasts::GoesOn) => (Class::Inference, 1.0),
        (Tells::Inference, Lasts::Ends) => (Class::Inference, 0.4),
        (Tells::Inference, Lasts::Unsaid) => (Class::Inference, 0.8),
        (tells, _) => (of(tells)?, 1.0),
    };
    Some((class, row.weight * fits, row.text.as_str()))
}

/// What a name says of what bears it; nothing where it speaks of something beside it: `training-dashboard`.
fn of_itself<'r>(name: &str, lasts: Lasts, rows: &'r WorkSigns) -> Vec<(Class, f64, &'r str)> {
    let words = split(name);
    if rows_of(rows, Sign::Helper).any(|row| words.contains(&row.text)) {
        return Vec::new();
    }
    in_name(name, lasts, rows)
}

/// Keys of labels that hold a name.
const NAMES: [&str; 3] = ["app", "k8s-app", "app.kubernetes.io/name"];

/// What its names say, that of a kind which no other row knows, and the values of labels by which people say what it is.
pub(super) fn named(signs: Signs<'_>, containers: &[&Container], lasts: Lasts, rows: &WorkSigns) -> Vec<Hint> {
    let mut hints = Vec::new();
    let own = std::iter::once((signs.name, "its name", BY_NAME));
    let labelled = NAMES.iter().filter_map(|key| signs.labels.get(*key));
    let labelled = labelled.map(|name| (name.as_str(), "the name in its labels", BY_NAME));
    let contained = containers
        .iter()
        .map(|one| (one.name.as_str(), "its container's name", BY_CONTAINER));
    for (name, whose, trusted) in own.chain(labelled).chain(contained) {
        for (class, weight, word) in of_itself(name, lasts, rows) {
            let because = format!("`{word}` in {whose}");
            hints.push(Hint::new(class, "name", weight * trusted, because));
        }
    }
    if lasts != Lasts::GoesOn {
        let kind = signs.kind.1;
        for (class, weight, word) in of_itself(kind, lasts, rows) {
            hints.push(Hint::new(
                class,
                "kind word",
                weight,
                format!("`{word}` in its kind, {kind}"),
            ));
        }
    }
    for (label, value) in signs.labels {
        let key = label.rsplit('/').next().unwrap_or(label);
        if !TELLING.contains(&key) {
            continue;
        }
        for (class, weight, _) in of_itself(value, lasts, rows) {
            let weight = (weight * 1.1).min(0.8);
            hints.push(Hint::new(
                class,
                "label by hand",
                weight,
                format!("its label {label}={value}"),
            ));
        }
    }
    hints
}

/// What says that a container which is held open is so for a person.
pub(super) fn of_a_person(signs: Signs<'_>, rows: &WorkSigns) -> Vec<Hint> {
    let mut hints = Vec::new();
    if signs.kind.1 == "Pod" {
        hints.push(Hint::new(
            Class::Notebook,
            "held",
            0.3,
            "a bare pod that is held open, as for a shell",
        ));
    }
    let mut texts = vec![signs.name.to_owned()];
    texts.extend(signs.containers.iter().map(|container| container.name.clone()));
    for row in rows_of(rows, Sign::Word).filter(|row| matches!(row.tells, Tells::Person | Tells::Notebook)) {
        if texts.iter().any(|text| split(text).contains(&row.text)) {
            let because = format!("`{}` in its name, and it is held open", row.text);
            hints.push(Hint::new(Class::Notebook, "name", row.weight, because));
        }
    }
    hints
}

/// What ports say.
pub(super) fn ports(containers: &[&Container], rows: &WorkSigns) -> Vec<Hint> {
    let mut hints = Vec::new();
    for port in containers.iter().flat_map(|container| &container.ports) {
        let names = split(&port.name);
        let by_name: Vec<&WorkSign> = rows_of(rows, Sign::PortName)
            .filter(|row| names.contains(&row.text))
            .collect();
        // A port for metrics is open wherever anything is measured.
        if by_name.iter().any(|row| row.tells == Tells::Helper) {
            continue;
        }
        for row in by_name {
            let because = format!("its port {} is named `{}`", port.number, port.name);
            hints.extend(of(row.tells).map(|class| Hint::new(class, "port", row.weight, because)));
        }
        let number = port.number.to_string();
        let known = rows_of(rows, Sign::Port).find(|row| row.text == number);
        let any = || rows_of(rows, Sign::Port).find(|row| row.text == "*");
        if let Some((row, class)) = known.or_else(any).and_then(|row| Some((row, of(row.tells)?))) {
            hints.push(Hint::new(
                class,
                "port",
                row.weight,
                format!("it listens on port {number}"),
            ));
        }
    }
    hints
}

/// What supports other signs and says too little alone: volumes, variables, ports.
pub(super) fn support(containers: &[&Container], rows: &WorkSigns) -> Vec<Hint> {
    let mut hints: Vec<Hint> = ports(containers, rows);
    hints.retain(|hint| hint.class != Class::Inference);
    for mount in containers.iter().flat_map(|container| &container.mounts) {
        let mut words = split(&mount.path);
        words.extend(mount.claim.as_deref().map(split).unwrap_or_default());
        for row in rows_of(rows, Sign::Mount).filter(|row| words.contains(&row.text)) {
            let because = format!("a volume at `{}`", mount.path);
            hints.extend(of(row.tells).map(|class| Hint::new(class, "volume", row.weight, because)));
        }
    }
    for name in containers.iter().flat_map(|container| container.env.keys()) {
        for row in rows_of(rows, Sign::Variable).filter(|row| matches(&row.text, name)) {
            let because = format!("its variable {name}");
            hints.extend(of(row.tells).map(|class| Hint::new(class, "variable", row.weight, because)));
        }
    }
    hints
}
