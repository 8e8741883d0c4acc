//! What a caller wants of etcd, as plain data. How an API version says it on the wire is that
//! version's matter (`v2`).

use std::num::NonZeroU64;

use crate::error::{Error, Result};
use crate::key::Key;

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
        what: Removal,
    },
    Machines,
    Members,
    Leader,
    Stats(Stats),
    Version,
    Health,
    /// Anything that has no operation of its own.
    Raw(Raw),
}

/// A write under a key that the caller names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    pub key: Key,
    pub content: Content,
    pub ttl: Ttl,
    pub when: When,
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
pub enum When {
    Always,
    Absent,
    Present,
    Matches(Condition),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
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

/// What a watch is for: a key, or with `recursive` all below it, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub key: Key,
    pub recursive: bool,
}

/// Seconds until a key expires; `None`: never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ttl(Option<u32>);

impl Ttl {
    /// 0 or less means none. Above 2^31-1 the server would wrap it or silently drop it.
    pub fn from_seconds(seconds: i64) -> Result<Ttl> {
        match i32::try_from(seconds.max(0)) {
            Ok(0) => Ok(Ttl(None)),
            Ok(seconds) => Ok(Ttl(Some(seconds.unsigned_abs()))),
            Err(_) => Err(Error::invalid(format!("ttl: must be at most {} seconds, not {seconds}", i32::MAX))),
        }
    }

    pub fn seconds(self) -> Option<u32> {
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
            Some("") => Err(Error::invalid(
                "prev_value: must not be empty, for etcd's v2 API cannot compare with \"\"; use prev_index",
            )),
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
    fn a_ttl_of_nothing_or_less_is_none_and_one_too_long_is_refused() {
        for (given, seconds) in [(i64::MIN, None), (-1, None), (0, None), (1, Some(1)), (2147483647, Some(2147483647))]
        {
            assert_eq!(Ttl::from_seconds(given).unwrap().seconds(), seconds);
        }
        for bad in [2147483648, i64::MAX] {
            assert_eq!(Ttl::from_seconds(bad).unwrap_err().code, 1001);
        }
    }

    #[test]
    fn a_condition_compares_something() {
        assert_eq!(Condition::new(None, 0).unwrap_err().code, 1001);
        assert_eq!(Condition::new(Some(""), 0).unwrap_err().code, 1001);
        assert_eq!(Condition::new(Some(""), 7).unwrap_err().code, 1001);
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
