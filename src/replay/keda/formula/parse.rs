//! A formula's text to its tree. Binding powers are those of expr: `??` binds closest, and stands beside no other operator
//! without parentheses.

use super::{Binary, FUNCTIONS, Function, Node, Unary, Value};

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(Value),
    Word(String),
    Sign(&'static str),
}

const SIGNS: [&str; 28] = [
    "**", "==", "!=", "<=", ">=", "&&", "||", "??", "?", ":", "+", "-", "*", "/", "%", "^", "<", ">", "!", "(", ")",
    "[", "]", "{", "}", ",", "#", ";",
];

/// Formulas nest no deeper; the stack is finite.
const DEEPEST: usize = 100;

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let length = if first.is_ascii_digit() || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit()))
        {
            let (number, length) = number(rest)?;
            found.push(Token::Number(number));
            length
        } else if word(first) {
            let length = rest.find(|c: char| !word(c)).unwrap_or(rest.len());
            found.push(Token::Word(rest[..length].to_owned()));
            length
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let sign = sign.ok_or_else(|| format!("`{first}` is not known here"))?;
            found.push(Token::Sign(sign));
            sign.len()
        };
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

fn number(text: &str) -> Result<(Value, usize), String> {
    let digits = |text: &str| {
        text.find(|c: char| !(c.is_ascii_digit() || c == '_'))
            .unwrap_or(text.len())
    };
    let mut length = digits(text);
    let mut is_whole = true;
    if let Some(part) = text[length..].strip_prefix('.') {
        length += 1 + digits(part);
        is_whole = false;
    }
    if let Some(power) = text[length..].strip_prefix(['e', 'E']) {
        let sign = usize::from(power.starts_with(['+', '-']));
        length += 1 + sign + digits(&power[sign..]);
        is_whole = false;
    }
    let written = text[..length].replace('_', "");
    let wrong = || format!("`{written}` is no number");
    let value = match is_whole {
        true => Value::Int(written.parse().map_err(|_| wrong())?),
        false => Value::Float(written.parse().map_err(|_| wrong())?),
    };
    Ok((value, length))
}

pub(super) fn parse(text: &str, names: &[String]) -> Result<Node, String> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
        names,
        depth: 0,
        in_predicate: false,
    };
    let root = parser.choice()?;
    match parser.peek() {
        None => Ok(root),
        Some(left) => Err(format!("{} is not expected", shown(left))),
    }
}

fn shown(token: &Token) -> String {
    match token {
        Token::Number(Value::Int(value)) => format!("`{value}`"),
        Token::Number(Value::Float(value)) => format!("`{value}`"),
        Token::Number(_) => "a number".to_owned(),
        Token::Word(word) => format!("`{word}`"),
        Token::Sign(sign) => format!("`{sign}`"),
    }
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
    names: &'t [String],
    depth: usize,
    in_predicate: bool,
}

