//! Quantiles against the observations behind them.

use proptest::prelude::*;

use super::*;

const BOUNDS: [f64; 6] = [0.01, 0.1, 0.5, 1.0, 5.0, f64::INFINITY];

fn counted(observed: &[f64], bounds: &[f64]) -> Buckets {
    let up_to = |bound: f64| observed.iter().filter(|value| **value <= bound).count() as f64;
    let rows = bounds.iter().map(|bound| (*bound, up_to(*bound)));
    Buckets::new(rows, Some(observed.iter().sum())).unwrap()
}

#[test]
fn a_quantile_is_interpolated_as_prometheus_does() {
    // histogram_quantile(0.9, ...) of 10 up to 1, 20 up to 2 and 4 above: rank 30.6 lies in the last bucket.
    let rows = |inf| [(1.0, 100.0), (2.0, 200.0), (f64::INFINITY, inf)];
    let buckets = Buckets::new(rows(200.0), None).unwrap();
    assert_eq!(buckets.quantile(0.25), Some(0.5));
    assert_eq!(buckets.quantile(0.75), Some(1.5));
    assert_eq!(buckets.mean(), None);
    let above = Buckets::new(rows(240.0), None).unwrap();
    assert_eq!((above.quantile(0.75), above.quantile(0.9)), (Some(1.8), None));
    // A first bound that is not above zero is no interval from zero.
    let zero = Buckets::new([(0.0, 100.0), (f64::INFINITY, 100.0)], None).unwrap();
    assert_eq!(zero.quantile(0.5), Some(0.0));
}

#[test]
fn a_quantile_of_too_few_is_not_told() {
    let few = counted(&[0.05; 99], &BOUNDS);
    assert!(few.quantile(0.5).is_some() && few.quantile(0.95).is_none() && few.quantile(0.99).is_none());
    let none = counted(&[], &BOUNDS);
    assert_eq!((none.quantile(0.5), none.mean(), none.is_empty()), (None, None, true));
}

#[test]
fn what_is_no_histogram_is_refused() {
    let inf = f64::INFINITY;
    let refused: [&[(f64, f64)]; 6] = [
        &[],
        &[(1.0, 5.0)],
        // Pods with other buckets were added up: fewer up to two seconds than up to one.
        &[(1.0, 5.0), (2.0, 3.0), (inf, 9.0)],
        &[(1.0, f64::NAN), (inf, 9.0)],
        &[(1.0, 5.0), (1.0, 5.0), (inf, 9.0)],
        &[(1.0, -1.0), (inf, 9.0)],
    ];
    for rows in refused {
        assert_eq!(Buckets::new(rows.iter().copied(), None), None, "{rows:?}");
    }
    // In any order, and with what a sum of floats leaves.
    let rows = [(inf, 9.0), (2.0, 5.0 - 1e-12), (1.0, 5.0)];
    assert_eq!(Buckets::new(rows, None).unwrap().counts, [5.0, 5.0, 9.0]);
}

#[test]
fn an_hour_that_is_not_known_is_not_one_without_requests() {
    let at = |second| jiff::Timestamp::from_second(second).unwrap();
    let window = super::super::time::Window {
        start: at(0),
        end: at(3 * 3_600),
    };
    let grid = Grid {
        window,
        step_seconds: 3_600,
    };
    let mut histogram = Histogram::unknown(grid);
    assert_eq!((histogram.known(), histogram.total()), (0, None));
    histogram.steps[1] = Some(counted(&[], &BOUNDS));
    assert_eq!((histogram.known(), histogram.total().unwrap().count()), (1, 0.0));
    histogram.steps[2] = Some(counted(&[0.2; 20], &BOUNDS));
    assert_eq!((histogram.known(), histogram.total().unwrap().count()), (2, 20.0));
}

/// The observation at nearest rank.
fn exact(observed: &[f64], q: f64) -> f64 {
    let mut sorted = observed.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((q * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len()) - 1]
}

fn bucket_of(value: f64) -> (f64, f64) {
    let at = BOUNDS.iter().position(|bound| value <= *bound).unwrap();
    (if at == 0 { 0.0 } else { BOUNDS[at - 1] }, BOUNDS[at])
}

proptest! {
    #[test]
    fn a_quantile_lies_in_the_bucket_of_the_observation_behind_it(
        observed in prop::collection::vec(0.001..8.0_f64, 20..400), q in 0.0..0.99_f64
    ) {
        let told = counted(&observed, &BOUNDS).quantile(q);
        let (lower, upper) = bucket_of(exact(&observed, q));
        match told {
            Some(told) => prop_assert!(lower - 1e-9 <= told && told <= upper + 1e-9, "{told} in {lower}..{upper}"),
            None => prop_assert!(upper.is_infinite() || observed.len() as f64 * (1.0 - q) < BEYOND),
        }
    }

    #[test]
    fn quantiles_rise(observed in prop::collection::vec(0.001..4.0_f64, 100..400), q in 0.0..0.9_f64, more in 0.0..0.05_f64) {
        let buckets = counted(&observed, &BOUNDS);
        prop_assert!(buckets.quantile(q) <= buckets.quantile(q + more));
    }

    #[test]
    fn parts_add_up_to_the_whole_on_the_bounds_that_both_have(
        one in prop::collection::vec(0.001..8.0_f64, 0..60),
        other in prop::collection::vec(0.001..8.0_f64, 0..60),
        keep in prop::collection::vec(any::<bool>(), 5),
    ) {
        let some: Vec<f64> = BOUNDS.iter().enumerate()
            .filter(|(at, _)| keep.get(*at).is_none_or(|keep| *keep)).map(|(_, bound)| *bound).collect();
        let all = [&one[..], &other[..]].concat();
        let mut sum = counted(&one, &BOUNDS);
        sum.add(&counted(&other, &some));
        let mut turned = counted(&other, &some);
        turned.add(&counted(&one, &BOUNDS));
        let whole = counted(&all, &some);
        prop_assert_eq!(&sum.counts, &whole.counts);
        prop_assert_eq!(&sum.bounds, &whole.bounds);
        prop_assert_eq!(&turned.counts, &whole.counts);
        prop_assert!((sum.sum.unwrap() - whole.sum.unwrap()).abs() < 1e-9);
    }
}
