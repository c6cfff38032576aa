//! What rules may ask about: the variables, their fields, and the types of both. The one list by which rules are checked,
//! facts are given, and both are documented.

use crate::model::scenario::Move;

/// Most entries of a list or of labels that a rule may go through.
pub const LONGEST_LIST: usize = 64;

/// A type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Bool,
    /// A whole number, CEL's `int`.
    Whole,
    /// Any number, CEL's `double`.
    Number,
    /// A text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// The id of a lever.
    Lever,
    /// A list of words.
    Words(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// Labels.
    Labels,
}

/// A field of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Whether it may be missing, so that a rule must ask `has(...)` first.
    pub optional: bool,
    /// What it says.
    pub about: &'static str,
}

/// A variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
}

const fn always(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field {
        name,
        kind,
        optional: false,
        about,
    }
}

const fn maybe(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field {
        name,
        kind,
        optional: true,
        about,
    }
}

const LEVELS: Kind = Kind::Word(&["low", "medium", "high"]);
const CLASSES: Kind = Kind::Word(&["training", "inference", "batch", "notebook", "unknown"]);
const CAPACITY: Kind = Kind::Word(&["on-demand", "spot", "reserved", "unknown"]);

/// Every variable.
pub const VARIABLES: [Variable; 3] = [
    Variable {
        name: "workload",
        fields: &[
            always("name", Kind::Text, "its name"),
            always("namespace", Kind::Text, "its namespace"),
            always("kind", Kind::Text, "the kind of its object, such as Deployment"),
            always("labels", Kind::Labels, "its labels, completed by those of its pods"),
            maybe("owner", Kind::Text, "the team that owns it"),
            always("class", CLASSES, "the kind of work"),
            always("class_confidence", Kind::Number, "how sure the class is, 0 to 1"),
            maybe("replicas", Kind::Whole, "the replicas its object asks for"),
            always("pods", Kind::Whole, "pods that hold GPUs at the window's end"),
            always("gpus", Kind::Number, "GPUs held on average"),
            maybe("gpu", Kind::Text, "their kind, such as H100-80GB"),
            always("gpus_per_pod", Kind::Whole, "GPUs that one pod holds at most"),
            always("capacity_type", CAPACITY, "how they are bought"),
            maybe("monthly", Kind::Number, "what it costs a month"),
            maybe("queue", Kind::Text, "the LocalQueue of Kueue that it waits in"),
            always("autoscaled", Kind::Bool, "whether an autoscaler is on it"),
            always("family", Kind::Bool, "whether it ends by itself and is run again"),
            always("history_days", Kind::Number, "for how many days it was seen"),
        ],
    },
    Variable {
        name: "proposal",
        fields: &[
            always("lever", Kind::Lever, "the lever that proposes it"),
            always("moves", Kind::Words(&Move::KINDS), "what it does"),
            maybe("from_gpu", Kind::Text, "the GPU that is left"),
            maybe("to_gpu", Kind::Text, "the GPU that is moved to"),
            maybe(
                "slowdown",
                Kind::Number,
                "how many times longer work may take, at worst",
            ),
            maybe("hours_asleep", Kind::Whole, "hours of the week without GPUs"),
            always("confidence", LEVELS, "how sure it is"),
            always("risk", LEVELS, "what may go wrong"),
            always(
                "saving_monthly",
                Kind::Number,
                "what it saves a month, less what it adds",
            ),
            always("added_monthly", Kind::Number, "what new nodes cost a month"),
            always("frees_gpus", Kind::Number, "GPUs given back on average"),
            always("needs_human", Kind::Texts, "what a person must do first"),
        ],
    },
    Variable {
        name: "cluster",
        fields: &[
            always("name", Kind::Text, "its name"),
            always("gpus", Kind::Whole, "GPUs on its nodes"),
            always("nodes", Kind::Whole, "nodes with GPUs"),
            always("workloads", Kind::Whole, "workloads with GPUs"),
            maybe("monthly", Kind::Number, "what it costs a month"),
            always("currency", Kind::Text, "the currency of every amount"),
        ],
    },
];

/// The type of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Type {
    Bool,
    Whole,
    Number,
    Text,
    Word(Vec<String>),
    /// Of what, and how many at most.
    List(Box<Type>, usize),
    Labels,
    Record(Variable),
    /// The elements of an empty list.
    Nothing,
}

impl Type {
    pub(super) fn of(kind: Kind, levers: &[String]) -> Self {
        let words = |words: &[&str]| Self::Word(words.iter().map(|word| (*word).to_owned()).collect());
        let list = |of: Self| Self::List(Box::new(of), LONGEST_LIST);
        match kind {
            Kind::Bool => Self::Bool,
            Kind::Whole => Self::Whole,
            Kind::Number => Self::Number,
            Kind::Text => Self::Text,
            Kind::Word(all) => words(all),
            Kind::Lever => Self::Word(levers.to_vec()),
            Kind::Words(all) => list(words(all)),
            Kind::Texts => list(Self::Text),
            Kind::Labels => Self::Labels,
        }
    }

    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Whole => "a whole number".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::Text | Self::Word(_) => "a text".to_owned(),
            Self::List(of, _) => match **of {
                Self::Nothing => "an empty list".to_owned(),
                ref of => format!("a list of {}", of.in_words().trim_start_matches("a ")),
            },
            Self::Labels => "labels".to_owned(),
            Self::Record(variable) => format!("all of `{}`", variable.name),
            Self::Nothing => "nothing".to_owned(),
        }
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Text | Self::Word(_))
    }

    pub(super) fn is_numeric(&self) -> bool {
        matches!(self, Self::Whole | Self::Number)
    }

    /// The type of both lists, one behind the other.
    pub(super) fn beside(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::List(a, most), Self::List(b, more)) => Some(Self::List(Box::new(a.with(b)?), most + more)),
            _ => None,
        }
    }

    /// The type of both, where they can stand for each other.
    pub(super) fn with(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Nothing, some) | (some, Self::Nothing) => Some(some.clone()),
            (Self::Word(a), Self::Word(b)) if a == b => Some(self.clone()),
            (a, b) if a.is_text() && b.is_text() => Some(Self::Text),
            (Self::List(a, most), Self::List(b, more)) => Some(Self::List(Box::new(a.with(b)?), (*most).max(*more))),
            (Self::Record(_), _) => None,
            (a, b) => (a == b).then(|| a.clone()),
        }
    }
}
