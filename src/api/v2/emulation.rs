//! What the v2 API cannot do in one request, or not without harm, done in several.

use super::{one_exchange, reply};
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::base::header::Header;
use crate::base::json;
use crate::operation::{Condition, Content, DeleteKind, Key, Operation, Precondition, Put, Ttl};
use crate::transport::Server;

/// A longer one would not fit a request line, which holds 4,094 bytes on some ports, each byte three
/// characters at worst, and the key besides.
pub const MAX_VALUE_IN_URL: usize = 1000;

/// How often a change that came in between is met before giving up.
const ATTEMPTS: usize = 16;

/// Deletes a key if its value is the one given, by way of its index: a DELETE has no body that could
/// hold a long value.
pub fn compare_and_delete(key: &Key, condition: &Condition, server: &dyn Server) -> Result<String> {
    repeat_while_changed(|| {
        let now = Node::read(key, server)?;
        if !now.is_directory {
            now.compare(condition)?;
        }
        // The root has no index. 1 is no key's; the server finds a directory first, and says so.
        let kind = DeleteKind::KeyThatMatches(Condition::new(None, now.modified_index.max(1))?);
        one_exchange(&Operation::Delete { key: key.clone(), kind }, server)
    })
}

/// Gives a key a new time to live on a server without `refresh`. Its watchers see a write.
pub fn refresh(key: &Key, ttl: Ttl, server: &dyn Server) -> Result<String> {
    if ttl.seconds().is_none() {
        // As newer servers say. Here it would be a write that takes the time to live away.
        let (message, cause) = ("A TTL must be provided on refresh", "No TTL value set");
        return Err(Error::new(code::ETCD_ERROR_REFRESH_TTL_REQUIRED, message, cause).with_status(400));
    }
    repeat_while_changed(|| {
        let now = Node::read(key, server)?;
        let (content, precondition) = match now.value {
            Some(value) if !now.is_directory => {
                (Content::Value(value), Precondition::Matches(Condition::new(None, now.modified_index)?))
            }
            _ => (Content::Directory, Precondition::Present),
        };
        one_exchange(&Operation::Put(Put { key: key.clone(), content, ttl, precondition, no_value: false }), server)
    })
}

/// The same for a key that was last changed at a certain index. It is a write of the value that it has.
pub fn prolong(key: &Key, ttl: Ttl, condition: Condition, server: &dyn Server) -> Result<String> {
    let now = Node::read(key, server)?;
    now.compare(&condition)?;
    let (content, precondition) = (Content::Value(now.value.unwrap_or_default()), Precondition::Matches(condition));
    one_exchange(&Operation::Put(Put { key: key.clone(), content, ttl, precondition, no_value: false }), server)
}

/// An error if the key holds a value: the server would take "update this directory" for "update this key
/// with an empty value".
pub fn refuse_file(key: &Key, server: &dyn Server) -> Result<()> {
    let now = Node::read(key, server)?;
    if now.is_directory {
        return Ok(());
    }
    let not_directory = Error::new(code::ETCD_ERROR_NOT_DIRECTORY, "Not a directory", key.name());
    Err(Error { index: now.header.etcd_index.unwrap_or_default(), header: Some(Box::new(now.header)), ..not_directory })
}

fn repeat_while_changed(mut attempt: impl FnMut() -> Result<String>) -> Result<String> {
    for _ in 1..ATTEMPTS {
        match attempt() {
            // The library's own finding has no body; the server's says that the index has moved on.
            Err(Error { code: code::ETCD_ERROR_COMPARE_FAILED, body: Some(_), .. }) => {}
            done => return done,
        }
    }
    attempt()
}

/// A key as it is now, by a quorum read.
struct Node {
    value: Option<String>,
    is_directory: bool,
    modified_index: u64,
    header: Header,
}

impl Node {
    fn read(key: &Key, server: &dyn Server) -> Result<Node> {
        let (header, text) = reply::success(server.send(&super::request::read(key, false, false, true))?, true)?;
        let member = |pointer| json::find(&text, pointer);
        let value = member("/node/value").and_then(json::unquote);
        let is_directory = member("/node/dir") == Some("true");
        // Taken for a directory, a key would be emptied by what is written next.
        if value.is_none() && !is_directory {
            return Err(Error::bad_response(format!("no key and no directory: {}", reply::excerpt(&text))));
        }
        Ok(Node {
            value,
            is_directory,
            modified_index: member("/node/modifiedIndex").and_then(|index| index.parse().ok()).unwrap_or_default(),
            header,
        })
    }

    /// As etcd compares, and with its words.
    fn compare(&self, condition: &Condition) -> Result<()> {
        let actual = self.value.as_deref().unwrap_or_default();
        let value = condition.value().filter(|given| *given != actual).map(|given| format!("[{given} != {actual}]"));
        let index = condition.index().filter(|given| *given != self.modified_index);
        let index = index.map(|given| format!("[{given} != {}]", self.modified_index));
        let causes = Vec::from_iter(value.into_iter().chain(index));
        if causes.is_empty() {
            return Ok(());
        }
        Err(Error {
            index: self.header.etcd_index.unwrap_or_default(),
            header: Some(Box::new(self.header.clone())),
            status: Some(412), // as etcd's own
            ..Error::new(code::ETCD_ERROR_COMPARE_FAILED, "Compare failed", causes.join(" "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::v2::script::Script;
    use crate::http::{Headers, Response};

    #[test]
    fn an_answer_that_shows_no_key_has_nothing_written_over_it() {
        for body in ["{}", r#"{"action":"get","node":{"key":"/a"}}"#] {
            let server = Script::new([Ok(Response { status: 200, headers: Headers::default(), body: body.into() })]);
            let error = refresh(&Key::parse("/a").unwrap(), Ttl::from_seconds(5), &server).unwrap_err();
            assert_eq!((error.code, &*server.methods()), (code::ETCD_ERROR_BAD_RESPONSE, "GET"), "{body}");
        }
    }
}
