//! The directory that every key of a client is below, over the v2 API: put before keys on their way out, and taken off in
//! what comes back.

use std::borrow::Cow;

use crate::api::{EventSource, Next};
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::base::json;
use crate::config::Config;
use crate::operation::{Key, Operation, Target};

/// As etcd names it, like "/app"; "" is the store's own root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root(String);

impl Root {
    pub fn new(config: &Config) -> Root {
        let name = config.root.trim_matches('/');
        Root(if name.is_empty() { String::new() } else { format!("/{name}") })
    }

    /// The operation on keys below it.
    pub fn below<'a>(&self, operation: &'a Operation) -> Result<Cow<'a, Operation>> {
        if self.0.is_empty() {
            return Ok(Cow::Borrowed(operation));
        }
        let mut operation = operation.clone();
        let (key, is_write) = match &mut operation {
            Operation::Get { key, .. } => (key, false),
            // A new key in it is no change of it.
            Operation::Append { directory, .. } => (directory, false),
            Operation::Put(put) => (&mut put.key, true),
            Operation::Refresh { key, .. } | Operation::Delete { key, .. } => (key, true),
            _ => return Ok(Cow::Owned(operation)),
        };
        if is_write && key.name().is_empty() {
            return Err(Error::new(code::ETCD_ERROR_ROOT_READ_ONLY, "Root is read only", "/").with_status(403));
        }
        *key = self.key(key);
        Ok(Cow::Owned(operation))
    }

    /// The watched key below it.
    pub fn target(&self, target: Target) -> Target {
        Target { key: self.key(&target.key), ..target }
    }

    pub fn key(&self, key: &Key) -> Key {
        if self.0.is_empty() { key.clone() } else { key.below(&self.0) }
    }

    /// A reply as if there were nothing above.
    pub fn reply(&self, reply: Result<String>) -> Result<String> {
        if self.0.is_empty() {
            return reply;
        }
        match reply {
            Ok(text) => Ok(self.strip(&text, "key")),
            Err(error) => Err(Error {
                cause: self.strip_key(&error.cause).map_or(error.cause.clone(), str::to_owned),
                body: error.body.as_deref().map(|body| self.strip(body, "cause")),
                ..error
            }),
        }
    }

    /// Takes it off each string that is the value of a member of that name.
    fn strip(&self, text: &str, name: &str) -> String {
        let name = json::quote(name);
        let (mut out, mut rest) = (String::with_capacity(text.len()), text);
        while let Some(begin) = rest.find('"') {
            let string = string(&rest[begin..]);
            let end = begin + string.len();
            out += &rest[..end];
            rest = &rest[end..];
            let colon = rest.len() - rest.trim_start().trim_start_matches(':').trim_start().len();
            // Only a member's name is followed by a colon.
            if string != name || !rest[..colon].contains(':') || !rest[colon..].starts_with('"') {
                continue;
            }
            let value = self::string(&rest[colon..]);
            out += &rest[..colon];
            match json::unquote(value).as_deref().and_then(|value| self.strip_key(value)) {
                Some(stripped) => out += &json::quote(stripped),
                None => out += value,
            }
            rest = &rest[colon + value.len()..];
        }
        out + rest
    }

    /// `None` if it is not below.
    fn strip_key<'a>(&self, key: &'a str) -> Option<&'a str> {
        match key.strip_prefix(&self.0)? {
            "" => Some("/"),
            rest => rest.starts_with('/').then_some(rest),
        }
    }
}

/// The JSON string that a text begins with, as it stands there.
fn string(text: &str) -> &str {
    let mut is_escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    &text[..end.map_or(text.len(), |end| end + 2)]
}

/// Events as if there were nothing above.
pub struct Rooted<S>(pub Root, pub S);

impl<S: EventSource> EventSource for Rooted<S> {
    fn name(&self) -> String {
        let name = self.1.name();
        name.strip_prefix(&*self.0.0).unwrap_or(&name).to_owned()
    }

    fn next(&mut self) -> Next {
        match self.1.next() {
            Next::Event(text) if !self.0.0.is_empty() => Next::Event(self.0.strip(&text, "key")),
            next => next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(root: &str) -> Root {
        Root::new(&Config { root: root.into(), ..Config::default() })
    }

    fn get(key: &str) -> Operation {
        Operation::Get { key: Key::parse(key).unwrap(), recursive: false, sorted: false, quorum: false }
    }

    #[test]
    fn keys_are_below_it_and_come_back_as_if_there_were_nothing_above() {
        let app = root("/app/");
        assert_eq!(app.below(&get("/a/")).unwrap().into_owned(), get("/app/a/"));
        assert_eq!(app.below(&get("/")).unwrap().into_owned(), get("/app/"));
        let reply = r#"{"action":"get","node":{"key":"/app","dir":true,"nodes":[{ "key" : "/app/a\u003c","value":"\"key\":\"/app/x\"\\"},{"key":"/apple"}]}}"#;
        let expected = r#"{"action":"get","node":{"key":"/","dir":true,"nodes":[{ "key" : "/a<","value":"\"key\":\"/app/x\"\\"},{"key":"/apple"}]}}"#;
        assert_eq!(app.reply(Ok(reply.to_owned())).unwrap(), expected);
        let error =
            Error { body: Some(r#"{"errorCode":100,"cause":"/app/a"}"#.into()), ..Error::new(100, "m", "/app/a") };
        let error = app.reply(Err(error)).unwrap_err();
        assert_eq!((error.cause.as_str(), error.body.as_deref()), ("/a", Some(r#"{"errorCode":100,"cause":"/a"}"#)));
    }

    #[test]
    fn the_root_itself_is_not_changed() {
        let kind = crate::operation::DeleteKind::Tree;
        let delete = Operation::Delete { key: Key::parse("/").unwrap(), kind };
        assert_eq!(root("/app/").below(&delete).unwrap_err().code, 107);
        assert!(root("/").below(&delete).is_ok(), "that is for the server to say");
    }

    #[test]
    fn without_one_nothing_is_touched() {
        for none in ["", "/"] {
            assert!(matches!(root(none).below(&get("/a")).unwrap(), Cow::Borrowed(_)));
            assert_eq!(root(none).reply(Ok("text".to_owned())).unwrap(), "text");
        }
    }
}