/// An operator with how close it binds, and whether from the right.
fn operator(token: &Token) -> Option<(Binary, u32, bool)> {
    Some(match token {
        Token::Sign("||") => (Binary::Or, 10, false),
        Token::Sign("&&") => (Binary::And, 15, false),
        Token::Sign("==") => (Binary::Equal, 20, false),
        Token::Sign("!=") => (Binary::Unequal, 20, false),
        Token::Sign("<") => (Binary::Less, 20, false),
        Token::Sign("<=") => (Binary::AtMost, 20, false),
        Token::Sign(">") => (Binary::More, 20, false),
        Token::Sign(">=") => (Binary::AtLeast, 20, false),
        Token::Sign("+") => (Binary::Add, 30, false),
        Token::Sign("-") => (Binary::Subtract, 30, false),
        Token::Sign("*") => (Binary::Multiply, 60, false),
        Token::Sign("/") => (Binary::Divide, 60, false),
        Token::Sign("%") => (Binary::Remainder, 60, false),
        Token::Sign("**" | "^") => (Binary::Power, 100, true),
        Token::Sign("??") => (Binary::OrElse, 500, false),
        Token::Word(word) if word == "or" => (Binary::Or, 10, false),
        Token::Word(word) if word == "and" => (Binary::And, 15, false),
        _ => return None,
    })
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(found)) if *found == sign);
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, sign: &str) -> Result<(), String> {
        match self.take(sign) {
            true => Ok(()),
            false => Err(match self.peek() {
                Some(found) => format!("`{sign}` is expected before {}", shown(found)),
                None => format!("`{sign}` is missing"),
            }),
        }
    }

    fn choice(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("it nests too deeply".to_owned());
        }
        let condition = self.binary(0)?;
        let node = if self.take("?") {
            let then = self.choice()?;
            self.need(":")?;
            Node::Choice(Box::new([condition, then, self.choice()?]))
        } else {
            condition
        };
        self.depth -= 1;
        Ok(node)
    }

    fn binary(&mut self, least: u32) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("it nests too deeply".to_owned());
        }
        let mut left = self.primary()?;
        let mut after_or_else = false;
        while let Some(token) = self.peek()
            && let Some((binary, power, from_right)) = operator(token)
            && power >= least
        {
            if after_or_else && binary != Binary::OrElse {
                return Err(format!(
                    "{} and `??` cannot be mixed; wrap either in parentheses",
                    shown(token)
                ));
            }
            self.at += 1;
            let right = self.binary(if from_right { power } else { power + 1 })?;
            left = Node::Binary(binary, Box::new(left), Box::new(right));
            after_or_else = binary == Binary::OrElse;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn primary(&mut self) -> Result<Node, String> {
        let Some(token) = self.peek() else {
            return Err("it ends too early".to_owned());
        };
        self.at += 1;
        match token {
            Token::Number(value) => Ok(Node::Literal(value.clone())),
            Token::Sign("-") => Ok(Node::Unary(Unary::Minus, Box::new(self.binary(90)?))),
            Token::Sign("+") => self.binary(90),
            Token::Sign("!") => Ok(Node::Unary(Unary::Not, Box::new(self.binary(50)?))),
            Token::Sign("(") => {
                let node = self.choice()?;
                self.need(")")?;
                Ok(node)
            }
            Token::Sign("[") => Ok(Node::List(self.items("]")?)),
            Token::Sign("#") if self.in_predicate => Ok(Node::Item),
            Token::Word(word) => self.word(word),
            other => Err(format!("{} is not expected", shown(other))),
        }
    }

    fn word(&mut self, word: &str) -> Result<Node, String> {
        if word != "not" && self.take("(") {
            return self.call(word);
        }
        match word {
            "true" | "false" => Ok(Node::Literal(Value::Bool(word == "true"))),
            "nil" => Ok(Node::Literal(Value::Nil)),
            "not" => Ok(Node::Unary(Unary::Not, Box::new(self.binary(50)?))),
            name => {
                let at = self.names.iter().position(|known| known == name);
                at.map(Node::Trigger)
                    .ok_or_else(|| format!("unknown name `{name}`: no trigger is called so"))
            }
        }
    }

    fn items(&mut self, end: &str) -> Result<Vec<Node>, String> {
        let mut items = Vec::new();
        while !self.take(end) {
            if !items.is_empty() {
                self.need(",")?;
                // A comma may close a list.
                if self.take(end) {
                    break;
                }
            }
            items.push(self.choice()?);
        }
        Ok(items)
    }

    fn call(&mut self, name: &str) -> Result<Node, String> {
        let found = FUNCTIONS.iter().find(|(known, _)| *known == name);
        let Some((_, function)) = found else {
            return Err(match name {
                "avg" | "average" => format!("`{name}` is no function of expr; `mean` is"),
                _ => format!("function `{name}` is not known here"),
            });
        };
        let takes_predicate = !matches!(
            function,
            Function::Min
                | Function::Max
                | Function::Mean
                | Function::Median
                | Function::Length
                | Function::Ceil
                | Function::Floor
                | Function::Round
                | Function::Abs
                | Function::Int
                | Function::Float
        );
        if !takes_predicate {
            return Ok(Node::Call(*function, self.items(")")?, None));
        }
        let list = self.choice()?;
        let predicate = match self.take(",") {
            true => Some(Box::new(self.predicate()?)),
            false => None,
        };
        self.need(")")?;
        Ok(Node::Call(*function, vec![list], predicate))
    }

    fn predicate(&mut self) -> Result<Node, String> {
        let outer = std::mem::replace(&mut self.in_predicate, true);
        let braced = self.take("{");
        let node = self.choice()?;
        if braced {
            self.need("}")?;
        }
        self.in_predicate = outer;
        Ok(node)
    }
}
