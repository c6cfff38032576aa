//! A formula's value. Whole numbers stay whole until something makes them floats, as in expr.

use super::{Binary, Function, Node, Unary, Value};

/// The value of a node, with the item that its predicate is asked of.
pub(super) fn value(node: &Node, triggers: &[Option<f64>], item: Option<&Value>) -> Result<Value, String> {
    let of = |node: &Node| value(node, triggers, item);
    Ok(match node {
        Node::Literal(literal) => literal.clone(),
        Node::Trigger(at) => triggers.get(*at).copied().flatten().map_or(Value::Nil, Value::Float),
        Node::Item => item.cloned().unwrap_or(Value::Nil),
        Node::List(items) => Value::List(items.iter().map(of).collect::<Result<_, _>>()?),
        Node::Unary(Unary::Minus, operand) => match of(operand)? {
            Value::Int(whole) => Value::Int(whole.wrapping_neg()),
            other => Value::Float(-float(&other)?),
        },
        Node::Unary(Unary::Not, operand) => Value::Bool(!truth(&of(operand)?)?),
        Node::Choice(parts) => {
            let [condition, then, otherwise] = &**parts;
            of(if truth(&of(condition)?)? { then } else { otherwise })?
        }
        Node::Binary(Binary::And, left, right) => Value::Bool(truth(&of(left)?)? && truth(&of(right)?)?),
        Node::Binary(Binary::Or, left, right) => Value::Bool(truth(&of(left)?)? || truth(&of(right)?)?),
        Node::Binary(Binary::OrElse, left, right) => match of(left)? {
            Value::Nil => of(right)?,
            found => found,
        },
        Node::Binary(binary, left, right) => computed(*binary, &of(left)?, &of(right)?)?,
        Node::Call(function, arguments, predicate) => {
            let arguments: Vec<Value> = arguments.iter().map(of).collect::<Result<_, _>>()?;
            let asked = |item: &Value| match predicate {
                Some(predicate) => value(predicate, triggers, Some(item)),
                None => Ok(item.clone()),
            };
            called(*function, &arguments, &asked)?
        }
    })
}

fn float(value: &Value) -> Result<f64, String> {
    match value {
        Value::Int(whole) => Ok(*whole as f64),
        Value::Float(float) => Ok(*float),
        Value::Nil => Err("a value is nil and nothing stands in for it".to_owned()),
        Value::Bool(_) | Value::List(_) => Err("a number is expected".to_owned()),
    }
}

fn truth(value: &Value) -> Result<bool, String> {
    match value {
        Value::Bool(truth) => Ok(*truth),
        _ => Err("true or false is expected".to_owned()),
    }
}

fn computed(binary: Binary, left: &Value, right: &Value) -> Result<Value, String> {
    match (binary, left, right) {
        (Binary::Equal, ..) => return Ok(Value::Bool(same(left, right))),
        (Binary::Unequal, ..) => return Ok(Value::Bool(!same(left, right))),
        (Binary::Add, Value::Int(a), Value::Int(b)) => return Ok(Value::Int(a.wrapping_add(*b))),
        (Binary::Subtract, Value::Int(a), Value::Int(b)) => return Ok(Value::Int(a.wrapping_sub(*b))),
        (Binary::Multiply, Value::Int(a), Value::Int(b)) => return Ok(Value::Int(a.wrapping_mul(*b))),
        (Binary::Remainder, Value::Int(a), Value::Int(b)) => {
            return a
                .checked_rem(*b)
                .map(Value::Int)
                .ok_or("the remainder of a division by zero".to_owned());
        }
        _ => {}
    }
    let (a, b) = (float(left)?, float(right)?);
    Ok(match binary {
        Binary::Add => Value::Float(a + b),
        Binary::Subtract => Value::Float(a - b),
        Binary::Multiply => Value::Float(a * b),
        Binary::Divide => Value::Float(a / b),
        Binary::Power => Value::Float(a.powf(b)),
        Binary::Less => Value::Bool(a < b),
        Binary::AtMost => Value::Bool(a <= b),
        Binary::More => Value::Bool(a > b),
        Binary::AtLeast => Value::Bool(a >= b),
        _ => return Err("whole numbers are expected".to_owned()),
    })
}

