//! Commitments as the owner tells them: what is paid for until a day, used or not. Every mistake is kept, with its place.

use super::located::{Located, Mistake};
use super::price_sheet::{Priced, date, subject};
use super::section::Section;
use crate::catalog::Catalog;
use crate::model::commitment::{Commitment, CommitmentKind, Covers};
use crate::model::units::{Hourly, Money};

/// Reads the list `prices.commitments`.
pub(super) fn read(section: &mut Section<'_>, catalog: &Catalog, mistakes: &mut Vec<Mistake>) -> Vec<Commitment> {
    let mut held: Vec<(Commitment, &Located)> = Vec::new();
    for node in section.list("commitments", mistakes) {
        let Some(row) = row(node, catalog, mistakes) else {
            continue;
        };
        if let Some((_, earlier)) = held.iter().find(|(other, _)| other.name == row.name) {
            let what = format!(
                "a commitment of this name stands at {}; give each its own",
                earlier.place
            );
            mistakes.push(Mistake {
                place: node.place.clone(),
                what,
            });
        }
        held.push((row, node));
    }
    held.into_iter().map(|(row, _)| row).collect()
}

fn row(node: &Located, catalog: &Catalog, mistakes: &mut Vec<Mistake>) -> Option<Commitment> {
    let before = mistakes.len();
    let place = &node.place;
    let mut section = Section::open("prices.commitments", node, mistakes);
    let (name, _) = section.text("name", mistakes);
    let kind = kind(&mut section, mistakes);
    let instance = section.optional_text("instance_type", mistakes);
    let gpu = section.optional_text("gpu", mistakes);
    let region = section.optional_text("region", mistakes).map(|(region, _)| region);
    let nodes = section.optional_number("nodes", 1.0, 1e6, mistakes);
    let hourly = section.optional_number("hourly", 0.0, 1e6, mistakes);
    let amount = section.optional_number("amount", 0.0, 1e12, mistakes);
    let from = date(section.optional_text("from", mistakes), mistakes);
    let (until, until_place) = section.text("until", mistakes);
    section.finish(mistakes);
    let until = date(
        Some((until, until_place)).filter(|(text, _)| !text.is_empty()),
        mistakes,
    );
    let mut wrong = |what: &str| {
        mistakes.push(Mistake {
            place: place.clone(),
            what: what.to_owned(),
        });
    };
    if nodes.is_none() && kind.is_some_and(|kind| kind != CommitmentKind::Credits) {
        wrong("a commitment needs `nodes`: how many it covers; only credits cover all");
    }
    if nodes.is_some_and(|nodes| nodes.fract() > 0.0) {
        wrong("`nodes` must be a whole number");
    }
    if from.zip(until).is_some_and(|(from, until)| until <= from) {
        wrong("`until` must lie after `from`; it is the first day on which it is in force no more");
    }
    if amount.is_some() && kind.is_some_and(|kind| kind != CommitmentKind::Credits) {
        wrong("only credits have an `amount`; what others cost is `hourly`");
    } else if amount.is_some() && from.is_none() {
        wrong("an `amount` needs `from`: the day on which that was left");
    }
    let covers = subject(instance, gpu, "a commitment covers", place, catalog, mistakes)?;
    (mistakes.len() == before).then_some(Commitment {
        name,
        kind: kind?,
        covers: match covers {
            Priced::Node(name) => Covers::InstanceType(name),
            Priced::Gpu(model) => Covers::Gpu(model),
        },
        region,
        nodes: nodes.map(|nodes| nodes as u32),
        hourly: hourly.map(Hourly::new),
        amount: amount.map(Money::new),
        from,
        until: until?,
        place: format!("{}:{}", place.file, place.line),
    })
}

