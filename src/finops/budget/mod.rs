//! Budgets: what was spent of each, what the month will cost, and whether that holds.

mod ahead;
mod period;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::engine::Scope;
use crate::finops::cost::{Books, Line, Names, in_scope};
use crate::model::amount::Amount;
use crate::model::finops::{BudgetRow, BudgetStatus, DayCost, StandsOn};
use crate::model::ledger::ToldBy;
use crate::model::time::Window;
use crate::model::units::Money;
use crate::policy::budgets::Budget;
use crate::policy::price_sheet::PriceSheet;
use ahead::NONE;

/// Projected spend above this share of a budget is critical.
const CRITICAL: f64 = 1.10;

/// Days without which a month that has just begun has no status.
const SEEN_BEFORE: usize = 7;

/// Days of GPUs alone under which a month has no status.
const FEW_DAYS: f64 = 3.0;

/// Names that are told where a scope does not exist.
const NAMES: usize = 8;

/// How each budget stands at `now`, the end of what is known, in the month of that moment.
pub fn budgets(
    books: &Books<'_>,
    lines: &[Line<'_>],
    budgets: &[Budget],
    now: Timestamp,
    sheet: &PriceSheet,
) -> Vec<BudgetRow> {
    let names = Names::new(books);
    let desk = Desk {
        books,
        names: &names,
        lines,
        now,
        sheet,
    };
    budgets.iter().map(|budget| desk.row(budget)).collect()
}

/// How budgets stand where nothing is known of any, and why.
pub fn untold(budgets: &[Budget], (zone, now): (&TimeZone, Timestamp), why: &str) -> Vec<BudgetRow> {
    let row = |budget: &Budget| BudgetRow {
        notes: vec![why.to_owned()],
        ..unknown(budget, period::of(now, budget.month, zone), zone)
    };
    budgets.iter().map(row).collect()
}

/// A budget of which nothing is known.
fn unknown(budget: &Budget, period: Window, zone: &TimeZone) -> BudgetRow {
    let first = period.start.to_zoned(zone.clone()).date();
    BudgetRow {
        name: budget.name.clone(),
        scope: budget.scope.in_words(),
        place: budget.place.to_string(),
        period,
        month: period::in_words(budget.month, first),
        amount: None,
        spent: None,
        elapsed_days: 0.0,
        days: period.hours() / 24.0,
        projected: None,
        forecast: NONE,
        status: BudgetStatus::Unknown,
        stands_on: None,
        runs_out: None,
        daily: Vec::new(),
        notes: Vec::new(),
    }
}

struct Desk<'a> {
    books: &'a Books<'a>,
    names: &'a Names<'a>,
    lines: &'a [Line<'a>],
    now: Timestamp,
    sheet: &'a PriceSheet,
}

/// What was spent on a day, and for how many hours of it that is told.
#[derive(Debug, Clone, Copy, Default)]
struct Day {
    cost: Amount,
    hours: f64,
}

