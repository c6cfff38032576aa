//! What is surely there: fields and labels that were asked for with `has(...)` or `in` before they are used.

use std::collections::BTreeSet;

use cel::IdedExpr;
use cel::common::ast::{Expr, LiteralValue, operators as op};

use super::types::Type;

/// Paths that are surely there, such as `workload.owner`.
pub(super) type Sure = BTreeSet<String>;

pub(super) fn text_of(expression: &IdedExpr) -> Option<&str> {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

pub(super) fn with(sure: &Sure, more: Sure) -> Sure {
    sure.iter().cloned().chain(more).collect()
}

pub(super) fn quoted(key: &str) -> String {
    format!("'{key}'")
}

/// The key of a label, as paths have it: a text, or the variable of a loop.
pub(super) fn key_of(key: &IdedExpr) -> Option<String> {
    match &key.expr {
        Expr::Ident(name) => Some(name.clone()),
        _ => text_of(key).map(quoted),
    }
}

pub(super) fn label(of: &IdedExpr, key: &str, sure: &Sure) -> Result<Type, String> {
    let path = path(of).ok_or_else(|| "labels are asked for by their name".to_owned())?;
    if sure.contains(&format!("{path}[{key}]")) {
        return Ok(Type::Text);
    }
    Err(format!(
        "the label {key} may be missing; ask {key} in {path} && ... before it"
    ))
}

/// `workload.labels`.
pub(super) fn path(of: &IdedExpr) -> Option<String> {
    match &of.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => Some(format!("{}.{}", path(&select.operand)?, select.field)),
        _ => None,
    }
}

/// The paths that are surely there where an expression is true, or where it is false.
pub(super) fn holding(expression: &IdedExpr, truth: bool) -> Sure {
    let both = |left: &IdedExpr, right: &IdedExpr, any: bool| {
        let (left, right) = (holding(left, truth), holding(right, truth));
        if any {
            with(&left, right)
        } else {
            left.intersection(&right).cloned().collect()
        }
    };
    match &expression.expr {
        Expr::Select(select) if select.test && truth => {
            let of = path(&select.operand);
            let field = &select.field;
            // A label is a field of labels, and written as an entry.
            let paths = of.map(|of| [format!("{of}.{field}"), format!("{of}['{field}']")]);
            paths.into_iter().flatten().collect()
        }
        Expr::Call(call) => match (call.func_name.as_str(), call.args.as_slice()) {
            (op::LOGICAL_AND, [left, right]) => both(left, right, truth),
            (op::LOGICAL_OR, [left, right]) => both(left, right, !truth),
            (op::LOGICAL_NOT, [of]) => holding(of, !truth),
            (op::IN, [key, of]) if truth => {
                let there = key_of(key).zip(path(of)).map(|(key, of)| format!("{of}[{key}]"));
                there.into_iter().collect()
            }
            _ => Sure::new(),
        },
        _ => Sure::new(),
    }
}
