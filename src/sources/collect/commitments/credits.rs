//! How long credits last: what was left of them, at what their nodes cost now.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{NodeFacts, own_nodes};
use crate::model::cluster::Inventory;
use crate::model::commitment::{Commitment, day};
use crate::model::gap::Gap;
use crate::model::snapshot::PricedGap;
use crate::model::units::{Hourly, Money};

/// What their nodes cost now.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Burn {
    hourly: Hourly,
    nodes: usize,
}

/// Credits until they are spent, where that comes before their term ends, and what there is to tell of them.
pub(super) fn lasting(
    all: &[&Commitment],
    facts: &BTreeMap<String, NodeFacts>,
    inventory: &Inventory,
    same_currency: bool,
    now: Timestamp,
) -> (Vec<Commitment>, Vec<PricedGap>) {
    let mut lasting: Vec<Commitment> = all.iter().map(|one| (*one).clone()).collect();
    let mut gaps = Vec::new();
    let mut order: Vec<usize> = (0..all.len()).collect();
    // What is lost first is spent first.
    order.sort_by_key(|at| (all[*at].until, *at));
    for (place, at) in order.iter().enumerate() {
        let one = all[*at];
        let same = |other: &&usize| all[**other].covers == one.covers && all[**other].region == one.region;
        let before = order[..place]
            .iter()
            .rev()
            .find(same)
            .map(|other| lasting[*other].until);
        let tells = one.holds(now);
        let (Some(amount), Some(from)) = (one.amount, one.from) else {
            if tells {
                gaps.push(unknown(one, "nobody wrote what is left of it"));
            }
            continue;
        };
        let burn = burn(one, facts, inventory).filter(|_| same_currency);
        let Some(burn) = burn else {
            if tells {
                gaps.push(unknown(one, "a node that it pays for has no price in its currency"));
            }
            continue;
        };
        let begins = before.map_or(from, |before| from.max(before));
        let spent = amount.hours_of(burn.hourly).and_then(|hours| after(begins, hours));
        let Some(spent) = spent.filter(|spent| *spent < one.until) else {
            continue;
        };
        lasting[*at].until = spent;
        if tells {
            gaps.push(runs_out(one, amount, burn, spent, now));
        }
    }
    (lasting, gaps)
}

fn after(begins: Timestamp, hours: f64) -> Option<Timestamp> {
    // What lasts for longer than a lifetime lasts beyond any term.
    let seconds = (hours < 876_000.0).then(|| (hours * 3600.0).round() as i64)?;
    begins.checked_add(SignedDuration::from_secs(seconds)).ok()
}

/// What the nodes that are there now cost an hour, as many as it covers; `None` where one has no price.
fn burn(one: &Commitment, facts: &BTreeMap<String, NodeFacts>, inventory: &Inventory) -> Option<Burn> {
    let own: Vec<&String> = own_nodes(one, facts, inventory).collect();
    let nodes = one.nodes.map_or(own.len(), |nodes| own.len().min(nodes as usize));
    let hourly = match one.hourly {
        Some(hourly) => hourly * nodes as f64,
        None => {
            let prices = own.iter().map(|name| facts.get(*name)?.price.hourly);
            let all: Hourly = prices.sum::<Option<Hourly>>()?;
            // Which of them it pays for nobody says.
            all * (nodes as f64 / own.len().max(1) as f64)
        }
    };
    Some(Burn { hourly, nodes })
}

fn unknown(one: &Commitment, why: &str) -> PricedGap {
    let (until, place) = (one.until_day(), &one.place);
    PricedGap {
        gap: Gap::new(
            "credits-amount-unknown",
            format!("how long {} lasts", one.name),
            format!("{why} ({place}), so that it is taken to pay for its nodes until its term ends on {until}"),
            FIX,
        ),
        monthly: None,
    }
}

const FIX: &str = "write what is left of it as `amount`, and the day on which that was left as `from`";

