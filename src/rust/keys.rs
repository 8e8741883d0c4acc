//! Keys and directories, as paths.

use std::time::Duration;

use super::client::Client;
use super::error::Result;
use super::reply::{Reply, decode};
use super::ttl;
use crate::operation::{self, Content, DeleteKind, Key, Operation, Precondition, Put, Ttl};

/// How a key is read, or a directory listed.
///
/// ```
/// # let Ok(url) = std::env::var("ETCD_DOCTEST") else { return Ok(()) };
/// # let client = etcd::Config::new().endpoints([url]).connect()?;
/// # client.set("/doc/list/a", "1", None)?;
/// use etcd::GetOptions;
///
/// let all = client.get_with("/doc/list", GetOptions::new().recursive().sorted())?;
/// for node in all.node.unwrap_or_default().nodes {
///     println!("{} = {:?}", node.key, node.value);
/// }
/// # Ok::<(), etcd::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use]
pub struct GetOptions {
    recursive: bool,
    sorted: bool,
    quorum: bool,
}

impl GetOptions {
    /// The key itself, or one level of a directory, as the asked server has it.
    pub fn new() -> GetOptions {
        GetOptions::default()
    }

    /// The whole tree below a directory.
    pub fn recursive(self) -> GetOptions {
        GetOptions { recursive: true, ..self }
    }

    /// What is in a directory, sorted by key.
    pub fn sorted(self) -> GetOptions {
        GetOptions { sorted: true, ..self }
    }

    /// The newest state, as a majority of the cluster agrees on it, instead of the asked server's own copy, which may lag.
    pub fn quorum(self) -> GetOptions {
        GetOptions { quorum: true, ..self }
    }
}

/// What a key must be for a compare-and-swap or a compare-and-delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected<'a> {
    /// It has this value. Over v2 "" is error 1001: use the index.
    Value(&'a str),
    /// Its `modified_index` is this one.
    Index(u64),
    /// Both.
    Both(&'a str, u64),
}

impl Expected<'_> {
    fn condition(self) -> Result<operation::Condition> {
        let (value, index) = match self {
            Expected::Value(value) => (Some(value), 0),
            Expected::Index(index) => (None, index),
            Expected::Both(value, index) => (Some(value), index),
        };
        Ok(operation::Condition::new(value, operation::index(index, "expected")?)?)
    }
}

/// # Keys and directories
///
/// A key is a path of UTF-8 like `/app/config/port`; its leading `/` may be left out. It has neither `//` nor the segments
/// `.` and `..`. A name that begins with `_` is hidden from listings and from watches of what is above it. A value is a
/// text, over v2 of at most 10 MiB, over v3 of at most 1.5 MiB. A `ttl` is in whole seconds, to which it is rounded up;
/// `None` is without end.
impl Client {
    /// Reads a key, or lists one level of a directory.
    ///
    /// Errors: 100 (no such key), 104 (a component of the path holds a value), and those of every call.
    /// etcd: `GET /v2/keys/{key}`.
    pub fn get(&self, key: &str) -> Result<Reply> {
        self.get_with(key, GetOptions::new())
    }

    /// The same with options.
    pub fn get_with(&self, key: &str, options: GetOptions) -> Result<Reply> {
        let GetOptions { recursive, sorted, quorum } = options;
        self.run(&Operation::Get { key: Key::parse(key)?, recursive, sorted, quorum })
    }

    /// Whether there is such a key or directory.
    ///
    /// Errors: those of every call. etcd: `GET /v2/keys/{key}`.
    pub fn exists(&self, key: &str) -> Result<bool> {
        Ok(self.inner().exists(Key::parse(key)?)?)
    }

    /// Writes a key, whether or not it exists; missing directories above it are made. The reply has what was there before.
    ///
    /// Errors: 102 (it is a directory), 104, 107 (the root), and those of every call. etcd: `PUT /v2/keys/{key}`.
    pub fn set(&self, key: &str, value: &str, ttl: Option<Duration>) -> Result<Reply> {
        self.put_always(key, value, ttl, false)
    }

    /// The same with a reply without the node, so that a large value is not sent back.
    pub fn set_quietly(&self, key: &str, value: &str, ttl: Option<Duration>) -> Result<Reply> {
        self.put_always(key, value, ttl, true)
    }

    /// Makes a new key in a directory, with a name that sorts in the order of creation. The reply has the name.
    ///
    /// Errors: 104, and those of every call. etcd: `POST /v2/keys/{directory}`.
    pub fn append(&self, directory: &str, value: &str, ttl: Option<Duration>) -> Result<Reply> {
        let (directory, value, ttl) = (Key::parse(directory)?, value.to_owned(), ttl::optional(ttl)?);
        self.run(&Operation::Append { directory, value, ttl, no_value: false })
    }

    /// Writes a key only if it does not exist yet.
    ///
    /// Errors: 105 (it exists), 104, 107, and those of every call. etcd: `PUT /v2/keys/{key}` with `prevExist=false`.
    pub fn create(&self, key: &str, value: &str, ttl: Option<Duration>) -> Result<Reply> {
        self.write_if(key, value, ttl, Precondition::Absent)
    }

