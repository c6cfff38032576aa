//! Policies and price sheets: every mistake has a place in its file, what passes is within its bounds, and a file laid over
//! itself says the same.

#![no_main]

use std::sync::LazyLock;

use gpuwise::catalog::Catalog;
use gpuwise::policy::located::Mistake;
use gpuwise::policy::section::Section;
use gpuwise::policy::{DEFAULT, DEFAULT_NAME, Mistakes, Policy, layered};
use gpuwise::recommenders::all;
use libfuzzer_sys::fuzz_target;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::shipped().expect("the catalogue"));

type File = (String, String);

// A policy up to the first form feed, a price sheet behind it.
fuzz_target!(|text: &str| {
    let (policy, sheet) = text.split_once('\u{c}').unwrap_or((text, ""));
    let file = |name: &str, text: &str| -> File { (name.to_owned(), text.to_owned()) };
    let policies = [file("mine.yaml", policy)];
    let sheets = [file("prices.yaml", sheet)];
    let read = read(&policies, &sheets);
    match &read {
        Err(mistakes) => {
            assert!(!mistakes.is_empty(), "refused without a word");
            for mistake in mistakes {
                has_place(mistake, &[&policies[0], &sheets[0], &file(DEFAULT_NAME, DEFAULT)]);
            }
        }
        Ok(policy) => {
            assert!((0.0..=1e9).contains(&policy.permissions.least_monthly.get()));
            let prices = &policy.objectives.prices;
            assert!(prices.currency.len() == 3, "{prices:?}");
            for row in &prices.rows {
                assert!((1e-4..=1e6).contains(&row.hourly.get()), "{row:?}");
                assert!(
                    row.from.zip(row.until).is_none_or(|(from, until)| from < until),
                    "{row:?}"
                );
            }
        }
    }
    let doubled = [policies[0].clone(), policies[0].clone()];
    assert_eq!(layered(&doubled, &sheets), layered(&policies, &sheets).map_err(twice));
});

/// A file that is no YAML is told of as often as it is given.
fn twice(Mistakes(mistakes): Mistakes) -> Mistakes {
    let mine = mistakes.iter().filter(|mistake| mistake.place.file == "mine.yaml");
    Mistakes(mine.chain(&mistakes).cloned().collect())
}

fn read(policies: &[File], sheets: &[File]) -> Result<Policy, Vec<Mistake>> {
    let root = layered(policies, sheets).map_err(|Mistakes(mistakes)| mistakes)?;
    let mut mistakes = Vec::new();
    let mut section = Section::open("", &root, &mut mistakes);
    let policy = Policy::read(&mut section, &CATALOG, &mut mistakes);
    let mut levers = section.section("levers", &mut mistakes);
    all(&mut levers, &mut mistakes);
    levers.finish(&mut mistakes);
    section.finish(&mut mistakes);
    if mistakes.is_empty() { Ok(policy) } else { Err(mistakes) }
}

fn has_place(mistake: &Mistake, files: &[&File]) {
    let place = &mistake.place;
    let file = files.iter().find(|(name, _)| *name == place.file);
    let (_, text) = file.unwrap_or_else(|| panic!("{mistake} is in none of the files"));
    // One line may begin behind the last break, and YAML has breaks of its own.
    let breaks = text
        .chars()
        .filter(|c| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}'))
        .count() as u64;
    assert!((1..=breaks + 2).contains(&place.line), "{mistake} of {breaks} lines");
    assert!(
        place.column >= 1 && place.column <= text.chars().count() as u64 + 2,
        "{mistake}"
    );
    assert!(!mistake.what.is_empty() && !mistake.what.contains('\n'), "{mistake}");
}
