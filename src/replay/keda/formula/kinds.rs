//! What a formula's parts are, before any value is known: a formula that cannot give a number is refused when it is read.

use super::{Binary, Function, Node, Unary, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    Float,
    Bool,
    List,
    /// Nil, or what may be it or something else.
    Any,
}

impl Kind {
    fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Float | Self::Any)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Int => "a whole number",
            Self::Float => "a number",
            Self::Bool => "true or false",
            Self::List => "a list",
            Self::Any => "nil",
        }
    }
}

/// That it gives a number.
pub(super) fn of_formula(root: &Node) -> Result<(), String> {
    match kind(root)? {
        kind if kind.is_number() => Ok(()),
        kind => Err(format!("it gives {} and must give a number", kind.name())),
    }
}

fn number(node: &Node, what: &str) -> Result<Kind, String> {
    match kind(node)? {
        kind if kind.is_number() => Ok(kind),
        kind => Err(format!("{what} takes a number, not {}", kind.name())),
    }
}

fn truth(node: &Node, what: &str) -> Result<(), String> {
    match kind(node)? {
        Kind::Bool | Kind::Any => Ok(()),
        kind => Err(format!("{what} takes true or false, not {}", kind.name())),
    }
}

fn kind(node: &Node) -> Result<Kind, String> {
    match node {
        Node::Literal(Value::Int(_)) => Ok(Kind::Int),
        Node::Literal(Value::Bool(_)) => Ok(Kind::Bool),
        Node::Literal(Value::Float(_)) | Node::Trigger(_) => Ok(Kind::Float),
        Node::Literal(Value::List(_)) => Ok(Kind::List),
        Node::Literal(Value::Nil) | Node::Item => Ok(Kind::Any),
        Node::List(items) => {
            items.iter().try_for_each(|item| kind(item).map(|_| ()))?;
            Ok(Kind::List)
        }
        Node::Unary(Unary::Minus, operand) => number(operand, "`-`"),
        Node::Unary(Unary::Not, operand) => truth(operand, "`!`").map(|()| Kind::Bool),
        Node::Binary(binary, left, right) => of_binary(*binary, left, right),
        Node::Choice(parts) => {
            let [condition, then, otherwise] = &**parts;
            truth(condition, "a condition")?;
            let (then, otherwise) = (kind(then)?, kind(otherwise)?);
            Ok(together(then, otherwise))
        }
        Node::Call(function, arguments, predicate) => of_call(*function, arguments, predicate.as_deref()),
    }
}

/// Of what may be either.
fn together(one: Kind, other: Kind) -> Kind {
    match (one, other) {
        (one, other) if one == other => one,
        (Kind::Int, Kind::Float) | (Kind::Float, Kind::Int) => Kind::Float,
        _ => Kind::Any,
    }
}

fn of_binary(binary: Binary, left: &Node, right: &Node) -> Result<Kind, String> {
    match binary {
        Binary::And | Binary::Or => {
            truth(left, "`&&` and `||`")?;
            truth(right, "`&&` and `||`")?;
            Ok(Kind::Bool)
        }
        Binary::Equal | Binary::Unequal => {
            kind(left)?;
            kind(right)?;
            Ok(Kind::Bool)
        }
        Binary::OrElse => Ok(together(kind(left)?, kind(right)?)),
        Binary::Less | Binary::AtMost | Binary::More | Binary::AtLeast => {
            number(left, "a comparison")?;
            number(right, "a comparison")?;
            Ok(Kind::Bool)
        }
        Binary::Remainder => {
            let both = (number(left, "`%`")?, number(right, "`%`")?);
            match both {
                (Kind::Float, _) | (_, Kind::Float) => {
                    Err("`%` takes whole numbers; values of triggers need `int(…)` first".to_owned())
                }
                _ => Ok(Kind::Int),
            }
        }
        Binary::Divide | Binary::Power => {
            number(left, "arithmetic")?;
            number(right, "arithmetic")?;
            Ok(Kind::Float)
        }
        Binary::Add | Binary::Subtract | Binary::Multiply => {
            let (left, right) = (number(left, "arithmetic")?, number(right, "arithmetic")?);
            Ok(if left == Kind::Int && right == Kind::Int {
                Kind::Int
            } else {
                Kind::Float
            })
        }
    }
}

fn of_call(function: Function, arguments: &[Node], predicate: Option<&Node>) -> Result<Kind, String> {
    let kinds: Vec<Kind> = arguments.iter().map(kind).collect::<Result<_, _>>()?;
    let list = || match kinds.as_slice() {
        [Kind::List | Kind::Any] => Ok(()),
        _ => Err("it takes one list".to_owned()),
    };
    match function {
        Function::Min | Function::Max | Function::Mean | Function::Median => {
            if kinds.is_empty() || !kinds.iter().all(|kind| kind.is_number() || *kind == Kind::List) {
                return Err("min, max, mean and median take numbers or lists of them".to_owned());
            }
            let whole =
                matches!(function, Function::Min | Function::Max) && kinds.iter().all(|kind| *kind == Kind::Int);
            Ok(if whole { Kind::Int } else { Kind::Float })
        }
        Function::Length => list().map(|()| Kind::Int),
        Function::Ceil | Function::Floor | Function::Round | Function::Abs | Function::Int | Function::Float => {
            let [one] = kinds.as_slice() else {
                return Err("it takes one number".to_owned());
            };
            if !one.is_number() {
                return Err(format!("it takes one number, not {}", one.name()));
            }
            Ok(match function {
                Function::Int => Kind::Int,
                Function::Abs => *one,
                _ => Kind::Float,
            })
        }
        Function::Sum => {
            list()?;
            predicate.map(|predicate| number(predicate, "sum")).transpose()?;
            Ok(Kind::Float)
        }
        Function::Map => {
            list()?;
            kind(predicate.ok_or("map takes a predicate")?)?;
            Ok(Kind::List)
        }
        Function::Count | Function::All | Function::Any | Function::None | Function::One | Function::Filter => {
            list()?;
            match predicate {
                Some(predicate) => truth(predicate, "a predicate")?,
                None if function == Function::Count => {}
                None => return Err("it takes a predicate".to_owned()),
            }
            Ok(match function {
                Function::Count => Kind::Int,
                Function::Filter => Kind::List,
                _ => Kind::Bool,
            })
        }
    }
}
