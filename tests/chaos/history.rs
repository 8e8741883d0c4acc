//! What clients asked of a few keys and what they were answered, with the times of both: what the checkers look at.

use std::collections::BTreeMap;
use std::fmt;

/// No value is written by two calls, so a number is enough.
pub type Value = u32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Get,
    Set(Value),
    Create(Value),
    Cas {
        from: Value,
        to: Value,
    },
    Delete,
    /// Only this value.
    Cad(Value),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// To a read; `None`: nothing is there.
    Found(Option<Value>),
    /// It was carried out, at this index; what was there before.
    Done { before: Option<Value>, index: u64 },
    /// The condition did not hold.
    Refused(There),
    /// An error that says that nothing was carried out.
    NotCarriedOut,
    /// It may be carried out at any time from the call on, also after the answer, or never.
    Unknown,
}

/// What was there instead of what the condition wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum There {
    Nothing,
    This(Value),
    /// Whatever it was.
    Something,
}

/// One call of one client. Times are nanoseconds since the run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    pub client: usize,
    pub key: usize,
    pub asked: Asked,
    pub answer: Answer,
    pub began: u64,
    pub ended: u64,
}

/// What a read of all keys showed: the values, with the index of each, as they were at one index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    pub index: u64,
    pub there: State,
    pub began: u64,
    pub ended: u64,
}

/// All keys that are there.
pub type State = BTreeMap<usize, (Value, u64)>;

impl Asked {
    /// What it writes.
    pub fn value(self) -> Option<Value> {
        match self {
            Asked::Set(value) | Asked::Create(value) | Asked::Cas { to: value, .. } => Some(value),
            Asked::Get | Asked::Delete | Asked::Cad(_) => None,
        }
    }

    /// What must be there.
    pub fn wanted(self) -> Option<Value> {
        match self {
            Asked::Cas { from, .. } | Asked::Cad(from) => Some(from),
            _ => None,
        }
    }

    pub fn deletes(self) -> bool {
        matches!(self, Asked::Delete | Asked::Cad(_))
    }

    pub fn is_read(self) -> bool {
        self == Asked::Get
    }

    /// What is there after it was carried out where this was there. `None`: it is not carried out.
    pub fn effect(self, there: Option<Value>) -> Option<Option<Value>> {
        match self {
            Asked::Get => None,
            Asked::Set(value) => Some(Some(value)),
            Asked::Create(value) => there.is_none().then_some(Some(value)),
            Asked::Cas { from, to } => (there == Some(from)).then_some(Some(to)),
            Asked::Delete => there.is_some().then_some(None),
            Asked::Cad(from) => (there == Some(from)).then_some(None),
        }
    }
}

impl Call {
    /// What is there after this call with this answer where this was there. `None`: the answer does not fit.
    pub fn step(&self, there: Option<Value>) -> Option<Option<Value>> {
        match self.answer {
            Answer::Found(found) => (found == there).then_some(there),
            Answer::Done { before, .. } => self.asked.effect(there).filter(|_| before == there),
            Answer::Refused(reason) => {
                let fits = match reason {
                    There::Nothing => there.is_none(),
                    There::This(value) => there == Some(value),
                    There::Something => there.is_some(),
                };
                (fits && self.asked.effect(there).is_none()).then_some(there)
            }
            Answer::NotCarriedOut | Answer::Unknown => None,
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call { client, key, asked, answer, .. } = self;
        let [began, ended] = [self.began, self.ended].map(|time| time as f64 / 1e6);
        write!(f, "{began:12.3} {ended:12.3}  client {client:<2} key {key:<4} {asked:?} -> {answer:?}")
    }
}

/// One call a line, as they began.
pub fn written(calls: &[Call]) -> String {
    let mut calls = calls.to_vec();
    calls.sort_by_key(|call| call.began);
    calls.iter().map(|call| format!("{call}\n")).collect()
}
