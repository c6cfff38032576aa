//! Types and cost of a rule, before it is ever evaluated: the interpreter takes an unknown field of a text for false and a
//! whole number for different from any other, so that what is wrong must be found here.

use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, SelectExpr, operators as op};
use cel::{Context, IdedExpr, Value};

use super::sure::{Sure, holding, key_of, label, path, quoted, text_of, with};
use super::types::{LONGEST_LIST, Type, VARIABLES, Variable};

/// Steps that one evaluation takes at most, a node of the expression each.
const MOST_STEPS: usize = 10_000;
/// Steps of a regular expression, which is compiled each time.
const STEPS_OF_MATCHES: usize = 100;
/// How deep an expression is at most.
const DEEPEST: usize = 48;
/// How deep loops stand in loops at most.
const LOOPS_IN_LOOPS: usize = 2;

/// Fields, each with its variable.
pub(super) type Uses = BTreeSet<(&'static str, &'static str)>;

/// What a checked expression is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checked {
    /// Whether it goes through a list.
    pub(super) loops: bool,
    /// The fields that it asks for, each with its variable.
    pub(super) uses: Uses,
}

/// Checks an expression that must be true or false.
pub(super) fn check(expression: &IdedExpr, levers: &[String]) -> Result<Checked, String> {
    let mut checker = Checker {
        levers,
        locals: Vec::new(),
        loops: 0,
        looped: false,
        weight: 1,
        steps: 0,
        uses: Uses::new(),
        depth: 0,
    };
    match checker.typed(expression, &Sure::new())? {
        Type::Bool => Ok(Checked {
            loops: checker.looped,
            uses: checker.uses,
        }),
        other => Err(format!("it must be true or false, and is {}", other.in_words())),
    }
}

struct Checker<'a> {
    levers: &'a [String],
    locals: Vec<(String, Type)>,
    loops: usize,
    looped: bool,
    /// How often the present part is evaluated.
    weight: usize,
    steps: usize,
    uses: Uses,
    depth: usize,
}