fn kind(section: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Option<CommitmentKind> {
    let (name, place) = section.text("kind", mistakes);
    let kind = CommitmentKind::ALL.into_iter().find(|kind| kind.name() == name);
    if kind.is_none() && !name.is_empty() {
        let known = CommitmentKind::ALL.map(CommitmentKind::name).join(", ");
        let what = format!("`{name}` is no kind of commitment; give one of {known}");
        mistakes.push(Mistake { place, what });
    }
    kind
}

#[cfg(test)]
mod tests {
    use super::super::{Mistakes, Policy, layered};
    use super::*;

    fn read_of(rows: &str) -> Result<Vec<Commitment>, String> {
        let text = format!("prices:\n  commitments:\n{rows}");
        let root = layered(&[("mine.yaml".to_owned(), text)], &[]).map_err(|Mistakes(all)| all[0].to_string())?;
        let mut mistakes = Vec::new();
        let mut section = Section::open("", &root, &mut mistakes);
        let policy = Policy::read(&mut section, &Catalog::shipped().unwrap(), &mut mistakes);
        match mistakes.is_empty() {
            true => Ok(policy.objectives.prices.commitments),
            false => Err(mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
        }
    }

    #[test]
    fn a_savings_plan_is_read_with_its_term() {
        let held = read_of(
            "    - {name: p5 plan, kind: savings-plan, instance_type: p5.48xlarge, nodes: 4, hourly: 30.27, until: 2027-06-16}\n\
             \x20   - {name: start-up credits, kind: credits, gpu: L4, until: 2027-01-01}\n",
        )
        .unwrap();
        assert_eq!((held[0].nodes, held[0].hourly), (Some(4), Some(Hourly::new(30.27))));
        assert_eq!(
            (held[0].until_day().as_str(), held[0].place.as_str()),
            ("2027-06-16", "mine.yaml:3")
        );
        assert!(held[0].holds("2027-06-15T23:59:59Z".parse().unwrap()));
        assert!(!held[0].holds("2027-06-16T00:00:00Z".parse().unwrap()));
        assert_eq!((held[1].nodes, held[1].hourly, held[1].amount), (None, None, None));
        let rest =
            read_of("    - {name: c, kind: credits, gpu: L4, amount: 25000.5, from: 2026-11-01, until: 2027-01-01}\n");
        assert_eq!(rest.unwrap()[0].amount, Some(Money::new(25_000.5)));
    }

    #[test]
    fn what_contradicts_itself_is_told() {
        let told = read_of(
            "    - {name: a, kind: saving-plan, instance_type: p5.48xlarge, nodes: 4, until: 2027-06-16}\n\
             \x20   - {name: b, kind: savings-plan, instance_type: p5.48xlarge, until: 2027-06-16}\n\
             \x20   - {name: c, kind: credits, instance_type: p5.48xlarge, gpu: L4, until: 2027-06-16}\n\
             \x20   - {name: d, kind: capacity-block, gpu: L4, nodes: 1.5, from: 2027-06-16, until: 2027-06-16}\n\
             \x20   - {name: e, kind: committed-use, gpu: L4, nodes: 1}\n\
             \x20   - {name: f, kind: credits, gpu: L4, amount: 5, until: 2027-06-16}\n\
             \x20   - {name: g, kind: credits, gpu: L4, amount: -5, from: 2026-01-01, until: 2027-06-16}\n\
             \x20   - {name: h, kind: savings-plan, gpu: L4, nodes: 1, amount: 5, from: 2026-01-01, until: 2027-06-16}\n",
        )
        .unwrap_err();
        for expected in [
            "mine.yaml:3:23: `saving-plan` is no kind of commitment",
            "mine.yaml:4:7: a commitment needs `nodes`",
            "mine.yaml:5:7: a commitment covers an `instance_type`",
            "mine.yaml:6:7: `nodes` must be a whole number",
            "mine.yaml:6:7: `until` must lie after `from`",
            "mine.yaml:7:7: `prices.commitments.until` is missing",
            "mine.yaml:8:7: an `amount` needs `from`: the day on which that was left",
            "mine.yaml:9:49: `prices.commitments.amount` is -5; it must be from 0",
            "mine.yaml:10:7: only credits have an `amount`",
        ] {
            assert!(
                told.lines().any(|line| line.starts_with(expected)),
                "{expected}\nnot in\n{told}"
            );
        }
        let twice = "    - {name: a, kind: credits, gpu: L4, until: 2027-06-16}\n";
        assert!(
            read_of(&twice.repeat(2))
                .unwrap_err()
                .contains("a commitment of this name stands at mine.yaml:3")
        );
    }
}
