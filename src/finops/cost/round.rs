//! Rounding to cents such that what is printed adds up: the rows of each column to the column's total, the columns of each row to
//! the row's total, and all of it to the total of the exact figures.

use super::columns::Columns;
use super::group::CostRow;
use crate::model::amount::Amount;

/// Rows and their total, in whole cents. The total is the exact one, rounded; a cell is off by less than a cent.
pub(super) fn rounded(mut rows: Vec<CostRow>, mut total: CostRow) -> (Vec<CostRow>, CostRow) {
    let exact = total.columns.all();
    let whole = shared_out(total.columns.total().cents(), &exact);
    let mut cells = vec![[Amount::ZERO; Columns::COUNT]; rows.len()];
    for (at, sum) in whole.iter().enumerate() {
        let column: Vec<Amount> = rows.iter().map(|row| row.columns.all()[at]).collect();
        for (cell, cents) in cells.iter_mut().zip(shared_out(*sum, &column)) {
            cell[at] = Amount::from_cents(cents);
        }
    }
    for (row, cells) in rows.iter_mut().zip(cells) {
        row.columns = Columns::from_all(cells);
        row.total = row.columns.total();
    }
    total.columns = Columns::from_all(std::array::from_fn(|at| Amount::from_cents(whole[at])));
    total.total = total.columns.total();
    (rows, total)
}

/// Whole cents for each part, which together are `sum`: each is rounded down, and what is left goes to those that lost most.
fn shared_out(sum: i64, parts: &[Amount]) -> Vec<i64> {
    let floors: Vec<i64> = parts.iter().map(|part| part.floor_cents()).collect();
    let mut cents = floors.clone();
    let mut left = sum - floors.iter().sum::<i64>();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    let lost = |at: &usize| parts[*at] - Amount::from_cents(floors[*at]);
    order.sort_by(|a, b| lost(b).cmp(&lost(a)).then(a.cmp(b)));
    // Parts that are nothing stay nothing as long as there are others.
    let mut turns: Vec<usize> = order.iter().copied().filter(|at| !parts[*at].is_zero()).collect();
    if turns.is_empty() {
        turns = order;
    }
    for at in turns.iter().cycle().take(usize::try_from(left.max(0)).unwrap_or(0)) {
        cents[*at] += 1;
        left -= 1;
    }
    for at in turns
        .iter()
        .rev()
        .cycle()
        .take(usize::try_from((-left).max(0)).unwrap_or(0))
    {
        cents[*at] -= 1;
    }
    cents
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(values: &[f64]) -> Vec<Amount> {
        values.iter().map(|value| Amount::new(*value).unwrap()).collect()
    }

    #[test]
    fn thirds_of_a_cent_are_shared_out_and_lose_nothing() {
        let parts = amounts(&[0.33333, 0.33333, 0.33334]);
        assert_eq!(shared_out(100, &parts), [33, 33, 34]);
        let parts = amounts(&[10.004, 10.004, 10.004, 0.0]);
        assert_eq!(shared_out(3001, &parts), [1001, 1000, 1000, 0]);
        // Credits are rounded as costs are.
        let parts = amounts(&[-1.005, 2.005]);
        assert_eq!(shared_out(100, &parts).iter().sum::<i64>(), 100);
        assert_eq!(shared_out(0, &amounts(&[0.0, 0.0])), [0, 0]);
    }

    proptest::proptest! {
        #[test]
        fn parts_add_up_and_are_off_by_less_than_a_cent(values in proptest::collection::vec(-1e6f64..1e6, 1..40)) {
            let parts = amounts(&values);
            let exact: Amount = parts.iter().copied().sum();
            let cents = shared_out(exact.cents(), &parts);
            proptest::prop_assert_eq!(cents.iter().sum::<i64>(), exact.cents());
            for (part, cents) in parts.iter().zip(cents) {
                let off = (part.get() - cents as f64 / 100.0).abs();
                proptest::prop_assert!(off < 0.01 + 1e-6, "{} {}", part.get(), cents);
            }
        }
    }
}
