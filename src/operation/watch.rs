//! A watch to be begun, and what it is of.

use super::{Key, Keys};
use crate::base::error::{Error, Result};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch<T = Subject> {
    pub target: T,
    /// The index of the first change of interest; 0: from now on.
    pub from: u64,
    /// Whether the first event is the last.
    pub once: bool,
    /// Whether it begins later than it was asked for: "now" was then, and what has changed since is a gap.
    pub is_late: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Path(Target),
    /// Of v3's flat store.
    Range(WatchedRange),
}

/// A key, or with `recursive` all below it, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub key: Key,
    pub recursive: bool,
}

/// Keys, and what of their changes is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedRange {
    pub keys: Keys,
    /// Whether the keys as they were are wanted, too.
    pub prev_kv: bool,
    pub no_put: bool,
    pub no_delete: bool,
    /// Whether bytes in events are base64, also where they are text.
    pub base64: bool,
}

impl Watch {
    pub fn of(target: Subject, from: u64, once: bool) -> Watch {
        Watch { target, from, once, is_late: false }
    }

    /// For an API that knows paths alone.
    pub fn of_a_path(self, otherwise: impl FnOnce() -> Error) -> Result<Watch<Target>> {
        let Watch { target, from, once, is_late } = self;
        match target {
            Subject::Path(target) => Ok(Watch { target, from, once, is_late }),
            Subject::Range(_) => Err(otherwise()),
        }
    }
}

impl Subject {
    /// As the log names it.
    pub fn name(&self) -> String {
        match self {
            Subject::Path(target) => target.key.as_str().to_owned(),
            Subject::Range(range) => range.name(),
        }
    }
}

impl WatchedRange {
    pub fn name(&self) -> String {
        format!("{:?}", String::from_utf8_lossy(&self.keys.key))
    }
}
