//! What is unusual and what is not, over weeks that are made by hand.

use super::*;

const FIRST: Date = Date::constant(2026, 9, 7);

fn told(days: i64) -> BTreeSet<Date> {
    (0..days).map(|day| FIRST + Span::new().days(day)).collect()
}

fn is_weekend(day: Date) -> bool {
    matches!(
        day.weekday(),
        jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday
    )
}

/// GPU hours of each day at a price, a little noise on them.
fn spent(days: i64, of: impl Fn(i64, Date) -> (f64, f64)) -> Days {
    let mut seed = 7_u64;
    (0..days)
        .map(|at| {
            let day = FIRST + Span::new().days(at);
            let (hours, price) = of(at, day);
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let noise = 1.0 + ((seed >> 40) as f64 / (1 << 24) as f64 - 0.5) * 0.06;
            let cost = hours * price * noise;
            (
                day,
                Spent {
                    cost,
                    gpu: cost,
                    gpu_hours: hours * noise,
                },
            )
        })
        .filter(|(_, spent)| spent.cost > 0.0)
        .collect()
}

fn found(days: &Days, all: i64, floor: f64) -> Vec<Anomaly> {
    let told = told(all);
    let unusual: Vec<(Date, Look)> = told
        .iter()
        .filter_map(|day| Some((*day, look(days, &told, *day, floor)?)))
        .collect();
    runs("chat/router", days, &unusual)
}

#[test]
fn weeks_that_are_alike_are_not_unusual() {
    // Five times as much on weekdays, and a batch run every Monday.
    let days = spent(56, |_, day| {
        let run = if day.weekday() == jiff::civil::Weekday::Monday {
            400.0
        } else {
            0.0
        };
        (if is_weekend(day) { 20.0 } else { 100.0 } + run, 2.0)
    });
    assert!(found(&days, 56, 1.0).is_empty());
    // Growing by a tenth a week is no spike either.
    let days = spent(56, |at, _| (100.0 * (1.0 + 0.1 * at as f64 / 7.0), 2.0));
    assert!(found(&days, 56, 1.0).is_empty());
}

#[test]
fn what_comes_every_ten_days_is_no_surprise_and_the_first_of_its_kind_is() {
    let days = spent(56, |at, _| (if at % 10 == 4 { 300.0 } else { 2.0 }, 2.0));
    assert!(
        found(&days, 56, 1.0)
            .iter()
            .all(|one| one.first < FIRST + Span::new().days(24)),
        "{:?}",
        found(&days, 56, 1.0)
    );
    let days = spent(56, |at, _| (if at == 50 { 300.0 } else { 2.0 }, 2.0));
    assert_eq!(found(&days, 56, 1.0).len(), 1);
}

#[test]
fn twice_the_hours_for_three_days_are_one_spike_of_quantity() {
    let days = spent(56, |at, _| (if (49..52).contains(&at) { 200.0 } else { 100.0 }, 2.0));
    let all = found(&days, 56, 1.0);
    assert_eq!(all.len(), 1, "{all:?}");
    let spike = &all[0];
    assert_eq!(
        (spike.kind, spike.first, spike.last),
        (
            AnomalyKind::Spike,
            FIRST + Span::new().days(49),
            FIRST + Span::new().days(51)
        )
    );
    assert!((spike.excess.get() - 600.0).abs() < 60.0, "{spike:?}");
    assert_eq!(spike.causes[0].what, "quantity");
    assert!((spike.causes[0].amount.get() - spike.excess.get()).abs() < 0.1 * spike.excess.get());
    assert!(spike.expected.low < spike.expected.mid && spike.expected.mid < spike.expected.high);
}

#[test]
fn a_higher_price_is_told_from_more_hours() {
    let days = spent(56, |at, _| (100.0, if at >= 54 { 3.5 } else { 2.0 }));
    let all = found(&days, 56, 1.0);
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0].causes[0].what, "price");
    assert!((all[0].causes[0].amount.get() - 300.0).abs() < 30.0, "{all:?}");
}

#[test]
fn who_begins_is_new_and_who_was_always_there_is_not() {
    let days = spent(56, |at, _| (if at >= 53 { 50.0 } else { 0.0 }, 2.0));
    let all = found(&days, 56, 1.0);
    assert_eq!((all.len(), all[0].kind), (1, AnomalyKind::NewSpender), "{all:?}");
    assert_eq!(
        (all[0].first, all[0].causes[0].what.as_str()),
        (FIRST + Span::new().days(53), "new")
    );
    // Of a fortnight nobody can tell who is new.
    assert!(found(&spent(10, |_, _| (50.0, 2.0)), 10, 1.0).is_empty());
}

#[test]
fn what_is_worth_nobodys_time_is_left_alone() {
    let days = spent(56, |at, _| (if at == 52 { 3.0 } else { 1.0 }, 2.0));
    assert!(found(&days, 56, 25.0).is_empty());
    assert_eq!(found(&days, 56, 1.0).len(), 1);
}

#[test]
fn days_of_which_nobody_told_are_no_days_at_no_cost() {
    // The three Wednesdays before were not told of: Thursday is held against Thursdays, Wednesday against the one that is left.
    let days = spent(56, |_, _| (100.0, 2.0));
    let mut told = told(56);
    for gone in [
        FIRST + Span::new().days(30),
        FIRST + Span::new().days(37),
        FIRST + Span::new().days(44),
    ] {
        told.remove(&gone);
    }
    let unusual: Vec<Date> = told
        .iter()
        .filter(|day| look(&days, &told, **day, 1.0).is_some())
        .copied()
        .collect();
    assert!(unusual.is_empty(), "{unusual:?}");
}
