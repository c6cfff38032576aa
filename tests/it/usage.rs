//! Properties of measured history that every verdict leans on.

use gpuwise::model::usage::{Column, quantile};
use proptest::prelude::*;

/// What a scrape may bring: values, gaps and the numbers that are none.
fn samples() -> impl Strategy<Value = Vec<Option<f64>>> {
    let sample = prop_oneof![
        4 => (0.0..100_000.0_f64).prop_map(Some),
        1 => Just(None),
        1 => Just(Some(f64::NAN)),
        1 => Just(Some(f64::INFINITY)),
    ];
    prop::collection::vec(sample, 0..200)
}

proptest! {
    #[test]
    fn a_column_reports_only_what_was_measured(samples in samples()) {
        let column = Column::from_options(samples.iter().copied());
        let finite: Vec<f64> = samples.iter().flatten().copied().filter(|v| v.is_finite()).collect();
        prop_assert_eq!(column.len(), samples.len());
        prop_assert_eq!(column.count(), finite.len());
        prop_assert_eq!(column.max(), finite.iter().copied().reduce(f64::max));
        prop_assert_eq!(column.mean().is_none(), finite.is_empty());
    }

    #[test]
    fn a_quantile_is_measured_and_covers_its_share(samples in samples(), q in 0.0..=1.0_f64) {
        let finite: Vec<f64> = samples.iter().flatten().copied().filter(|v| v.is_finite()).collect();
        match quantile(finite.clone(), q) {
            None => prop_assert!(finite.is_empty()),
            Some(value) => {
                prop_assert!(finite.contains(&value));
                let covered = finite.iter().filter(|v| **v <= value).count() as f64;
                prop_assert!(covered >= q * finite.len() as f64);
            }
        }
    }

    #[test]
    fn merging_never_loses_a_peak(pairs in prop::collection::vec((samples(), samples()), 1)) {
        let (mine, theirs) = &pairs[0];
        let points = mine.len().min(theirs.len());
        let theirs = Column::from_options(theirs[..points].iter().copied());
        let before = Column::from_options(mine[..points].iter().copied());
        let mut merged = before.clone();
        merged.merge_max(&theirs);
        for index in 0..points {
            let expected = before.get(index).into_iter().chain(theirs.get(index)).reduce(f64::max);
            prop_assert_eq!(merged.get(index), expected);
        }
    }
}
