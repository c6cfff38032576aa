//! What money goes for, beside the usual shares of a platform for language models.

use crate::model::finops::CompositionRow;
use crate::model::snapshot::ByCategory;
use crate::model::units::Monthly;

/// Usual shares of spend, by category: an assumption of the field's round figures and not a measurement.
pub const USUAL: [(&str, f64); 4] = [("gpu", 0.65), ("storage", 0.20), ("network", 0.10), ("other", 0.05)];

/// A share that differs from the usual one by so much of all spend stands out.
const POINTS: f64 = 0.15;

/// So does one that differs by so much and by a factor of two: twice of little is little.
const POINTS_OF_DOUBLE: f64 = 0.10;

/// Spend by category, in the order of [`USUAL`]. Shares are of what is known; a category of which nobody told has none, and as long
/// as one is unknown nothing is said to stand out by being large.
pub fn composition(spend: &ByCategory) -> Vec<CompositionRow> {
    let amounts = [Some(spend.gpu), spend.storage, spend.network, spend.other];
    let known: f64 = amounts.iter().flatten().map(|amount| amount.get()).sum();
    let complete = amounts.iter().all(Option::is_some);
    let row = |((category, usual), monthly): ((&str, f64), Option<Monthly>)| {
        let share = monthly.filter(|_| known > 0.0).map(|amount| amount.get() / known);
        CompositionRow {
            category: category.to_owned(),
            monthly,
            share,
            usual_share: usual,
            stands_out: share
                .filter(|_| complete)
                .and_then(|share| stands_out(category, share, usual)),
        }
    };
    USUAL.into_iter().zip(amounts).map(row).collect()
}

fn stands_out(category: &str, share: f64, usual: f64) -> Option<String> {
    let off = (share - usual).abs();
    let double = share >= 2.0 * usual || 2.0 * share <= usual;
    if off < POINTS_OF_DOUBLE || (off < POINTS && !double) {
        return None;
    }
    let takes = match category {
        "gpu" => "GPUs take",
        "storage" => "storage takes",
        "network" => "the network takes",
        _ => "all else takes",
    };
    let how = if share > usual { "more" } else { "less" };
    let percent = |share: f64| match share {
        share if share > 0.0 && share < 0.01 => "under 1 %".to_owned(),
        share if share < 1.0 && share > 0.99 => "over 99 %".to_owned(),
        share => format!("{:.0} %", share * 100.0),
    };
    Some(format!(
        "{takes} {}, {how} than the usual {}",
        percent(share),
        percent(usual)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spend(amounts: [f64; 4]) -> ByCategory {
        let some = |amount| Some(Monthly::new(amount));
        ByCategory {
            gpu: Monthly::new(amounts[0]),
            storage: some(amounts[1]),
            network: some(amounts[2]),
            other: some(amounts[3]),
        }
    }

    fn outstanding(spend: &ByCategory) -> Vec<String> {
        composition(spend)
            .into_iter()
            .filter_map(|row| row.stands_out)
            .collect()
    }

    #[test]
    fn the_usual_composition_has_nothing_outstanding() {
        assert!(outstanding(&spend([65.0, 20.0, 10.0, 5.0])).is_empty());
        assert!(outstanding(&spend([72.0, 15.0, 9.0, 4.0])).is_empty());
    }

    #[test]
    fn what_is_far_from_usual_stands_out() {
        let said = outstanding(&spend([40.0, 50.0, 6.0, 4.0]));
        assert_eq!(
            said,
            [
                "GPUs take 40 %, less than the usual 65 %",
                "storage takes 50 %, more than the usual 20 %"
            ]
        );
        let said = outstanding(&spend([97.0, 1.0, 1.0, 1.0]));
        assert_eq!(said.len(), 2, "{said:?}");
    }

    #[test]
    fn what_nobody_told_has_no_share_and_makes_nothing_large() {
        let mut partly = spend([97.0, 1.0, 1.0, 1.0]);
        partly.storage = None;
        let rows = composition(&partly);
        assert_eq!((rows[1].monthly, rows[1].share), (None, None));
        assert!(rows.iter().all(|row| row.stands_out.is_none()));
    }
}
