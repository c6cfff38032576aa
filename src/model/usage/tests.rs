//! Columns and their quantiles.

use super::*;

#[test]
fn nan_is_a_gap_and_never_a_zero() {
    let column = Column::from_options([Some(f64::NAN), Some(2.0), None, Some(f64::INFINITY)]);
    assert_eq!(column.count(), 1);
    assert_eq!(column.get(0), None);
    assert_eq!(column.mean(), Some(2.0));
    assert_eq!(Column::gaps(3).max(), None);
}

#[test]
fn a_quantile_is_a_value_that_was_measured() {
    let values: Vec<f64> = (1..=100).map(f64::from).collect();
    assert_eq!(quantile(values.clone(), 0.99), Some(99.0));
    assert_eq!(quantile(values.clone(), 1.0), Some(100.0));
    assert_eq!(quantile(values, 0.0), Some(1.0));
    assert_eq!(quantile(vec![], 0.5), None);
}

#[test]
fn several_quantiles_are_those_that_each_would_be() {
    let values: Vec<f64> = (0..997_u32).map(|n| f64::from(n * 7919 % 997)).collect();
    for q in [[0.5, 0.95, 0.99], [0.99, 0.5, 0.95], [1.0, 1.0, 0.0]] {
        let each = q.map(|q| quantile(values.clone(), q).unwrap());
        assert_eq!(quantiles(&mut values.clone(), q), Some(each));
    }
}

#[test]
fn merging_keeps_the_larger_and_fills_gaps() {
    let mut mine = Column::from_options([Some(1.0), None, Some(5.0), None]);
    mine.merge_max(&Column::from_options([Some(3.0), Some(2.0), None, None]));
    assert_eq!(mine, Column::from_options([Some(3.0), Some(2.0), Some(5.0), None]));
}

#[test]
fn filling_leaves_what_is_there() {
    let mut mine = Column::from_options([Some(1.0), None, Some(5.0), None]);
    mine.fill(&Column::from_options([Some(3.0), Some(2.0), None, None]));
    assert_eq!(mine, Column::from_options([Some(1.0), Some(2.0), Some(5.0), None]));
    [1, 3, 9].into_iter().for_each(|index| mine.clear(index));
    assert_eq!(mine, Column::from_options([Some(1.0), None, Some(5.0), None]));
}

#[test]
fn the_order_in_which_values_come_leaves_no_trace() {
    let mut late_first = Column::gaps(10);
    late_first.set(7, 7.0);
    late_first.raise(3, 3.0);
    late_first.raise(3, 1.0);
    late_first.set(12, 12.0);
    let mut expected = [None; 10];
    expected[3] = Some(3.0);
    expected[7] = Some(7.0);
    assert_eq!(late_first, Column::from_options(expected));
    assert_eq!(
        (late_first.len(), late_first.get(9), late_first.get(0)),
        (10, None, None)
    );
}

#[test]
fn every_signal_has_its_own_name() {
    for signal in Signal::every() {
        assert_eq!(Signal::from_name(signal.name()), Some(signal));
        assert_eq!(serde_json::to_value(signal).unwrap(), signal.name());
    }
}