impl Checker<'_> {
    fn typed(&mut self, expression: &IdedExpr, sure: &Sure) -> Result<Type, String> {
        self.spend(1)?;
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!(
                "it is more than {DEEPEST} levels deep; split it into several rules"
            ));
        }
        let found = match &expression.expr {
            Expr::Literal(literal) => literal_type(literal),
            Expr::Ident(name) => self.named(name),
            Expr::Select(select) => self.select(select, sure),
            Expr::Call(call) => self.call(call, sure),
            Expr::List(list) => {
                let mut of = Type::Nothing;
                for element in &list.elements {
                    let next = self.typed(element, sure)?;
                    of = of.with(&next).ok_or_else(|| {
                        format!(
                            "a list holds {} and {}; it must be one of both",
                            of.in_words(),
                            next.in_words()
                        )
                    })?;
                }
                Ok(Type::List(Box::new(of), list.elements.len()))
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension, sure),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                Err("maps and messages cannot be made here".to_owned())
            }
        };
        self.depth -= 1;
        found
    }

    fn spend(&mut self, steps: usize) -> Result<(), String> {
        self.steps = self.steps.saturating_add(steps.saturating_mul(self.weight));
        if self.steps > MOST_STEPS {
            return Err(format!(
                "it may take more than {MOST_STEPS} steps (a list counts {LONGEST_LIST} entries); make it smaller"
            ));
        }
        Ok(())
    }

    fn named(&self, name: &str) -> Result<Type, String> {
        if let Some((_, of)) = self.locals.iter().rev().find(|(local, _)| local == name) {
            return Ok(of.clone());
        }
        variable(name).map(|variable| Type::Record(*variable)).ok_or_else(|| {
            let known = VARIABLES.map(|variable| variable.name).join(", ");
            format!("unknown variable `{name}`; there are {known}")
        })
    }

    fn select(&mut self, select: &SelectExpr, sure: &Sure) -> Result<Type, String> {
        let field = &select.field;
        match self.typed(&select.operand, sure)? {
            Type::Record(variable) => {
                let Some(known) = variable.fields.iter().find(|known| known.name == field) else {
                    let known: Vec<&str> = variable.fields.iter().map(|known| known.name).collect();
                    let name = variable.name;
                    return Err(format!(
                        "unknown field `{name}.{field}`; `{name}` has {}",
                        known.join(", ")
                    ));
                };
                self.uses.insert((variable.name, known.name));
                let path = format!("{}.{field}", variable.name);
                if select.test {
                    return Ok(Type::Bool);
                }
                if known.optional && !sure.contains(&path) {
                    return Err(format!("`{path}` may be missing; ask has({path}) && ... before it"));
                }
                Ok(Type::of(known.kind, self.levers))
            }
            Type::Labels if select.test => Ok(Type::Bool),
            Type::Labels => label(&select.operand, &quoted(field), sure),
            other => Err(format!(
                "`.{field}` is asked of {}, which has no fields",
                other.in_words()
            )),
        }
    }

    fn call(&mut self, call: &CallExpr, sure: &Sure) -> Result<Type, String> {
        if let Some(target) = &call.target {
            return self.method(call, target, sure);
        }
        match (call.func_name.as_str(), call.args.as_slice()) {
            (op::CONDITIONAL, [condition, yes, no]) => {
                self.must_be_bool(condition, sure, "in front of `?`")?;
                let yes = self.typed(yes, &with(sure, holding(condition, true)))?;
                let no = self.typed(no, &with(sure, holding(condition, false)))?;
                yes.with(&no)
                    .ok_or_else(|| format!("`?` chooses between {} and {}", yes.in_words(), no.in_words()))
            }
            (op::LOGICAL_AND, [left, right]) => {
                self.must_be_bool(left, sure, "beside `&&`")?;
                self.must_be_bool(right, &with(sure, holding(left, true)), "beside `&&`")
            }
            (op::LOGICAL_OR, [left, right]) => {
                self.must_be_bool(left, sure, "beside `||`")?;
                self.must_be_bool(right, &with(sure, holding(left, false)), "beside `||`")
            }
            (op::LOGICAL_NOT, [of]) => self.must_be_bool(of, sure, "behind `!`"),
            (op::NOT_STRICTLY_FALSE, [of]) => self.must_be_bool(of, sure, "in a loop"),
            (op::NEGATE, [of]) => match self.typed(of, sure)? {
                of if of.is_numeric() => Ok(of),
                other => Err(format!("`-` stands before {}", other.in_words())),
            },
            (op::INDEX, [of, key]) => self.index(of, key, sure),
            ("size", [of]) => self.size(of, sure),
            ("double", [of]) => match self.typed(of, sure)? {
                of if of.is_numeric() => Ok(Type::Number),
                other => Err(format!("double() is asked of {}", other.in_words())),
            },
            (name, [left, right]) if name.starts_with('_') || name == op::IN => self.binary(name, left, right, sure),
            (name, _) => Err(format!(
                "there is no function `{}`; {FUNCTIONS}",
                name.trim_matches('_')
            )),
        }
    }

    fn must_be_bool(&mut self, of: &IdedExpr, sure: &Sure, place: &str) -> Result<Type, String> {
        match self.typed(of, sure)? {
            Type::Bool => Ok(Type::Bool),
            other => Err(format!(
                "{} stands {place}, where true or false belongs",
                other.in_words()
            )),
        }
    }

    fn size(&mut self, of: &IdedExpr, sure: &Sure) -> Result<Type, String> {
        match self.typed(of, sure)? {
            Type::List(..) | Type::Labels => Ok(Type::Whole),
            other => Err(format!(
                "size() is asked of {}; it counts lists and labels",
                other.in_words()
            )),
        }
    }

    fn method(&mut self, call: &CallExpr, target: &IdedExpr, sure: &Sure) -> Result<Type, String> {
        let name = call.func_name.as_str();
        if name == "size" && call.args.is_empty() {
            return self.size(target, sure);
        }
        let ("contains" | "startsWith" | "endsWith" | "matches", [argument]) = (name, call.args.as_slice()) else {
            return Err(format!(
                "there is no function `{name}` with such arguments; {FUNCTIONS}"
            ));
        };
        for part in [target, argument] {
            let of = self.typed(part, sure)?;
            if !of.is_text() {
                return Err(format!("`{name}` is asked of {}; it is for texts", of.in_words()));
            }
        }
        if name == "matches" {
            self.spend(STEPS_OF_MATCHES)?;
            pattern(call, argument)?;
        }
        Ok(Type::Bool)
    }

    fn index(&mut self, of: &IdedExpr, key: &IdedExpr, sure: &Sure) -> Result<Type, String> {
        let (kind, by) = (self.typed(of, sure)?, self.typed(key, sure)?);
        match (kind, by.is_text(), key_of(key)) {
            (Type::Labels, true, Some(key)) => label(of, &key, sure),
            (Type::Labels, ..) => {
                Err("a label is asked for by a text, or by the variable of a loop over labels".to_owned())
            }
            (Type::List(..), ..) => Err("lists are not indexed; ask exists(x, ...) or all(x, ...)".to_owned()),
            (other, ..) => Err(format!("`[...]` is asked of {}; it is for labels", other.in_words())),
        }
    }

    fn binary(&mut self, name: &str, left: &IdedExpr, right: &IdedExpr, sure: &Sure) -> Result<Type, String> {
        let (a, b) = (self.typed(left, sure)?, self.typed(right, sure)?);
        let sign = name.trim_matches(['_', '@']);
        let wrong = || format!("`{sign}` stands between {} and {}", a.in_words(), b.in_words());
        match name {
            op::EQUALS | op::NOT_EQUALS => {
                known_word(&a, right)?;
                known_word(&b, left)?;
                if a.is_numeric() && b.is_numeric() && a != b {
                    return Err(format!(
                        "{}, which are never equal; write 4.0 for 4, or double(...)",
                        wrong()
                    ));
                }
                a.with(&b).map(|_| Type::Bool).ok_or_else(wrong)
            }
            op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS => {
                let numbers = a.is_numeric() && b.is_numeric();
                let hint = "; only numbers have an order";
                numbers
                    .then_some(Type::Bool)
                    .ok_or_else(|| format!("{}{hint}", wrong()))
            }
            op::IN => match (&a, &b) {
                (a, Type::Labels) if a.is_text() => Ok(Type::Bool),
                (a, Type::List(of, _)) => {
                    known_word(of, left)?;
                    if let Expr::List(list) = &right.expr {
                        list.elements.iter().try_for_each(|element| known_word(a, element))?;
                    }
                    a.with(of).map(|_| Type::Bool).ok_or_else(wrong)
                }
                _ => Err(wrong()),
            },
            op::ADD if a.is_text() && b.is_text() => Ok(Type::Text),
            op::ADD if matches!((&a, &b), (Type::List(..), Type::List(..))) => a.beside(&b).ok_or_else(wrong),
            op::ADD | op::SUBSTRACT | op::MULTIPLY | op::DIVIDE if a.is_numeric() && a == b => Ok(a),
            op::MODULO if a == Type::Whole && b == Type::Whole => Ok(a),
            op::ADD | op::SUBSTRACT | op::MULTIPLY | op::DIVIDE if a.is_numeric() && b.is_numeric() => {
                Err(format!("{}; write 4.0 for 4, or double(...)", wrong()))
            }
            _ => Err(wrong()),
        }
    }

    fn comprehension(&mut self, of: &ComprehensionExpr, sure: &Sure) -> Result<Type, String> {
        let init = self.typed(&of.accu_init, sure)?;
        let gathers = matches!(init, Type::List(..));
        let mut inside = sure.clone();
        let (element, most) = match self.typed(&of.iter_range, sure)? {
            Type::List(element, most) => (*element, most),
            Type::Labels if gathers => {
                return Err("map() and filter() go through lists; labels have no order".to_owned());
            }
            Type::Labels => {
                inside.extend(path(&of.iter_range).map(|path| format!("{path}[{}]", of.iter_var)));
                (Type::Text, LONGEST_LIST)
            }
            other => {
                return Err(format!(
                    "a loop goes through {}; it is for lists and labels",
                    other.in_words()
                ));
            }
        };
        if variable(&of.iter_var).is_some() || self.locals.iter().any(|(local, _)| *local == of.iter_var) {
            return Err(format!("`{}` is the name of something else already", of.iter_var));
        }
        if self.loops == LOOPS_IN_LOOPS || of.iter_var2.is_some() {
            return Err(format!(
                "loops stand in loops at most {LOOPS_IN_LOOPS} deep, with one variable each"
            ));
        }
        let outside = self.weight;
        self.loops += 1;
        self.looped = true;
        self.weight = self.weight.saturating_mul(most.max(1));
        self.locals.push((of.iter_var.clone(), element));
        // The inner loop's result hides the outer one's, as it does where it is evaluated.
        self.locals.push((of.accu_var.clone(), init.clone()));
        self.typed(&of.loop_cond, &inside)?;
        let step = self.typed(&of.loop_step, &inside)?;
        self.loops -= 1;
        self.weight = outside;
        let after = match (init.with(&step), gathers) {
            (Some(Type::List(of, _)), true) => Type::List(of, most),
            (Some(after), false) => after,
            _ => return Err(format!("a loop gathers {} and {}", init.in_words(), step.in_words())),
        };
        self.locals.truncate(self.locals.len() - 2);
        self.locals.push((of.accu_var.clone(), after));
        let result = self.typed(&of.result, sure);
        self.locals.pop();
        result
    }
}

