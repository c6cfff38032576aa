//! The decoder of Prometheus' answers says what serde_json's tree of the same bytes says, sample for sample and bit for bit,
//! in however odd pieces they come; and an answer that is cut is never whole.

#![no_main]

use std::collections::BTreeMap;
use std::io::Read;

use gpuwise::sources::prometheus::decode::{Remarks, SeriesRow, decode};
use gpuwise_fuzz::pieces::Pieces;
use gpuwise_fuzz::tree::Tree;
use libfuzzer_sys::fuzz_target;

/// Deeper trees, longer words: the decoder refuses what no server sends.
const DEPTH: usize = 60;
const WORD: usize = 90;

fuzz_target!(|data: &[u8]| {
    let Some((&seed, body)) = data.split_first() else {
        return;
    };
    let (rows, outcome) = decoded(body);
    let (same_rows, same_outcome) = decoded(Pieces::new(body, seed));
    assert_eq!(said(&outcome), said(&same_outcome), "in pieces it is another answer");
    assert!(alike(&rows, &same_rows), "{rows:?}\nin pieces\n{same_rows:?}");
    if let Some(tree) = Tree::parse(body).filter(|tree| is_plain(tree, body)) {
        let expected = answer(&tree);
        match (&outcome, &expected) {
            (Ok(remarks), Some((expected, known))) => {
                assert!(alike(&rows, expected), "{rows:?}\nwhere the tree has\n{expected:?}");
                assert_eq!(remarks, known);
            }
            (Err(_), None) => {}
            (outcome, expected) => panic!("{outcome:?}\nwhere the tree has\n{expected:?}"),
        }
    }
    if outcome.is_ok() {
        let whole = body.trim_ascii_end().len();
        for end in [whole - 1, usize::from(seed) % whole, whole * usize::from(seed) / 256] {
            assert!(decoded(&body[..end]).1.is_err(), "cut at {end} it passes for whole");
        }
    }
});

type Outcome = Result<Remarks, gpuwise::sources::prometheus::decode::DecodeError>;

fn decoded(body: impl Read) -> (Vec<SeriesRow>, Outcome) {
    let mut rows = Vec::new();
    let outcome = decode(body, |row| rows.push(row));
    (rows, outcome)
}

fn said(outcome: &Outcome) -> Result<Remarks, String> {
    outcome.as_ref().map(Remarks::clone).map_err(ToString::to_string)
}

/// The same, NaN equal to itself.
fn alike(some: &[SeriesRow], others: &[SeriesRow]) -> bool {
    let bits = |row: &SeriesRow| -> Vec<(u64, u64)> {
        row.samples
            .iter()
            .map(|(time, value)| (time.to_bits(), value.to_bits()))
            .collect()
    };
    some.len() == others.len()
        && some.iter().zip(others).all(|(one, other)| {
            one.labels == other.labels && one.has_histograms == other.has_histograms && bits(one) == bits(other)
        })
}

fn is_plain(tree: &Tree, body: &[u8]) -> bool {
    let in_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    !tree.has_doubles() && tree.depth() <= DEPTH && body.split(|byte| !in_word(byte)).all(|word| word.len() <= WORD)
}

/// What a tree says as an answer; `None` where it is none.
fn answer(tree: &Tree) -> Option<(Vec<SeriesRow>, Remarks)> {
    let (mut rows, mut remarks) = (None, Remarks::default());
    let mut status = None;
    for (name, value) in tree.members()? {
        match name.as_str() {
            "status" => status = maybe_text(value)?,
            "data" => rows = data(value)?,
            "errorType" | "error" => _ = maybe_text(value)?,
            "warnings" => remarks.warnings.extend(texts(value)?),
            "infos" => remarks.infos = texts(value)?,
            "isPartial" if *value == Tree::Bool(true) => {
                remarks.warnings.push("the answer is partial (isPartial)".to_owned());
            }
            _ => {}
        }
    }
    (status? == "success").then_some((rows?, remarks))
}

fn maybe_text(value: &Tree) -> Option<Option<&str>> {
    match value {
        Tree::Null => Some(None),
        other => Some(Some(other.text()?)),
    }
}

fn texts(value: &Tree) -> Option<Vec<String>> {
    if *value == Tree::Null {
        return Some(Vec::new());
    }
    value
        .items()?
        .iter()
        .map(|item| Some(item.text()?.to_owned()))
        .collect()
}

fn data(value: &Tree) -> Option<Option<Vec<SeriesRow>>> {
    match value {
        Tree::Null => Some(None),
        Tree::List(items) => {
            let row = |item: &Tree| {
                Some(SeriesRow {
                    labels: labels(item)?,
                    ..SeriesRow::default()
                })
            };
            Some(Some(items.iter().map(row).collect::<Option<_>>()?))
        }
        Tree::Map(members) => {
            let mut found = None;
            for (name, value) in members {
                match name.as_str() {
                    "resultType" if !matches!(value.text()?, "matrix" | "vector") => return None,
                    "result" => found = Some(value.items()?.iter().map(series).collect::<Option<_>>()?),
                    _ => {}
                }
            }
            Some(found)
        }
        _ => None,
    }
}

fn labels(value: &Tree) -> Option<BTreeMap<String, String>> {
    let members = value.members()?.iter();
    members
        .map(|(name, value)| Some((name.clone(), value.text()?.to_owned())))
        .collect()
}

fn series(value: &Tree) -> Option<SeriesRow> {
    let mut row = SeriesRow::default();
    value.get("metric")?;
    for (name, value) in value.members()? {
        match name.as_str() {
            "metric" => row.labels = labels(value)?,
            "values" => {
                let samples = value.items()?.iter().map(sample).collect::<Option<Vec<_>>>()?;
                row.samples.extend(samples);
            }
            "value" => row.samples.push(sample(value)?),
            "histogram" | "histograms" => row.has_histograms = true,
            _ => {}
        }
    }
    Some(row)
}

fn sample(value: &Tree) -> Option<(f64, f64)> {
    match value.items()? {
        [Tree::Number(time), Tree::Text(value)] => Some((*time, value.parse().ok()?)),
        _ => None,
    }
}
