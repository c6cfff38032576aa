//! The part of PromQL whose value follows from what the replicas of a pool hold: their own metrics of requests, aggregated and
//! computed with. What else a query asks for is named and not guessed.

use promql_parser::label::Labels;
use promql_parser::parser::token::{T_ADD, T_AVG, T_COUNT, T_DIV, T_LOR, T_MAX, T_MIN, T_MUL, T_SUB, T_SUM};
use promql_parser::parser::{self, AggregateExpr, Expr, LabelModifier, VectorSelector};

use crate::replay::keda::Answer;
use crate::replay::service::policies::Watched;
use crate::replay::service::pool::Holds;

/// Labels of which every replica has a value of its own.
const OF_EACH: [&str; 5] = ["pod", "instance", "pod_name", "kubernetes_pod_name", "exported_pod"];

/// A query over the replicas that are ready.
#[derive(Debug, Clone, PartialEq)]
pub struct Query(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// A number, of whatever series it is computed with.
    Number(f64),
    /// One series, always there: `vector(0)`.
    Vector(f64),
    /// A series of each replica.
    Each(Watched),
    /// One series of all; absent of none.
    All(Aggregate, Box<Node>),
    Compute(Operator, Box<[Node; 2]>),
    /// The first, or where that is absent the other.
    Or(Box<[Node; 2]>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Mean,
    Most,
    Least,
    Count,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// How many series a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    One,
    Each,
}

/// Which requests a metric of replicas counts, by its name.
pub trait Names {
    /// `None` of one that counts none.
    fn watched(&self, metric: &str) -> Option<Watched>;
}

impl Query {
    /// The sum of a metric over replicas.
    pub fn sum(of: Watched) -> Self {
        Self(Node::All(Aggregate::Sum, Box::new(Node::Each(of))))
    }

    /// Reads one.
    ///
    /// # Errors
    /// What of it does not follow from what replicas hold.
    pub fn read(text: &str, names: &dyn Names) -> Result<Self, String> {
        let parsed = parser::parse(text).map_err(|_| "it is no PromQL".to_owned())?;
        let node = node(&parsed, names)?;
        match node.kind() {
            Kind::Number => Err("no metric is in it".to_owned()),
            Kind::One | Kind::Each => Ok(Self(node)),
        }
    }

    /// What KEDA gets of it: exactly one series is a value.
    pub fn answer(&self, each: &[Holds]) -> Answer {
        match self.0.series(each).as_slice() {
            [] => Answer::Nothing,
            [value] => Answer::Value(*value),
            _ => Answer::Failed,
        }
    }
}

/// How many of these requests a replica holds.
pub fn count(of: Watched, holds: &Holds) -> f64 {
    let requests = match of {
        Watched::Running => holds.running,
        Watched::Waiting => holds.waiting,
        Watched::InFlight => holds.running + holds.waiting,
    };
    requests as f64
}

fn node(expr: &Expr, names: &dyn Names) -> Result<Node, String> {
    match expr {
        Expr::Paren(inner) => node(&inner.expr, names),
        Expr::NumberLiteral(number) => Ok(Node::Number(number.val)),
        Expr::VectorSelector(selector) => selected(selector, names),
        Expr::Aggregate(aggregate) => aggregated(aggregate, names),
        Expr::Unary(inner) => {
            let parts = Box::new([Node::Number(0.0), node(&inner.expr, names)?]);
            Ok(Node::Compute(Operator::Subtract, parts))
        }
        Expr::Call(call) if call.func.name == "vector" => match call.args.args.first().map(AsRef::as_ref) {
            Some(Expr::NumberLiteral(number)) => Ok(Node::Vector(number.val)),
            _ => Err("`vector` of what is no number".to_owned()),
        },
        Expr::Binary(binary) => {
            let parts = Box::new([node(&binary.lhs, names)?, node(&binary.rhs, names)?]);
            let kinds = [parts[0].kind(), parts[1].kind()];
            if kinds == [Kind::Each, Kind::One] || kinds == [Kind::One, Kind::Each] {
                return Err("series of replicas beside one of all of them".to_owned());
            }
            Ok(match binary.op.id() {
                T_LOR => Node::Or(parts),
                T_ADD => Node::Compute(Operator::Add, parts),
                T_SUB => Node::Compute(Operator::Subtract, parts),
                T_MUL => Node::Compute(Operator::Multiply, parts),
                T_DIV => Node::Compute(Operator::Divide, parts),
                _ => return Err(format!("the operator `{}`", binary.op)),
            })
        }
        Expr::Call(call) => Err(format!("the function `{}`", call.func.name)),
        Expr::Subquery(_) => Err("a subquery".to_owned()),
        Expr::MatrixSelector(_) => Err("a range".to_owned()),
        Expr::StringLiteral(_) | Expr::Extension(_) => Err("a text".to_owned()),
    }
}

/// Which replicas' series a selector's labels mean is not known: it is taken to mean this pool's.
fn selected(selector: &VectorSelector, names: &dyn Names) -> Result<Node, String> {
    if selector.offset.is_some() || selector.at.is_some() {
        return Err("another time than now".to_owned());
    }
    let Some(name) = &selector.name else {
        return Err("series without the name of a metric".to_owned());
    };
    let watched = names.watched(name);
    watched.map(Node::Each).ok_or_else(|| format!("`{name}`"))
}

fn aggregated(aggregate: &AggregateExpr, names: &dyn Names) -> Result<Node, String> {
    let of_each = |labels: &Labels| labels.labels.iter().any(|label| OF_EACH.contains(&label.as_str()));
    let splits = match &aggregate.modifier {
        None => false,
        Some(LabelModifier::Include(labels)) => of_each(labels),
        Some(LabelModifier::Exclude(labels)) => !of_each(labels),
    };
    if splits {
        return Err("an aggregate for each replica".to_owned());
    }
    let kind = match aggregate.op.id() {
        T_SUM => Aggregate::Sum,
        T_AVG => Aggregate::Mean,
        T_MAX => Aggregate::Most,
        T_MIN => Aggregate::Least,
        T_COUNT => Aggregate::Count,
        _ => return Err(format!("the aggregate `{}`", aggregate.op)),
    };
    let inner = node(&aggregate.expr, names)?;
    match inner.kind() {
        Kind::Number => Err(format!("the aggregate `{}` of a number", aggregate.op)),
        Kind::One | Kind::Each => Ok(Node::All(kind, Box::new(inner))),
    }
}

impl Node {
    fn kind(&self) -> Kind {
        match self {
            Self::Number(_) => Kind::Number,
            Self::Vector(_) | Self::All(..) => Kind::One,
            Self::Each(_) => Kind::Each,
            Self::Compute(_, parts) | Self::Or(parts) => match (parts[0].kind(), parts[1].kind()) {
                (Kind::Each, _) | (_, Kind::Each) => Kind::Each,
                (Kind::One, _) | (_, Kind::One) => Kind::One,
                (Kind::Number, Kind::Number) => Kind::Number,
            },
        }
    }

    fn series(&self, each: &[Holds]) -> Vec<f64> {
        match self {
            Self::Number(number) | Self::Vector(number) => vec![*number],
            Self::Each(of) => each.iter().map(|holds| count(*of, holds)).collect(),
            Self::All(aggregate, of) => aggregate.of(&of.series(each)).into_iter().collect(),
            Self::Or(parts) => {
                let first = parts[0].series(each);
                if first.is_empty() { parts[1].series(each) } else { first }
            }
            Self::Compute(operator, parts) => {
                let [left, right] = [parts[0].series(each), parts[1].series(each)];
                match [parts[0].kind(), parts[1].kind()] {
                    [Kind::Number, _] => right.iter().map(|value| operator.of(left[0], *value)).collect(),
                    [_, Kind::Number] => left.iter().map(|value| operator.of(*value, right[0])).collect(),
                    // Both are one of all, or of each replica in the same order.
                    _ => left.iter().zip(&right).map(|(a, b)| operator.of(*a, *b)).collect(),
                }
            }
        }
    }
}

impl Aggregate {
    fn of(self, values: &[f64]) -> Option<f64> {
        let count = values.len() as f64;
        let sum = || values.iter().sum::<f64>();
        let found = match self {
            Self::Sum => sum(),
            Self::Mean => sum() / count,
            Self::Most => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::Least => values.iter().copied().fold(f64::INFINITY, f64::min),
            Self::Count => count,
        };
        (!values.is_empty()).then_some(found)
    }
}

impl Operator {
    fn of(self, left: f64, right: f64) -> f64 {
        match self {
            Self::Add => left + right,
            Self::Subtract => left - right,
            Self::Multiply => left * right,
            Self::Divide => left / right,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Two;

    impl Names for Two {
        fn watched(&self, metric: &str) -> Option<Watched> {
            match metric {
                "vllm:num_requests_running" => Some(Watched::Running),
                "vllm:num_requests_waiting" => Some(Watched::Waiting),
                _ => None,
            }
        }
    }

    /// With `R` and `W` for the metrics.
    fn query(text: &str) -> Result<Query, String> {
        let text = text.replace('R', "vllm:num_requests_running");
        Query::read(&text.replace('W', "vllm:num_requests_waiting"), &Two)
    }

    const EACH: [Holds; 2] = [Holds { running: 8, waiting: 3 }, Holds { running: 4, waiting: 0 }];

    #[test]
    fn what_replicas_hold_is_aggregated_and_computed_with() {
        for (text, value) in [
            ("sum(R)", 12.0),
            ("sum(W{model_name=\"llama\"})", 3.0),
            ("avg(R)", 6.0),
            ("max(W)", 3.0),
            ("min by (model_name) (R)", 4.0),
            ("count(R)", 2.0),
            ("sum without (pod, instance) (R)", 12.0),
            ("sum(R) + sum(W)", 15.0),
            ("sum(R + W)", 15.0),
            ("max(R + on(pod) W)", 11.0),
            ("(sum(R) or on() vector(0)) * 2 - -1", 25.0),
            ("100 * sum(W) / sum(R)", 25.0),
            ("sum(R) / count(R)", 6.0),
        ] {
            assert_eq!(query(text).unwrap().answer(&EACH), Answer::Value(value), "{text}");
        }
    }

    #[test]
    fn without_replicas_there_is_nothing_unless_something_stands_in() {
        let nothing = |text: &str| query(text).unwrap().answer(&[]);
        assert_eq!(nothing("sum(W)"), Answer::Nothing);
        assert_eq!(nothing("count(W)"), Answer::Nothing);
        assert_eq!(nothing("sum(R) + sum(W)"), Answer::Nothing);
        assert_eq!(nothing("sum(W) or vector(7)"), Answer::Value(7.0));
        // A series of each replica is a value only where there is one of them.
        assert_eq!(query("W").unwrap().answer(&EACH), Answer::Failed);
        assert_eq!(query("W").unwrap().answer(&EACH[..1]), Answer::Value(3.0));
        assert_eq!(Query::sum(Watched::InFlight).answer(&EACH), Answer::Value(15.0));
    }

    #[test]
    fn what_does_not_follow_is_named() {
        for (text, what) in [
            ("sum(", "it is no PromQL"),
            ("1 + 2", "no metric is in it"),
            ("sum(gpu_cache_usage)", "`gpu_cache_usage`"),
            ("sum(rate(vllm:request_success_total[1m]))", "the function `rate`"),
            ("quantile(0.9, W)", "the aggregate `quantile`"),
            ("sum by (pod) (W)", "an aggregate for each replica"),
            ("sum(W) > 3", "the operator `>`"),
            ("W + sum(W)", "series of replicas beside one of all of them"),
            ("sum(W offset 5m)", "another time than now"),
            ("sum({job=\"vllm\"})", "series without the name of a metric"),
        ] {
            assert_eq!(query(text).unwrap_err(), what, "{text}");
        }
    }
}
