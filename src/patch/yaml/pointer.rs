//! Paths into a document, shown as JSON pointers.

use std::fmt;
use std::str::FromStr;

/// One step of a path into a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The value of this key of a mapping.
    Key(String),
    /// This element of a sequence, from zero.
    Index(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<String> for Step {
    fn from(key: String) -> Self {
        Self::Key(key)
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => f.write_str(&key.replace('~', "~0").replace('/', "~1")),
            Self::Index(index) => write!(f, "{index}"),
        }
    }
}

/// A path into a document, shown as a JSON pointer (RFC 6901); the empty path is the whole document.
///
/// A number on its way through a mapping is the key that is written so, and a key of digits on its way through a sequence is
/// the element of that number, as in a JSON pointer.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pointer(pub Vec<Step>);

impl Pointer {
    /// The path to what stands one step further.
    #[must_use]
    pub fn then(&self, step: impl Into<Step>) -> Self {
        let mut steps = self.0.clone();
        steps.push(step.into());
        Self(steps)
    }
}

impl<S: Into<Step>> From<Vec<S>> for Pointer {
    fn from(steps: Vec<S>) -> Self {
        Self(steps.into_iter().map(Into::into).collect())
    }
}

impl<S: Into<Step>, const N: usize> From<[S; N]> for Pointer {
    fn from(steps: [S; N]) -> Self {
        Self(steps.into_iter().map(Into::into).collect())
    }
}

impl<S: Into<Step>> FromIterator<S> for Pointer {
    fn from_iter<T: IntoIterator<Item = S>>(steps: T) -> Self {
        Self(steps.into_iter().map(Into::into).collect())
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| write!(f, "/{step}"))
    }
}

/// A text that is no JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no JSON pointer: it is empty or begins with a slash, and ~ stands only before 0 and 1")]
pub struct NoPointer(pub String);

impl FromStr for Pointer {
    type Err = NoPointer;

    /// Reads a JSON pointer; a token of digits without a leading zero is an index.
    fn from_str(text: &str) -> Result<Self, NoPointer> {
        let wrong = || NoPointer(text.to_owned());
        if text.is_empty() {
            return Ok(Self::default());
        }
        let tokens = text.strip_prefix('/').ok_or_else(wrong)?.split('/');
        let step = |token: &str| {
            let index = (token == "0" || !token.starts_with('0'))
                && !token.is_empty()
                && token.bytes().all(|byte| byte.is_ascii_digit());
            if let (true, Ok(index)) = (index, token.parse()) {
                return Ok(Step::Index(index));
            }
            let escaped = token.split('~').skip(1);
            if !escaped.into_iter().all(|rest| rest.starts_with(['0', '1'])) {
                return Err(wrong());
            }
            Ok(Step::Key(token.replace("~1", "/").replace("~0", "~")))
        };
        tokens.map(step).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_read_as_it_is_shown() {
        let path = Pointer(vec![
            "spec".into(),
            "nvidia.com/gpu".into(),
            3.into(),
            "a~b".into(),
            "01".into(),
            "".into(),
        ]);
        assert_eq!(path.to_string(), "/spec/nvidia.com~1gpu/3/a~0b/01/");
        assert_eq!(path.to_string().parse(), Ok(path));
        assert_eq!("".parse(), Ok(Pointer::default()));
    }

    #[test]
    fn what_is_no_pointer_is_refused() {
        for text in ["spec", "/a~2", "/a~"] {
            assert_eq!(text.parse::<Pointer>(), Err(NoPointer(text.to_owned())));
        }
    }
}
