//! The formula of scaling modifiers: the part of the language expr that computes with numbers. Whatever is not known here is
//! refused by its name when the formula is read, never guessed.

mod evaluate;
mod kinds;
mod parse;

/// A formula over the values of named triggers.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    names: Vec<String>,
    root: Node,
}

/// What a part of a formula evaluates to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Int(i64),
    Float(f64),
    Bool(bool),
    List(Vec<Value>),
    /// Of a trigger that failed more often than its fallback allows.
    Nil,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Literal(Value),
    /// A trigger, by its place among the names.
    Trigger(usize),
    /// The item that a predicate is asked of.
    Item,
    List(Vec<Node>),
    Unary(Unary, Box<Node>),
    Binary(Binary, Box<Node>, Box<Node>),
    /// Condition, then, else.
    Choice(Box<[Node; 3]>),
    /// Arguments, and the predicate that follows them.
    Call(Function, Vec<Node>, Option<Box<Node>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unary {
    Minus,
    Not,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    And,
    Or,
    OrElse,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Min,
    Max,
    Sum,
    Mean,
    Median,
    Count,
    Length,
    All,
    Any,
    None,
    One,
    Filter,
    Map,
    Ceil,
    Floor,
    Round,
    Abs,
    Int,
    Float,
}

const FUNCTIONS: [(&str, Function); 19] = [
    ("min", Function::Min),
    ("max", Function::Max),
    ("sum", Function::Sum),
    ("mean", Function::Mean),
    ("median", Function::Median),
    ("count", Function::Count),
    ("len", Function::Length),
    ("all", Function::All),
    ("any", Function::Any),
    ("none", Function::None),
    ("one", Function::One),
    ("filter", Function::Filter),
    ("map", Function::Map),
    ("ceil", Function::Ceil),
    ("floor", Function::Floor),
    ("round", Function::Round),
    ("abs", Function::Abs),
    ("int", Function::Int),
    ("float", Function::Float),
];

impl Formula {
    /// Reads a formula over triggers of these names.
    ///
    /// # Errors
    /// Why it does not compile, or what of it is not known here.
    pub fn read(text: &str, triggers: &[&str]) -> Result<Self, String> {
        let names: Vec<String> = triggers.iter().map(|name| (*name).to_owned()).collect();
        let root = parse::parse(text, &names)?;
        kinds::of_formula(&root)?;
        let formula = Self { names, root };
        // KEDA runs it once over dummies, too, and refuses what fails.
        formula.run(&vec![Some(-1.0); triggers.len()])?;
        Ok(formula)
    }

    /// The triggers that it may name, in the order of their values.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Its value; `None` where it is nil.
    ///
    /// # Errors
    /// Why it has none.
    pub fn run(&self, values: &[Option<f64>]) -> Result<Option<f64>, String> {
        match evaluate::value(&self.root, values, None)? {
            Value::Float(value) => Ok(Some(value)),
            Value::Int(value) => Ok(Some(value as f64)),
            Value::Nil => Ok(None),
            Value::Bool(_) | Value::List(_) => Err("the formula gives no number".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
