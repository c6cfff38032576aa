//! Rules: expressions in CEL that must be true of a change for it to be permitted, as `validations` are in Kubernetes'
//! admission policies. What is wrong with one is told when the policy is read; what cannot be evaluated holds the change.

mod types;
mod sure;
mod check;
mod facts;
#[cfg(test)]
mod tests;

use cel::parser::Parser;
use cel::{Context, ExecutionError, IdedExpr, Value};

use super::located::{Located, Mistake, Place};
use super::section::Section;

use check::Checked;
pub use facts::{Fact, Facts};
pub use types::{Field, Kind, LONGEST_LIST, VARIABLES, Variable};

/// The longest expression, in bytes.
const LONGEST: usize = 2_000;
/// How many brackets stand in each other at most: the parser needs a hundred thousand bytes of stack for each.
const BRACKETS: usize = 24;
/// How many choices (`? :`) an expression has at most.
const CHOICES: usize = 16;
/// The stack of the thread that parses.
const STACK: usize = 32 << 20;

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    expression: IdedExpr,
    /// Why a change is not permitted where it is not true.
    message: String,
    checked: Checked,
}

/// What a rule says of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is true of it.
    Permitted,
    /// It is not, for this reason.
    Refused(String),
    /// It could not be evaluated, for this reason.
    Failed(String),
}

impl Rule {
    /// What it says of a change.
    fn judge(&self, facts: &Facts, context: &Context<'_>) -> Verdict {
        if let Some(why) = facts.too_long().filter(|_| self.checked.loops) {
            return Verdict::Failed(why);
        }
        match Value::resolve(&self.expression, context) {
            Ok(Value::Bool(true)) => Verdict::Permitted,
            Ok(Value::Bool(false)) => Verdict::Refused(self.message.clone()),
            Ok(_) => Verdict::Failed("it is neither true nor false".to_owned()),
            Err(error) => Verdict::Failed(in_words(&error)),
        }
    }
}

/// The first rule that does not permit a change, and what it says.
pub fn forbids<'r>(rules: &'r [Rule], facts: &Facts) -> Option<(&'r Rule, Verdict)> {
    let uses = rules.iter().flat_map(|rule| &rule.checked.uses).copied().collect();
    let context = facts.context(&uses);
    let mut judged = rules.iter().map(|rule| (rule, rule.judge(facts, &context)));
    judged.find(|(_, verdict)| *verdict != Verdict::Permitted)
}

/// Reads the list `rules`.
pub(super) fn read(items: &[Located], levers: &[String], mistakes: &mut Vec<Mistake>) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for item in items {
        let Some(rule) = one(item, levers, mistakes) else {
            continue;
        };
        if let Some(earlier) = rules.iter().find(|earlier| earlier.name == rule.name) {
            mistakes.push(Mistake {
                what: format!("`{}` is the name of the rule at {}, too", rule.name, earlier.place),
                place: rule.place.clone(),
            });
        }
        rules.push(rule);
    }
    rules
}

fn one(item: &Located, levers: &[String], mistakes: &mut Vec<Mistake>) -> Option<Rule> {
    let mut section = Section::open("permissions.rules", item, mistakes);
    let before = mistakes.len();
    let name = section.text("name", mistakes).0;
    let (source, place) = section.text("expression", mistakes);
    let message = section.text("message", mistakes).0;
    section.finish(mistakes);
    if mistakes.len() > before {
        return None;
    }
    match compile(&source, levers) {
        Ok((expression, checked)) => Some(Rule {
            name,
            place: item.place.clone(),
            expression,
            message,
            checked,
        }),
        Err(why) => {
            let what = format!("the rule `{name}` is wrong: {why}");
            mistakes.push(Mistake { place, what });
            None
        }
    }
}

/// The expression, and what it is like.
fn compile(source: &str, levers: &[String]) -> Result<(IdedExpr, Checked), String> {
    bounded(source)?;
    let expression = parse(source)?;
    let checked = check::check(&expression, levers)?;
    // What the check lets through and the interpreter does not is found here, and not at night.
    for whole in [true, false] {
        let told = Value::resolve(&expression, &Facts::sample(whole, levers).context(&checked.uses));
        if let Err(error) = told
            .as_ref()
            .map_err(|error| (depends_on_figures(error), in_words(error)))
            && !error.0
        {
            return Err(error.1);
        }
    }
    Ok((expression, checked))
}

/// Refuses what would cost the parser more than a policy is worth.
fn bounded(source: &str) -> Result<(), String> {
    if source.len() > LONGEST {
        return Err(format!(
            "it is longer than {LONGEST} bytes; split it into several rules"
        ));
    }
    let (mut open, mut deepest, mut choices) = (0usize, 0, 0);
    for c in source.chars() {
        match c {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            '?' => choices += 1,
            _ => {}
        }
        deepest = deepest.max(open);
    }
    if deepest > BRACKETS || choices > CHOICES {
        return Err(format!(
            "it has more than {BRACKETS} brackets in each other, or more than {CHOICES} choices; split it into several rules"
        ));
    }
    Ok(())
}

/// Parses on a thread of its own: the parser's stack grows by the bracket.
pub(crate) fn parse(source: &str) -> Result<IdedExpr, String> {
    let parsed = std::thread::scope(|scope| {
        let parse = || {
            Parser::new().parse(source).map_err(|errors| {
                let first = errors.errors.first();
                first.map_or_else(
                    || "it is not CEL".to_owned(),
                    |error| {
                        let what = error.msg.trim_start_matches("Syntax error: ");
                        let what = what.split(" expecting {").next().unwrap_or(what);
                        format!(
                            "at {}:{} of the expression: {}",
                            error.pos.0,
                            error.pos.1,
                            what.replace('\n', " ")
                        )
                    },
                )
            })
        };
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, parse);
        thread.map(std::thread::ScopedJoinHandle::join)
    });
    match parsed {
        Ok(Ok(parsed)) => parsed,
        Ok(Err(_)) | Err(_) => Err("the parser gave up on it".to_owned()),
    }
}

/// Whether other figures might do.
fn depends_on_figures(error: &ExecutionError) -> bool {
    matches!(
        error,
        ExecutionError::DivisionByZero(_)
            | ExecutionError::RemainderByZero(_)
            | ExecutionError::Overflow(..)
            | ExecutionError::IndexOutOfBounds(_)
    )
}

/// The error in words that are the same in every run: the interpreter's own may print maps in any order.
fn in_words(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("`{key}` is not known"),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "it divides by zero".to_owned(),
        ExecutionError::Overflow(..) => "a number in it grows too large".to_owned(),
        ExecutionError::UndeclaredReference(name) => format!("`{name}` is not known"),
        _ => "what it compares cannot be compared".to_owned(),
    }
}
