//! Budgets: what may be spent in a month, on what.

use std::collections::BTreeMap;

use super::located::{Located, Mistake, Place};
use super::scope::selector;
use super::section::Section;
use super::selector::Selector;

/// What a month is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MonthKind {
    /// A month of the calendar, in the policy's time zone.
    #[default]
    Calendar,
    /// Thirty days from the first of the calendar month.
    ThirtyDays,
}

/// What a budget is for; all that is said must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BudgetScope {
    /// Of these teams.
    pub teams: Vec<String>,
    /// In these namespaces.
    pub namespaces: Vec<String>,
    /// With such labels.
    pub selector: Selector,
    /// As it is written.
    pub selector_text: String,
}

impl BudgetScope {
    /// Whether it is for everything.
    pub fn is_everything(&self) -> bool {
        self.teams.is_empty() && self.namespaces.is_empty() && self.selector.is_empty()
    }

    /// In words.
    pub fn in_words(&self) -> String {
        if self.is_everything() {
            return "everything".to_owned();
        }
        let list = |one: &str, many: &str, all: &[String]| match all {
            [] => None,
            [single] => Some(format!("{one} {single}")),
            several => Some(format!("{many} {}", several.join(", "))),
        };
        let labels: Vec<String> = (!self.selector.is_empty())
            .then(|| self.selector_text.clone())
            .into_iter()
            .collect();
        let parts = [
            list("team", "teams", &self.teams),
            list("namespace", "namespaces", &self.namespaces),
            list("label", "labels", &labels),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// A budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub scope: BudgetScope,
    /// What may be spent in a month.
    pub monthly: f64,
    /// What may be spent in some months, such as `2026-12`, instead.
    pub months: BTreeMap<String, f64>,
    /// Its currency; `None` is that of the costs.
    pub currency: Option<String>,
    /// What a month is.
    pub month: MonthKind,
    /// Where the policy says so.
    pub place: Place,
}

impl Budget {
    /// What may be spent in this month, such as `2026-12`.
    pub fn amount(&self, month: &str) -> f64 {
        self.months.get(month).copied().unwrap_or(self.monthly)
    }
}

/// Reads the list `budgets`.
pub(super) fn budgets(root: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Vec<Budget> {
    let mut all: Vec<Budget> = Vec::new();
    for item in root.list("budgets", mistakes) {
        if let Some(budget) = budget(item, mistakes) {
            if all.iter().any(|other| other.name == budget.name) {
                mistakes.push(Mistake {
                    place: budget.place.clone(),
                    what: format!(
                        "there are two budgets named `{}`; give each a name of its own",
                        budget.name
                    ),
                });
            }
            all.push(budget);
        }
    }
    all
}

fn budget(item: &Located, mistakes: &mut Vec<Mistake>) -> Option<Budget> {
    let before = mistakes.len();
    let mut section = Section::open("budgets", item, mistakes);
    let (name, at) = section.text("name", mistakes);
    if name.is_empty() {
        let what = "a budget needs a `name`".to_owned();
        mistakes.push(Mistake { place: at, what });
    }
    let monthly = section.number("monthly", 0.0, 1e12, mistakes);
    let texts = |all: Vec<(String, Place)>| all.into_iter().map(|(text, _)| text).collect::<Vec<String>>();
    let scope = BudgetScope {
        teams: texts(section.optional_texts("teams", mistakes)),
        namespaces: texts(section.optional_texts("namespaces", mistakes)),
        selector_text: section
            .optional_text("selector", mistakes)
            .map_or_else(String::new, |(text, _)| text),
        selector: selector("selector", &mut section, mistakes)
            .map(|(selector, _)| selector)
            .unwrap_or_default(),
    };
    let months = section.map_of_numbers("months", mistakes);
    let months = months
        .into_iter()
        .filter_map(|(month, amount, place)| of_month(month, amount, place, mistakes))
        .collect();
    let currency = section
        .optional_text("currency", mistakes)
        .filter(|(code, _)| !code.is_empty());
    let month = section.optional_text("month", mistakes);
    let month = match month.as_ref().map(|(kind, place)| (kind.as_str(), place)) {
        None | Some(("" | "calendar", _)) => MonthKind::Calendar,
        Some(("30-days", _)) => MonthKind::ThirtyDays,
        Some((other, place)) => {
            mistakes.push(Mistake {
                place: place.clone(),
                what: format!("`{other}` is no kind of month; it is calendar or 30-days"),
            });
            MonthKind::Calendar
        }
    };
    section.finish(mistakes);
    (mistakes.len() == before).then(|| Budget {
        name,
        scope,
        monthly,
        months,
        currency: currency.map(|(code, _)| code.to_uppercase()),
        month,
        place: item.place.clone(),
    })
}

fn of_month(month: String, amount: f64, place: Place, mistakes: &mut Vec<Mistake>) -> Option<(String, f64)> {
    if jiff::civil::Date::strptime("%Y-%m-%d", format!("{month}-01")).is_err() || month.len() != 7 {
        let what = format!("`{month}` is no month; give one such as 2026-12");
        mistakes.push(Mistake { place, what });
        return None;
    }
    Some((month, amount))
}
