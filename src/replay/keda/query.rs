//! What a query of a trigger is: how it ends in one value, and of which metrics.

use promql_parser::parser::token::{
    T_AVG, T_BOTTOMK, T_COUNT, T_GROUP, T_LIMITK, T_MAX, T_MIN, T_QUANTILE, T_SUM, T_TOPK,
};
use promql_parser::parser::{self, AggregateExpr, Expr, LabelModifier, VectorSelector};

/// What a query's outermost part makes of many series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// A sum or a count: it grows with the pool.
    Grows,
    /// A mean, or one of them: with more replicas it is no more.
    Stays,
    /// Something else.
    Open,
}

/// A query as far as advice needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) ends: Ends,
    /// The word for how it ends, such as `max`.
    pub(super) word: &'static str,
    /// Whether it may be several series: no aggregate over all of them stands around it.
    pub(super) may_be_several: bool,
    /// Metrics by name, in their order.
    pub(super) metrics: Vec<String>,
}

/// Reads one; `None` of what is no PromQL.
pub(super) fn read(text: &str) -> Option<Query> {
    let parsed = parser::parse(text).ok()?;
    let mut metrics = Vec::new();
    names(&parsed, &mut metrics);
    let shape = shape(&parsed);
    Some(Query {
        ends: shape.0,
        word: shape.1,
        may_be_several: shape.2,
        metrics,
    })
}

/// How it ends, by which word, and whether it may be several series.
fn shape(expr: &Expr) -> (Ends, &'static str, bool) {
    match expr {
        Expr::Aggregate(aggregate) => of_aggregate(aggregate),
        Expr::Paren(inner) => shape(&inner.expr),
        Expr::Unary(inner) => shape(&inner.expr),
        Expr::Binary(binary) => {
            let (left, right) = (shape(&binary.lhs), shape(&binary.rhs));
            match (is_scalar(&binary.lhs), is_scalar(&binary.rhs)) {
                (true, true) => (Ends::Open, "", false),
                (true, false) => right,
                (false, true) => left,
                // Only what neither side lets grow stays.
                (false, false) if left.0 == right.0 => (left.0, left.1, left.2 && right.2),
                (false, false) if left.0 == Ends::Grows || right.0 == Ends::Grows => {
                    (Ends::Grows, "sum", left.2 && right.2)
                }
                (false, false) => (Ends::Open, "", left.2 && right.2),
            }
        }
        Expr::Call(call) => {
            let of_series = call.args.args.iter().find(|argument| !is_scalar(argument));
            match (call.func.name, of_series) {
                ("scalar" | "vector" | "time", _) | (_, None) => (Ends::Open, "", false),
                ("absent" | "absent_over_time", _) => (Ends::Open, "", false),
                (_, Some(argument)) => shape(argument),
            }
        }
        Expr::Subquery(inner) => shape(&inner.expr),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => (Ends::Open, "", false),
        _ => (Ends::Open, "", true),
    }
}

fn is_scalar(expr: &Expr) -> bool {
    match expr {
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => true,
        Expr::Paren(inner) => is_scalar(&inner.expr),
        Expr::Unary(inner) => is_scalar(&inner.expr),
        Expr::Binary(binary) => is_scalar(&binary.lhs) && is_scalar(&binary.rhs),
        Expr::Call(call) => matches!(call.func.name, "scalar" | "time" | "pi"),
        _ => false,
    }
}

fn of_aggregate(aggregate: &AggregateExpr) -> (Ends, &'static str, bool) {
    let (ends, word) = match aggregate.op.id() {
        T_SUM => (Ends::Grows, "sum"),
        T_COUNT => (Ends::Grows, "count"),
        T_MAX => (Ends::Stays, "max"),
        T_AVG => (Ends::Stays, "avg"),
        T_MIN => (Ends::Stays, "min"),
        T_QUANTILE => (Ends::Stays, "quantile"),
        T_GROUP => (Ends::Stays, "group"),
        T_TOPK | T_BOTTOMK | T_LIMITK => return (Ends::Stays, "topk", true),
        _ => return (Ends::Open, "", true),
    };
    let over_all = match &aggregate.modifier {
        None => true,
        Some(LabelModifier::Include(labels)) => labels.labels.is_empty(),
        Some(LabelModifier::Exclude(_)) => false,
    };
    (ends, word, !over_all)
}

fn named(selector: &VectorSelector, found: &mut Vec<String>) {
    let by_label = selector
        .matchers
        .matchers
        .iter()
        .find(|matcher| matcher.name == "__name__");
    let name = selector
        .name
        .clone()
        .or_else(|| by_label.map(|matcher| matcher.value.clone()));
    found.extend(name.filter(|name| !found.contains(name)));
}

fn names(expr: &Expr, found: &mut Vec<String>) {
    match expr {
        Expr::VectorSelector(selector) => named(selector, found),
        Expr::MatrixSelector(matrix) => named(&matrix.vs, found),
        Expr::Aggregate(aggregate) => names(&aggregate.expr, found),
        Expr::Paren(inner) => names(&inner.expr, found),
        Expr::Unary(inner) => names(&inner.expr, found),
        Expr::Subquery(inner) => names(&inner.expr, found),
        Expr::Binary(binary) => {
            names(&binary.lhs, found);
            names(&binary.rhs, found);
        }
        Expr::Call(call) => call.args.args.iter().for_each(|argument| names(argument, found)),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}