const FUNCTIONS: &str = "there are has, size, double, contains, startsWith, endsWith, matches, all, exists, exists_one, map \
                         and filter";

fn variable(name: &str) -> Option<&'static Variable> {
    VARIABLES.iter().find(|variable| variable.name == name)
}

fn literal_type(literal: &LiteralValue) -> Result<Type, String> {
    match literal {
        LiteralValue::Boolean(_) => Ok(Type::Bool),
        LiteralValue::Int(_) => Ok(Type::Whole),
        LiteralValue::Double(_) => Ok(Type::Number),
        LiteralValue::String(_) => Ok(Type::Text),
        LiteralValue::Null => Err("nothing is null here; whether a field is there says has(...)".to_owned()),
        LiteralValue::UInt(_) | LiteralValue::Bytes(_) => {
            Err("unsigned numbers and bytes are not used here".to_owned())
        }
    }
}

/// A text that is compared with one of some words must be one of them.
fn known_word(words: &Type, with: &IdedExpr) -> Result<(), String> {
    match (words, text_of(with)) {
        (Type::Word(words), Some(text)) if !words.iter().any(|word| word == text) => {
            Err(format!("`{text}` is none of {}", words.join(", ")))
        }
        _ => Ok(()),
    }
}

/// A pattern is checked at once, so that it must stand there as it is.
fn pattern(call: &CallExpr, argument: &IdedExpr) -> Result<(), String> {
    let Some(text) = text_of(argument) else {
        return Err("the pattern of matches() must be a text that stands there as it is".to_owned());
    };
    let mut probe = call.clone();
    probe.target = Some(Box::new(argument.clone()));
    let expression = IdedExpr {
        id: 0,
        expr: Expr::Call(probe),
    };
    let good = text.len() <= 256 && matches!(Value::resolve(&expression, &Context::default()), Ok(Value::Bool(_)));
    good.then_some(())
        .ok_or_else(|| format!("`{text}` is no regular expression, or a very large one"))
}
