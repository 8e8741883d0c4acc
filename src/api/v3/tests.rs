//! Operations on real servers of each version, and on one whose answers are written down.

mod admin;
mod flat;
mod holding;
mod keys;
mod leases;
mod listings;
mod malformed;
mod ordered;
pub mod real;
mod roles;
pub mod script;
mod tokens;

use serde_json::Value;

use super::{Settings, V3};
use crate::api::Api;
use crate::base::error::{Error, Result};
use crate::operation::{Admin, Condition, Content, DeleteKind, Key, Operation, Precondition, Put, Ttl};
use crate::transport::Server;

/// A client with operations as short as those of C, on one server.
pub struct Client<'a> {
    pub v3: V3,
    server: &'a dyn Server,
}

impl<'a> Client<'a> {
    pub fn new(server: &'a dyn Server, settings: Settings) -> Client<'a> {
        Client { v3: V3::of(settings), server }
    }

    pub fn text(&self, operation: &Operation) -> Result<String> {
        self.v3.run(operation, self.server)
    }

    #[track_caller]
    pub fn run(&self, operation: &Operation) -> Value {
        let text = self.text(operation).unwrap_or_else(|error| panic!("{operation:?}: {error}"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[track_caller]
    fn error(&self, operation: &Operation) -> Error {
        self.text(operation).expect_err(&format!("{operation:?} is refused"))
    }

    #[track_caller]
    fn get(&self, key: &str) -> Value {
        self.run(&get(key))
    }

    /// The value, if there is a key with one.
    #[track_caller]
    fn value(&self, at: &str) -> Option<String> {
        match self.text(&get(at)) {
            Ok(text) => serde_json::from_str::<Value>(&text).unwrap()["node"]["value"].as_str().map(str::to_owned),
            Err(Error { code: 100 | 104, .. }) => None,
            Err(error) => panic!("{error}"),
        }
    }

    #[track_caller]
    pub fn set(&self, key: &str, value: &str) -> Value {
        self.run(&set(key, value))
    }

    #[track_caller]
    fn admin(&self, admin: Admin) -> Value {
        self.run(&Operation::Admin(admin))
    }
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

pub fn get(at: &str) -> Operation {
    Operation::Get { key: key(at), recursive: false, sorted: false, quorum: true }
}

fn list(at: &str) -> Operation {
    Operation::Get { key: key(at), recursive: true, sorted: true, quorum: true }
}

fn put(at: &str, content: Content, precondition: Precondition, ttl: i64) -> Operation {
    let (key, ttl) = (key(at), Ttl::from_seconds(ttl));
    Operation::Put(Put { key, content, ttl, precondition, no_value: false })
}

pub fn write(at: &str, value: &str, precondition: Precondition, ttl: i64) -> Operation {
    put(at, Content::Value(value.to_owned()), precondition, ttl)
}

pub fn set(at: &str, value: &str) -> Operation {
    write(at, value, Precondition::Always, 0)
}

fn create(at: &str, value: &str) -> Operation {
    write(at, value, Precondition::Absent, 0)
}

fn update(at: &str, value: &str) -> Operation {
    write(at, value, Precondition::Present, 0)
}

fn condition(value: Option<&str>, index: u64) -> Condition {
    Condition::new(value, index).unwrap()
}

fn cas(at: &str, value: &str, prev_value: Option<&str>, prev_index: u64) -> Operation {
    write(at, value, Precondition::Matches(condition(prev_value, prev_index)), 0)
}

pub fn directory(at: &str, precondition: Precondition) -> Operation {
    put(at, Content::Directory, precondition, 0)
}

pub fn delete(at: &str, kind: DeleteKind) -> Operation {
    Operation::Delete { key: key(at), kind }
}

pub fn append(at: &str, value: &str) -> Operation {
    Operation::Append { directory: key(at), value: value.to_owned(), ttl: Ttl::from_seconds(0), no_value: false }
}

fn refresh(at: &str, ttl: i64) -> Operation {
    Operation::Refresh { key: key(at), ttl: Ttl::from_seconds(ttl) }
}
