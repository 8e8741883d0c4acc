//! What a caller wants of etcd, as plain data. Rules that only one API version has, and what it makes of an operation,
//! are that version's matter.

mod admin;
mod flat;
mod key;
mod member;
mod watch;

pub use admin::{Admin, AuthChange, MemberChange, Name, Permission, RoleChange, UserChange};
pub use flat::{Flat, Keys};
pub use key::Key;
pub use member::Member;
pub use watch::{Subject, Target, Watch, WatchedRange};

use std::num::NonZeroU64;

use crate::base::error::{Error, Result};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    Get {
        key: Key,
        recursive: bool,
        sorted: bool,
        quorum: bool,
    },
    Put(Put),
    /// A new key under a directory, named so that names sort in the order of creation.
    Append {
        directory: Key,
        value: String,
        ttl: Ttl,
        no_value: bool,
    },
    /// A new time to live; the value stays and watchers are not told.
    Refresh {
        key: Key,
        ttl: Ttl,
    },
    Delete {
        key: Key,
        kind: DeleteKind,
    },
    Machines,
    Members,
    Leader,
    Stats(Stats),
    Version,
    Health,
    /// Members, users and roles.
    Admin(Admin),
    /// Of v3's flat store.
    Flat {
        flat: Flat,
        /// Whether bytes in the reply are base64, also where they are text.
        base64: bool,
    },
    /// Anything that has no operation of its own.
    Raw(Raw),
}

/// A write under a key that the caller names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    pub key: Key,
    pub content: Content,
    pub ttl: Ttl,
    pub precondition: Precondition,
    /// Whether the reply may leave out the node.
    pub no_value: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Value(String),
    Directory,
}

/// What must hold for a write to be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    Always,
    Absent,
    Present,
    Matches(Condition),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeleteKind {
    Key,
    EmptyDirectory,
    Tree,
    KeyThatMatches(Condition),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stats {
    Store,
    Own,
    Leader,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    pub method: String,
    pub path: String,
    pub body: Option<String>,
    pub content_type: Option<String>,
}

/// Seconds until a key expires; `None`: never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ttl(Option<u64>);

impl Ttl {
    /// 0 or less means none.
    pub fn from_seconds(seconds: i64) -> Ttl {
        Ttl(u64::try_from(seconds).ok().filter(|seconds| *seconds > 0))
    }

    pub fn seconds(self) -> Option<u64> {
        self.0
    }
}

/// The state a key must be in: its value, its index, or both. Never empty, for without a condition
/// the server would write or delete unconditionally.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    value: Option<String>,
    index: Option<NonZeroU64>,
}

impl Condition {
    pub fn new(prev_value: Option<&str>, prev_index: u64) -> Result<Condition> {
        let index = NonZeroU64::new(prev_index);
        match prev_value {
            None if index.is_none() => {
                Err(Error::invalid("prev_value, prev_index: at least one must be given, or nothing would be compared"))
            }
            _ => Ok(Condition { value: prev_value.map(str::to_owned), index }),
        }
    }

    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    pub fn index(&self) -> Option<u64> {
        self.index.map(NonZeroU64::get)
    }
}

/// An index of etcd's. One above `i64::MAX` is a negative number from a language that has no unsigned ones.
pub fn index(given: u64, name: &str) -> Result<u64> {
    match i64::try_from(given) {
        Ok(_) => Ok(given),
        Err(_) => Err(Error::invalid(format!("{name}: must be at most {}, not {given}", i64::MAX))),
    }
}

/// A limit, or a revision of etcd's.
pub fn not_negative(given: i64, name: &str) -> Result<i64> {
    if given < 0 { Err(Error::invalid(format!("{name}: must not be negative, but is {given}"))) } else { Ok(given) }
}

impl Stats {
    pub fn parse(kind: &str) -> Result<Stats> {
        match kind {
            "store" => Ok(Stats::Store),
            "self" => Ok(Stats::Own),
            "leader" => Ok(Stats::Leader),
            _ => Err(Error::invalid(format!("kind: must be \"store\", \"self\" or \"leader\", not {kind:?}"))),
        }
    }
}

impl Raw {
    /// `path` and `body` go out as given; what would break out of the request's own lines is refused.
    pub fn new(method: &str, path: &str, body: Option<&str>, content_type: Option<&str>) -> Result<Raw> {
        if method.is_empty() || !method.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(Error::invalid("method: must be in capitals, like \"GET\""));
        }
        if !path.starts_with('/') || !path.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::invalid("path: must begin with \"/\" and be visible ASCII; percent-encode all else"));
        }
        if content_type.is_some_and(|t| t.is_empty() || !t.bytes().all(|b| b == b' ' || b.is_ascii_graphic())) {
            return Err(Error::invalid("content_type: must be visible ASCII, like \"application/json\""));
        }
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Ok(Raw {
            method: method.to_owned(),
            path: path.to_owned(),
            body: owned(body),
            content_type: owned(content_type),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ttl_of_nothing_or_less_is_none() {
        for (given, seconds) in
            [(i64::MIN, None), (-1, None), (0, None), (1, Some(1)), (i64::MAX, Some(i64::MAX as u64))]
        {
            assert_eq!(Ttl::from_seconds(given).seconds(), seconds);
        }
    }

    #[test]
    fn an_index_is_no_negative_number() {
        assert_eq!(index(i64::MAX as u64, "wait_index").unwrap(), i64::MAX as u64);
        assert_eq!(not_negative(-1, "limit").unwrap_err().cause, "limit: must not be negative, but is -1");
        assert!(index(-1_i64 as u64, "prev_index").unwrap_err().cause.starts_with("prev_index: must be at most"));
    }

    #[test]
    fn a_condition_compares_something() {
        assert_eq!(Condition::new(None, 0).unwrap_err().code, 1001);
        assert_eq!(Condition::new(Some("v"), 0).unwrap().index(), None);
        let both = Condition::new(Some("v"), 7).unwrap();
        assert_eq!((both.value(), both.index()), (Some("v"), Some(7)));
    }

    #[test]
    fn a_raw_request_cannot_break_out_of_its_lines() {
        for (method, path, content_type) in [
            ("", "/", None),
            ("get", "/", None),
            ("GET /x HTTP/1.1\r\n", "/", None),
            ("GET", "", None),
            ("GET", "x", None),
            ("GET", "/a b", None),
            ("GET", "/a\r\nX: y", None),
            ("GET", "/é", None),
            ("PUT", "/", Some("a\r\nX: y")),
            ("PUT", "/", Some("")),
        ] {
            assert_eq!(Raw::new(method, path, None, content_type).unwrap_err().code, 1001, "{method} {path}");
        }
        assert!(Raw::new("PUT", "/v2/keys/a?b=%20", Some("x"), Some("text/plain; charset=utf-8")).is_ok());
    }
}