fn same(left: &Value, right: &Value) -> bool {
    match (float(left), float(right)) {
        (Ok(a), Ok(b)) => a.total_cmp(&b).is_eq() || (a + b == 0.0 && a - b == 0.0),
        _ => left == right,
    }
}

fn items(value: &Value) -> Result<&[Value], String> {
    match value {
        Value::List(items) => Ok(items),
        _ => Err("a list is expected".to_owned()),
    }
}

/// Numbers that stand alone or in lists.
fn flat(arguments: &[Value]) -> Vec<&Value> {
    let mut all = Vec::new();
    for argument in arguments {
        match argument {
            Value::List(items) => all.extend(items),
            other => all.push(other),
        }
    }
    all
}

type Asked<'a> = &'a dyn Fn(&Value) -> Result<Value, String>;

fn called(function: Function, arguments: &[Value], asked: Asked<'_>) -> Result<Value, String> {
    match function {
        Function::Min | Function::Max | Function::Mean | Function::Median => of_numbers(function, &flat(arguments)),
        Function::Ceil | Function::Floor | Function::Round | Function::Abs | Function::Int | Function::Float => {
            let one = arguments.first().ok_or("a number is expected")?;
            of_number(function, one)
        }
        _ => of_list(function, items(arguments.first().ok_or("a list is expected")?)?, asked),
    }
}

fn of_number(function: Function, one: &Value) -> Result<Value, String> {
    let number = float(one)?;
    Ok(match (function, one) {
        (Function::Int, _) => Value::Int(number.trunc() as i64),
        (Function::Abs, Value::Int(whole)) => Value::Int(whole.wrapping_abs()),
        (Function::Abs, _) => Value::Float(number.abs()),
        (Function::Ceil, _) => Value::Float(number.ceil()),
        (Function::Floor, _) => Value::Float(number.floor()),
        (Function::Round, _) => Value::Float(number.round()),
        _ => Value::Float(number),
    })
}

fn of_numbers(function: Function, all: &[&Value]) -> Result<Value, String> {
    let mut numbers: Vec<f64> = all.iter().map(|one| float(one)).collect::<Result<_, _>>()?;
    numbers.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (numbers.first(), numbers.last()) else {
        // expr gives zero for the mean and the median of nothing.
        return match function {
            Function::Mean | Function::Median => Ok(Value::Float(0.0)),
            _ => Err("the least or most of nothing".to_owned()),
        };
    };
    let half = numbers.len() / 2;
    let middle = match numbers.len() % 2 {
        0 => (numbers[half - 1] + numbers[half]) / 2.0,
        _ => numbers[half],
    };
    let number = match function {
        Function::Min => *least,
        Function::Max => *most,
        Function::Mean => numbers.iter().sum::<f64>() / numbers.len() as f64,
        _ => middle,
    };
    let whole = matches!(function, Function::Min | Function::Max) && all.iter().all(|one| matches!(one, Value::Int(_)));
    Ok(if whole {
        Value::Int(number as i64)
    } else {
        Value::Float(number)
    })
}

fn of_list(function: Function, list: &[Value], asked: Asked<'_>) -> Result<Value, String> {
    let holds = |item: &Value| asked(item).and_then(|value| truth(&value));
    let held = || -> Result<usize, String> {
        let truths: Vec<bool> = list.iter().map(holds).collect::<Result<_, _>>()?;
        Ok(truths.into_iter().filter(|truth| *truth).count())
    };
    Ok(match function {
        Function::Length => Value::Int(list.len() as i64),
        Function::Count => Value::Int(held()? as i64),
        Function::All => Value::Bool(held()? == list.len()),
        Function::Any => Value::Bool(held()? > 0),
        Function::None => Value::Bool(held()? == 0),
        Function::One => Value::Bool(held()? == 1),
        Function::Map => Value::List(list.iter().map(asked).collect::<Result<_, _>>()?),
        Function::Filter => {
            let kept = |item: &Value| Ok(holds(item)?.then(|| item.clone()));
            let kept: Vec<Option<Value>> = list.iter().map(kept).collect::<Result<_, String>>()?;
            Value::List(kept.into_iter().flatten().collect())
        }
        _ => {
            let numbers = list.iter().map(|item| float(&asked(item)?));
            Value::Float(numbers.sum::<Result<f64, String>>()?)
        }
    })
}