    /// Writes a key only if it exists. Its time to live does not stay, unless it is given again.
    ///
    /// Errors: 100 (no such key), 102, 104, 107, and those of every call. etcd: `PUT /v2/keys/{key}` with `prevExist=true`.
    pub fn update(&self, key: &str, value: &str, ttl: Option<Duration>) -> Result<Reply> {
        self.write_if(key, value, ttl, Precondition::Present)
    }

    /// Writes a key only if it is as expected.
    ///
    /// Errors: 100 (no such key), 101 (it is not as expected; `cause` says what it is), 102, 104, 107, and those of every
    /// call. etcd: `PUT /v2/keys/{key}` with `prevValue`, `prevIndex` or both.
    pub fn compare_and_swap(
        &self,
        key: &str,
        value: &str,
        expected: Expected<'_>,
        ttl: Option<Duration>,
    ) -> Result<Reply> {
        self.write_if(key, value, ttl, Precondition::Matches(expected.condition()?))
    }

    /// Deletes a key only if it is as expected.
    ///
    /// Errors: as for [`compare_and_swap`](Client::compare_and_swap). etcd: `DELETE /v2/keys/{key}` with `prevValue`,
    /// `prevIndex` or both.
    pub fn compare_and_delete(&self, key: &str, expected: Expected<'_>) -> Result<Reply> {
        self.remove(key, DeleteKind::KeyThatMatches(expected.condition()?))
    }

    /// Gives a key a new time to live. Its value stays, and watches are told nothing (over v3: where the time is the same).
    ///
    /// Errors: 100 (no such key), 104, and those of every call. etcd: `PUT /v2/keys/{key}` with `refresh=true`.
    pub fn refresh(&self, key: &str, ttl: Duration) -> Result<Reply> {
        self.run(&Operation::Refresh { key: Key::parse(key)?, ttl: Ttl::from_seconds(ttl::seconds(ttl)?) })
    }

    /// Makes a directory, in place of a key with a value if there is one, whose value is lost. Over v3 a directory has no
    /// ttl: error 1010.
    ///
    /// Errors: 102 (it is a directory already), 104, 107, and those of every call. etcd: `PUT /v2/keys/{key}` with
    /// `dir=true`.
    pub fn set_dir(&self, key: &str, ttl: Option<Duration>) -> Result<Reply> {
        self.put_dir(key, ttl, Precondition::Always)
    }

    /// Makes a directory only if nothing is there yet.
    ///
    /// Errors: 105 (something is there), 104, 107, 1010, and those of every call. etcd: `PUT /v2/keys/{key}` with
    /// `dir=true&prevExist=false`.
    pub fn create_dir(&self, key: &str, ttl: Option<Duration>) -> Result<Reply> {
        self.put_dir(key, ttl, Precondition::Absent)
    }

    /// Gives an existing directory a new time to live; what is in it stays.
    ///
    /// Errors: 100 (no such directory), 104 (it holds a value), 300 (etcd 3.5), 1010, and those of every call.
    /// etcd: `GET`, then `PUT /v2/keys/{key}` with `dir=true&prevExist=true`.
    pub fn update_dir(&self, key: &str, ttl: Option<Duration>) -> Result<Reply> {
        self.put_dir(key, ttl, Precondition::Present)
    }

    /// Deletes a key. The reply has what it was.
    ///
    /// Errors: 100 (no such key), 102 (a directory), 104, 107, and those of every call. etcd: `DELETE /v2/keys/{key}`.
    pub fn delete(&self, key: &str) -> Result<Reply> {
        self.remove(key, DeleteKind::Key)
    }

    /// Deletes an empty directory.
    ///
    /// Errors: 100, 104, 107, 108 (it is not empty), and those of every call. etcd: `DELETE /v2/keys/{key}` with
    /// `dir=true`.
    pub fn delete_dir(&self, key: &str) -> Result<Reply> {
        self.remove(key, DeleteKind::EmptyDirectory)
    }

    /// Deletes a directory with all that is in it; a key with a value, too.
    ///
    /// Errors: 100, 104, 107, and those of every call. etcd: `DELETE /v2/keys/{key}` with `dir=true&recursive=true`.
    pub fn delete_tree(&self, key: &str) -> Result<Reply> {
        self.remove(key, DeleteKind::Tree)
    }

    fn put_always(&self, key: &str, value: &str, ttl: Option<Duration>, no_value: bool) -> Result<Reply> {
        let (key, content, ttl) = (Key::parse(key)?, Content::Value(value.to_owned()), ttl::optional(ttl)?);
        self.run(&Operation::Put(Put { key, content, ttl, precondition: Precondition::Always, no_value }))
    }

    fn put_dir(&self, key: &str, ttl: Option<Duration>, precondition: Precondition) -> Result<Reply> {
        let (key, content, ttl) = (Key::parse(key)?, Content::Directory, ttl::optional(ttl)?);
        self.run(&Operation::Put(Put { key, content, ttl, precondition, no_value: false }))
    }

    fn write_if(&self, key: &str, value: &str, ttl: Option<Duration>, precondition: Precondition) -> Result<Reply> {
        let (key, value, ttl) = (Key::parse(key)?, value.to_owned(), ttl::optional(ttl)?);
        decode(&self.inner().write_if(key, value, ttl, precondition)?)
    }

    fn remove(&self, key: &str, kind: DeleteKind) -> Result<Reply> {
        self.run(&Operation::Delete { key: Key::parse(key)?, kind })
    }
}