fn runs_out(one: &Commitment, amount: Money, burn: Burn, spent: Timestamp, now: Timestamp) -> PricedGap {
    let Burn { hourly, nodes } = burn;
    let spent_day = day(spent);
    let rate = format!(
        "at the {:.2} an hour that {nodes} of its nodes cost now, the {:.2} that were left on {} ({})",
        hourly.get(),
        amount.get(),
        one.from.map(day).unwrap_or_default(),
        one.place
    );
    let (code, what, why) = if spent <= now {
        (
            "credits-spent",
            format!("what {} covers", one.name),
            format!(
                "{rate} were spent by {spent_day}, so that its nodes are priced and judged as if nobody had committed to them"
            ),
        )
    } else {
        (
            "credits-run-out",
            format!("what {} covers from {spent_day} on", one.name),
            format!(
                "{rate} last until {spent_day}, and not to the end of its term on {}; until then nothing of its nodes leaves \
                 the bill, and what is not used makes it last longer",
                one.until_day()
            ),
        )
    };
    PricedGap {
        gap: Gap::new(code, what, why, FIX),
        monthly: Some(hourly.monthly()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LIST, node, three, window};
    use super::*;
    use crate::catalog::Catalog;
    use crate::model::commitment::{CommitmentKind, Covers};
    use crate::policy::price_book::PriceBook;
    use crate::policy::price_sheet::PriceSheet;
    use crate::sources::collect::commitments::{Cover, cover};
    use crate::sources::collect::nodes;

    fn at(text: &str) -> Timestamp {
        format!("{text}T00:00:00Z").parse().unwrap()
    }

    fn credits(name: &str, amount: Option<f64>, from: &str, until: &str) -> Commitment {
        Commitment {
            name: name.to_owned(),
            kind: CommitmentKind::Credits,
            covers: Covers::InstanceType("p5.48xlarge".to_owned()),
            region: None,
            nodes: None,
            hourly: None,
            amount: amount.map(Money::new),
            from: Some(at(from)),
            until: at(until),
            place: "policy.yaml:3".to_owned(),
        }
    }

    /// What three nodes that cost [`LIST`] an hour cost in these days.
    fn of_days(days: f64) -> Option<f64> {
        Some(3.0 * LIST * 24.0 * days)
    }

    /// The cover at the end of the window, the 16th of November 2026, over three nodes of the type and one of another.
    fn covered(currency: &str, commitments: Vec<Commitment>) -> Cover {
        let catalog = Catalog::shipped().unwrap();
        let sheet = PriceSheet {
            commitments,
            ..PriceSheet::default()
        };
        let mut all = three();
        all.push(node("z", "g6.xlarge", 1.0));
        let inventory = Inventory {
            nodes: all,
            ..Inventory::default()
        };
        let book = PriceBook::new(&catalog, &sheet, "USD", window());
        let mut facts = nodes::facts(&inventory, &catalog, &book, "2026-11-16");
        cover(&mut facts, &inventory, &sheet, currency, window())
    }

    fn codes(cover: &Cover) -> Vec<&str> {
        cover.gaps.iter().map(|gap| gap.gap.code.as_str()).collect()
    }

    fn until(cover: &Cover) -> Vec<String> {
        cover.held.iter().map(Commitment::until_day).collect()
    }

    #[test]
    fn credits_cover_until_they_are_spent_and_it_is_told_since_when_they_do_not() {
        // Left on the 6th, forty days of three nodes last until the 16th of December.
        let cover = covered("USD", vec![credits("c", of_days(40.0), "2026-11-06", "2027-06-16")]);
        assert_eq!(
            (codes(&cover), until(&cover)),
            (vec!["credits-run-out"], vec!["2026-12-16".to_owned()])
        );
        assert_eq!(cover.nodes.len(), 3);
        let gap = &cover.gaps[0];
        assert_eq!(gap.gap.what, "what c covers from 2026-12-16 on");
        assert_eq!(
            gap.gap.why,
            "at the 165.12 an hour that 3 of its nodes cost now, the 158515.20 that were left on 2026-11-06 (policy.yaml:3) last \
             until 2026-12-16, and not to the end of its term on 2027-06-16; until then nothing of its nodes leaves the bill, and \
             what is not used makes it last longer"
        );
        assert_eq!(gap.monthly, Some(Hourly::new(3.0 * LIST).monthly()));
        let words = cover.held[0].in_words();
        assert!(
            words.starts_with("credits pay for its nodes until 2026-12-16 (c), and what is not used"),
            "{words}"
        );
    }

    #[test]
    fn credits_that_last_through_their_term_end_with_it_and_nothing_is_told() {
        let long = covered("USD", vec![credits("c", of_days(1e6), "2026-11-06", "2027-06-16")]);
        assert_eq!((codes(&long), until(&long)), (vec![], vec!["2027-06-16".to_owned()]));
        // To the very day.
        let exact = covered("USD", vec![credits("c", of_days(40.0), "2026-11-06", "2026-12-16")]);
        assert_eq!((codes(&exact), until(&exact)), (vec![], vec!["2026-12-16".to_owned()]));
        // Nothing of its kind is here.
        let mut elsewhere = credits("c", of_days(1.0), "2026-11-06", "2027-06-16");
        elsewhere.covers = Covers::InstanceType("a3-highgpu-8g".to_owned());
        let elsewhere = covered("USD", vec![elsewhere]);
        assert_eq!(
            (codes(&elsewhere), until(&elsewhere)),
            (vec![], vec!["2027-06-16".to_owned()])
        );
    }

    #[test]
    fn spent_credits_cover_nothing() {
        let cover = covered("USD", vec![credits("c", of_days(9.0), "2026-11-06", "2027-06-16")]);
        assert_eq!((codes(&cover), cover.nodes.len()), (vec!["credits-spent"], 0));
        assert!(
            cover.gaps[0]
                .gap
                .why
                .contains("were spent by 2026-11-15, so that its nodes are priced and judged as if")
        );
    }

    #[test]
    fn without_an_amount_they_cover_until_their_term_ends_and_it_is_told_that_nobody_knows() {
        let cover = covered("USD", vec![credits("c", None, "2026-11-06", "2027-06-16")]);
        assert_eq!(
            (codes(&cover), until(&cover)),
            (vec!["credits-amount-unknown"], vec!["2027-06-16".to_owned()])
        );
        assert!(
            cover.gaps[0]
                .gap
                .why
                .starts_with("nobody wrote what is left of it (policy.yaml:3)")
        );
        // Nor does anybody know what they last for where prices are in another currency.
        let cover = covered("EUR", vec![credits("c", of_days(40.0), "2026-11-06", "2027-06-16")]);
        assert_eq!(
            (codes(&cover), until(&cover)),
            (vec!["credits-amount-unknown"], vec!["2027-06-16".to_owned()])
        );
        // Of credits that are over, or that nobody has yet, nothing is asked.
        let over = covered("USD", vec![credits("c", None, "2026-01-06", "2026-11-16")]);
        assert_eq!(codes(&over), ["commitment-ended"]);
        assert!(codes(&covered("USD", vec![credits("c", None, "2026-11-17", "2027-11-16")])).is_empty());
    }

    #[test]
    fn of_two_credits_the_one_that_ends_first_is_spent_first() {
        let cover = covered(
            "USD",
            vec![
                credits("late", of_days(20.0), "2026-11-06", "2027-06-16"),
                credits("early", of_days(20.0), "2026-11-06", "2026-12-31"),
            ],
        );
        assert_eq!(codes(&cover), ["credits-run-out", "credits-run-out"]);
        assert_eq!(cover.gaps[0].gap.what, "what early covers from 2026-11-26 on");
        assert_eq!(cover.gaps[1].gap.what, "what late covers from 2026-12-16 on");
        assert_eq!(until(&cover), ["2026-12-16"]);
    }

    #[test]
    fn credits_for_some_nodes_or_at_a_price_of_their_own_last_as_long_as_that_takes() {
        let some = Commitment {
            nodes: Some(1),
            ..credits("c", of_days(10.0), "2026-11-06", "2027-06-16")
        };
        assert_eq!(until(&covered("USD", vec![some.clone()])), ["2026-12-06"]);
        let cheap = Commitment {
            hourly: Some(Hourly::new(LIST / 2.0)),
            nodes: Some(2),
            ..some
        };
        let cover = covered("USD", vec![cheap]);
        assert_eq!(until(&cover), ["2026-12-06"]);
        assert!(cover.gaps[0].gap.why.contains("2 of its nodes cost now"));
    }
    #[test]
    fn credits_over_a_plan_pay_what_the_plan_leaves_to_pay_and_the_plan_keeps_its_price_and_term() {
        let plan = Commitment {
            kind: CommitmentKind::SavingsPlan,
            nodes: Some(2),
            hourly: Some(Hourly::new(30.0)),
            amount: None,
            ..credits("plan", None, "2026-01-01", "2027-06-16")
        };
        let a_day = (2.0 * 30.0 + LIST) * 24.0;
        let over = credits("c", Some(a_day * 20.0), "2026-11-06", "2027-01-16");
        // In whatever order they are written.
        for all in [vec![plan.clone(), over.clone()], vec![over, plan]] {
            let cover = covered("USD", all);
            assert_eq!(codes(&cover), ["credits-run-out"]);
            assert_eq!(until(&cover), ["2027-06-16", "2026-11-26"]);
            assert!(
                cover.gaps[0]
                    .gap
                    .why
                    .starts_with("at the 115.04 an hour that 3 of its nodes cost now")
            );
            // Which nodes the plan is for and which the credits pay alone nobody says.
            assert_eq!(cover.held[0].nodes, None);
            let (held, alone) = cover.nodes["a"];
            assert_eq!((held, alone), (0, Some(Hourly::new(LIST))));
        }
    }
}
