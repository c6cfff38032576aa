//! What a rule is told of one change.

use std::collections::{BTreeMap, HashMap};

use cel::{Context, Value};

use super::check::Uses;
use super::types::{Kind, LONGEST_LIST, VARIABLES};
use crate::model::cluster::Labels;

/// A value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Whole(i64),
    /// Any number.
    Number(f64),
    /// A text, or a word.
    Text(String),
    /// A list of texts or words.
    Texts(Vec<String>),
    /// Labels.
    Labels(Labels),
}

impl Fact {
    /// Whether a field of this kind may hold it.
    fn is(&self, kind: Kind) -> bool {
        matches!(
            (self, kind),
            (Self::Bool(_), Kind::Bool)
                | (Self::Whole(_), Kind::Whole)
                | (Self::Number(_), Kind::Number)
                | (Self::Text(_), Kind::Text | Kind::Word(_) | Kind::Lever)
                | (Self::Texts(_), Kind::Texts | Kind::Words(_))
                | (Self::Labels(_), Kind::Labels)
        )
    }

    fn entries(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::Labels(labels) => labels.len(),
            _ => 0,
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Whole(value) => Value::Int(*value),
            Self::Number(value) => Value::Float(*value),
            Self::Text(value) => value.clone().into(),
            Self::Texts(values) => values.clone().into(),
            Self::Labels(labels) => {
                let entries: HashMap<String, String> = labels.clone().into_iter().collect();
                entries.into()
            }
        }
    }
}

/// The variables of one change, with the fields that are known of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts(BTreeMap<&'static str, BTreeMap<&'static str, Fact>>);

impl Facts {
    /// Sets a field; what is not known is left out.
    pub fn set(&mut self, variable: &'static str, field: &'static str, fact: Option<Fact>) {
        let fields = self.0.entry(variable).or_default();
        if let Some(fact) = fact {
            fields.insert(field, fact);
        }
    }

    /// What does not fit the variables that rules are checked by: a field that is none of theirs, of another kind, or missing.
    pub fn strangers(&self) -> Vec<String> {
        let mut strangers = Vec::new();
        for (variable, fields) in &self.0 {
            let known = VARIABLES.iter().find(|known| known.name == *variable);
            for (field, fact) in fields {
                let kind = known.and_then(|known| known.fields.iter().find(|known| known.name == *field));
                if kind.is_none_or(|known| !fact.is(known.kind)) {
                    strangers.push(format!("{variable}.{field}"));
                }
            }
        }
        for variable in VARIABLES {
            let fields = self.0.get(variable.name);
            let has = |name: &str| fields.is_some_and(|fields| fields.contains_key(name));
            let missing = variable
                .fields
                .iter()
                .filter(|field| !field.optional && !has(field.name));
            strangers.extend(missing.map(|field| format!("{}.{} is missing", variable.name, field.name)));
        }
        strangers
    }

    /// The first field with more entries than a rule may go through.
    pub(super) fn too_long(&self) -> Option<String> {
        let fields = self.0.iter().flat_map(|(variable, fields)| {
            fields
                .iter()
                .map(move |(field, fact)| (variable, field, fact.entries()))
        });
        let mut long = fields.filter(|(.., entries)| *entries > LONGEST_LIST);
        long.next().map(|(variable, field, entries)| {
            format!("{variable}.{field} has {entries} entries, and a rule goes through {LONGEST_LIST} at most")
        })
    }

    /// What is asked for of it. Whatever else is known is left out: to tell it costs more than to judge by it.
    pub(super) fn context(&self, uses: &Uses) -> Context<'static> {
        let mut context = Context::default();
        for (variable, fields) in &self.0 {
            let asked = fields.iter().filter(|(field, _)| uses.contains(&(*variable, **field)));
            let fields = asked.map(|(field, fact)| ((*field).to_owned(), fact.value()));
            let fields: HashMap<String, Value> = fields.collect();
            context.add_variable_from_value(*variable, fields);
        }
        context
    }

    /// A change of which everything is known, or only what is always known.
    pub(super) fn sample(whole: bool, levers: &[String]) -> Self {
        let mut facts = Self::default();
        for variable in VARIABLES {
            for field in variable.fields.iter().filter(|field| whole || !field.optional) {
                let first = |words: &[&str]| words.first().map_or_else(String::new, |word| (*word).to_owned());
                let fact = match field.kind {
                    Kind::Bool => Fact::Bool(true),
                    Kind::Whole => Fact::Whole(1),
                    Kind::Number => Fact::Number(1.0),
                    Kind::Text => Fact::Text("a".to_owned()),
                    Kind::Word(words) => Fact::Text(first(words)),
                    Kind::Lever => Fact::Text(levers.first().cloned().unwrap_or_default()),
                    Kind::Words(words) => Fact::Texts(vec![first(words)]),
                    Kind::Texts => Fact::Texts(vec!["a".to_owned()]),
                    Kind::Labels => Fact::Labels(Labels::from([("a".to_owned(), "a".to_owned())])),
                };
                facts.set(variable.name, field.name, Some(fact));
            }
        }
        facts
    }
}