impl Desk<'_> {
    fn row(&self, budget: &Budget) -> BudgetRow {
        let period = period::of(self.now, budget.month, self.books.zone);
        let first = period.start.to_zoned(self.books.zone.clone()).date();
        let month = first.strftime("%Y-%m").to_string();
        let mut notes = Vec::new();
        let amount = self.amount(budget, &month, &mut notes);
        let days = self.days(budget, &mut notes);
        let is_in = |date: &Date| *date >= first && self.starts(*date).is_some_and(|at| at < period.end);
        let told: Vec<(Date, Day)> = days
            .iter()
            .filter(|(date, _)| is_in(date))
            .map(|(date, day)| (*date, *day))
            .collect();
        let elapsed: f64 = told.iter().map(|(_, day)| day.hours).sum::<f64>() / 24.0 + 0.0;
        let length = period.hours() / 24.0;
        let over = (self.now.min(period.end).as_second() - period.start.as_second()).max(0) as f64 / 86_400.0;
        if over - elapsed > 0.05 && elapsed > 0.0 {
            notes.push(format!(
                "{:.1} of the {over:.1} days so far have no data: the projection is of the others",
                over - elapsed
            ));
        }
        let known = amount.filter(|_| elapsed > 0.0 && !days.is_empty());
        let spent: Amount = told.iter().map(|(_, day)| day.cost).sum();
        let projected = known.and_then(|_| Amount::new(spent.get() * (length / elapsed)));
        let forecast = known.map_or_else(|| NONE, |_| self.forecast(&days, &told, period, spent));
        // An hour tells nothing of a month: until a day is over, the days before the month do.
        let counts = match elapsed {
            elapsed if elapsed >= 0.95 => projected.map(|projected| (projected, StandsOn::Projection)),
            _ => forecast
                .mid
                .filter(|_| days.len() > SEEN_BEFORE)
                .and_then(Amount::new)
                .map(|forecast| (forecast, StandsOn::Forecast)),
        };
        let by_prices = self.books.ledger.told_by == ToldBy::Prices;
        let few = by_prices && elapsed < FEW_DAYS && over - elapsed > 0.05;
        let (mut status, mut stands_on) = match (known, counts) {
            (Some(amount), Some((counts, on))) if !few => (status(counts, amount), Some(on)),
            _ => (BudgetStatus::Unknown, None),
        };
        let unpriced = self.unpriced(period);
        // What is not in it may be what is over it.
        if unpriced && status == BudgetStatus::Ok {
            (status, stands_on) = (BudgetStatus::Unknown, None);
        }
        notes.extend(self.notes(stands_on, (by_prices, few), unpriced));
        if elapsed <= 0.0 && notes.is_empty() {
            notes.push(format!("there is no cost data of {month}"));
        }
        BudgetRow {
            amount: amount.map(|amount| Money::new(amount.get())),
            spent: known.map(|_| Money::new(spent.get())),
            elapsed_days: elapsed,
            projected: projected.map(|projected| Money::new(projected.get())),
            forecast,
            status,
            stands_on,
            runs_out: known.and_then(|amount| self.runs_out(amount, &told, period, stands_on)),
            daily: self.daily(&days, period),
            notes,
            ..unknown(budget, period, self.books.zone)
        }
    }

    /// What must be known of a status.
    fn notes(&self, stands_on: Option<StandsOn>, (by_prices, few): (bool, bool), unpriced: bool) -> Vec<String> {
        let mut notes = Vec::new();
        if stands_on == Some(StandsOn::Forecast) {
            notes.push("no day of the month is over: the status is that of the forecast".to_owned());
        }
        if by_prices {
            let why = self.books.why_no_ledger();
            notes.push(format!(
                "{}: it is of GPU nodes alone{}",
                why.as_deref().unwrap_or("no cost source told"),
                if few {
                    ", and these were read of few days: --month this reads the month's"
                } else {
                    ""
                }
            ));
        }
        match (unpriced, by_prices) {
            (true, true) => notes.push("GPUs without a price were held: what they cost is not in it".to_owned()),
            (true, false) => notes.push(
                "the cost source told figures of the cluster without an amount: what they stand for may be missing in it".to_owned(),
            ),
            (false, _) => {}
        }
        notes
    }

    /// Whether figures of the period were null.
    fn unpriced(&self, period: Window) -> bool {
        let until = Window {
            end: self.now.min(period.end),
            ..period
        };
        self.books.days_in(until).any(|day| day.unpriced > 0)
    }

    fn starts(&self, date: Date) -> Option<Timestamp> {
        Some(date.to_zoned(self.books.zone.clone()).ok()?.timestamp())
    }

    /// The budget in the currency of the costs.
    fn amount(&self, budget: &Budget, month: &str, notes: &mut Vec<String>) -> Option<Amount> {
        let told = budget.amount(month);
        let costs = self.books.plan.currency.as_str();
        let Some(own) = budget.currency.as_deref().filter(|own| *own != costs) else {
            return Amount::new(told);
        };
        let of_sheet = |code: &str| code == self.sheet.currency;
        let converted = match (own, costs, self.sheet.per_usd) {
            ("USD", _, Some(rate)) if of_sheet(costs) => Some(told * rate),
            (_, "USD", Some(rate)) if of_sheet(own) && rate > 0.0 => Some(told / rate),
            _ => None,
        };
        match converted {
            Some(amount) => notes.push(format!("{told} {own} are taken as {amount:.2} {costs}, by `prices.per_usd`")),
            None => notes.push(format!(
                "the budget is in {own} and costs are in {costs}: give `prices.per_usd` and `prices.currency`, or the budget in {costs}"
            )),
        }
        converted.and_then(Amount::new)
    }

    /// What was spent on each day that was told of; a scope that nothing was ever in has none.
    fn days(&self, budget: &Budget, notes: &mut Vec<String>) -> BTreeMap<Date, Day> {
        let scope = Scope {
            namespaces: budget.scope.namespaces.clone(),
            owners: budget.scope.teams.clone(),
            selector: budget.scope.selector.clone(),
        };
        let mut days: BTreeMap<Date, Day> = BTreeMap::new();
        for day in self
            .books
            .ledger
            .days
            .iter()
            .filter(|day| day.told && self.books.is_over(day, self.now))
        {
            days.entry(self.books.date(day)).or_default().hours += day.window.hours();
        }
        let mut found = budget.scope.is_everything();
        for line in self.lines.iter().filter(|line| in_scope(line, &scope, self.names)) {
            found = true;
            if let Some(day) = days.get_mut(&line.day) {
                day.cost += line.columns.total();
            }
        }
        if !found {
            notes.push(self.unknown_scope(budget));
            return BTreeMap::new();
        }
        days
    }

    fn unknown_scope(&self, budget: &Budget) -> String {
        let all = |value: &dyn Fn(&Line<'_>) -> Option<String>| -> String {
            let known: BTreeSet<String> = self.lines.iter().filter_map(value).collect();
            let more = known.len().saturating_sub(NAMES);
            let mut shown: Vec<String> = known.into_iter().take(NAMES).collect();
            if more > 0 {
                shown.push(format!("and {more} more"));
            }
            shown.join(", ")
        };
        let known = if budget.scope.teams.is_empty() {
            format!("namespaces: {}", all(&|line| line.account.namespace.clone()))
        } else {
            format!("teams: {}", all(&|line| self.names.team(line.account, line.workload)))
        };
        format!(
            "no cost of {} was ever seen; there are {known}",
            budget.scope.in_words()
        )
    }

    fn daily(&self, days: &BTreeMap<Date, Day>, period: Window) -> Vec<DayCost> {
        let mut all = Vec::new();
        let mut date = period.start.to_zoned(self.books.zone.clone()).date();
        while self
            .starts(date)
            .is_some_and(|start| start < period.end && start < self.now)
        {
            let cost = days.get(&date).map(|day| Money::new(day.cost.get()).to_cents());
            all.push(DayCost { day: date, cost });
            match date.checked_add(Span::new().days(1)) {
                Ok(next) => date = next,
                Err(_) => break,
            }
        }
        all
    }
}

/// Over the budget is a warning, over 110 % of it critical; to the cent.
pub fn status(projected: Amount, amount: Amount) -> BudgetStatus {
    let (projected, amount) = (projected.cents(), amount.cents());
    if projected as f64 > (amount as f64 * CRITICAL).round() {
        BudgetStatus::Critical
    } else if projected > amount {
        BudgetStatus::Warning
    } else {
        BudgetStatus::Ok
    }
}
