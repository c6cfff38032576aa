//! Laws of points whose truth is known.

use super::*;

fn points(of: impl IntoIterator<Item = (f64, f64)>) -> Vec<Point> {
    let point = |(batch, seconds)| Point {
        batch,
        seconds,
        weight: 1.0,
    };
    of.into_iter().map(point).collect()
}

#[test]
fn a_line_is_found_as_it_is() {
    let batches = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
    let law = Law::fit(&points(batches.map(|batch| (batch, 0.012 + 0.0004 * batch)))).unwrap();
    assert!((law.alone - 0.012).abs() < 1e-12 && (law.each - 0.0004).abs() < 1e-12);
    for batch in [1.0, 3.0, 20.0, 32.0, 50.0, 64.0] {
        assert!((law.seconds(batch) - (0.012 + 0.0004 * batch)).abs() < 1e-12, "{batch}");
    }
    assert_eq!((law.seen(), law.most()), (32.0, 64.0));
}

#[test]
fn a_larger_batch_is_never_quicker() {
    let law = Law::fit(&points([
        (1.0, 0.020),
        (2.0, 0.018),
        (4.0, 0.022),
        (8.0, 0.021),
        (16.0, 0.03),
    ]))
    .unwrap();
    let all: Vec<f64> = (1..=40).map(|batch| law.seconds(f64::from(batch))).collect();
    assert!(all.windows(2).all(|pair| pair[0] <= pair[1]), "{all:?}");
    assert!((law.seconds(1.0) - 0.019).abs() < 1e-12, "the mean of those that fall");
}

#[test]
fn beyond_what_was_seen_the_steeper_slope_holds() {
    // It bends upwards: the last slope is three times that of the line before.
    let law = Law::fit(&points([(1.0, 0.010), (8.0, 0.017), (16.0, 0.041)])).unwrap();
    assert!(law.seconds(32.0) >= 0.041 + 16.0 * 0.003 - 1e-12);
    // It bends downwards: the line's slope is kept.
    let law = Law::fit(&points([(1.0, 0.010), (8.0, 0.030), (16.0, 0.031)])).unwrap();
    assert!(law.seconds(32.0) > 0.031 + 16.0 * 0.000125 + 1e-9);
}

#[test]
fn one_batch_tells_nothing_of_others() {
    assert_eq!(Law::fit(&points([(4.0, 0.02), (4.1, 0.021)])), None);
    assert_eq!(Law::fit(&points([(4.0, 0.02), (16.0, 0.02)])), None);
    assert_eq!(Law::fit(&points([(4.0, f64::NAN), (16.0, 0.02)])), None);
    assert_eq!(Law::fit(&[]), None);
}

#[test]
fn of_one_batch_a_doubling_is_thought_dear() {
    let law = Law::of_one_batch(&points([(1.0, 0.020), (1.05, 0.021)]), 1.75).unwrap();
    let at = law.seen();
    assert!((law.seconds(at) - 0.0205).abs() < 1e-9);
    assert!((law.seconds(2.0 * at) / law.seconds(at) - 1.75).abs() < 1e-9);
    assert_eq!(Law::of_one_batch(&[], 1.75), None);
}
