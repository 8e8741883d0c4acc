//! A key or a directory as replies show it.

use std::fmt::{Display, Write};
use std::time::{Duration, SystemTime};

use crate::base::error::Result;
use crate::base::header::{Header, MAX_USUAL_LENGTH};
use crate::base::json::{append_bytes, is_plain};

/// What a flat store has under a key. The key of a directory's own entry, its marker, ends in a slash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    pub key: &'a [u8],
    pub value: &'a [u8],
    pub created: i64,
    pub modified: i64,
}

/// A key without the root, and so without its leading slash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path<'a>(pub &'a [u8]);

impl<'a> Path<'a> {
    /// The path of the directory that a marker stands for.
    pub fn directory(self) -> Option<Path<'a>> {
        self.0.strip_suffix(b"/").map(Path)
    }

    /// As replies have it.
    pub fn bytes(self) -> Vec<u8> {
        [b"/", self.0].concat()
    }

    /// Appends it as a node's first member.
    fn write(self, out: &mut String) {
        match std::str::from_utf8(self.0) {
            Ok(text) if is_plain(text) => {
                for piece in ["\"key\":\"/", text, "\""] {
                    out.push_str(piece);
                }
            }
            _ => append_bytes(out, "key", &self.bytes(), false),
        }
    }

    /// Whether it has a name that begins with `_`, after the first `above` bytes. An empty name, which no path of ours
    /// can have, hides a key, too.
    pub fn is_hidden_below(self, above: usize) -> bool {
        let below = self.0.get(above..).unwrap_or_default();
        // What follows the last slash of a marker is no name.
        let names = below.strip_suffix(b"/").unwrap_or(below);
        !below.is_empty() && names.split(|byte| *byte == b'/').any(|name| name.is_empty() || name[0] == b'_')
    }
}

/// One node, as far as it is known. It borrows: a listing may have many.
#[derive(Debug, Clone, Copy, Default)]
pub struct Node<'a> {
    /// `None`: the root, which has no name.
    pub path: Option<Path<'a>>,
    pub value: Option<&'a [u8]>,
    pub is_directory: bool,
    /// 0: not known.
    pub created: i64,
    pub modified: i64,
    pub life: Option<Life>,
}

/// How long a key has still to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    pub seconds: i64,
    /// By this machine's clock.
    pub ends: SystemTime,
}

impl Life {
    pub fn of(seconds: i64) -> Life {
        // Further than any server lets a lease live; a clock could not count all that a number can hold.
        let ahead = Duration::from_secs(seconds.clamp(0, 1 << 40).unsigned_abs());
        Life { seconds, ends: SystemTime::now() + ahead }
    }
}

impl<'a> Node<'a> {
    /// A key with its value.
    pub fn file(path: Path<'a>, entry: impl Into<Entry<'a>>) -> Node<'a> {
        let Entry { value, created, modified, .. } = entry.into();
        Node { path: Some(path), value: Some(value), created, modified, ..Node::default() }
    }

    /// What a key or a marker stands for.
    pub fn of(path: Path<'a>, entry: impl Into<Entry<'a>>) -> Node<'a> {
        match path.directory() {
            Some(path) => Node { value: None, is_directory: true, ..Node::file(path, entry) },
            None => Node::file(path, entry),
        }
    }

    /// Writes all but the closing brace, so that children may follow.
    pub fn open(&self, out: &mut String) {
        out.push('{');
        if let Some(path) = self.path {
            path.write(out);
        }
        if self.is_directory {
            separate(out);
            out.push_str("\"dir\":true");
        } else if let Some(value) = self.value {
            member_bytes(out, "value", value);
        }
        if let Some(life) = self.life {
            separate(out);
            // Nothing fails: it is written into memory, and a time too far for RFC 3339 is left out.
            if let Some(ends) = rfc3339(life.ends) {
                let _ = write!(out, "\"expiration\":\"{ends}\",");
            }
            let _ = write!(out, "\"ttl\":{}", life.seconds);
        }
    }

    /// Writes the indexes and the closing brace. The root has none.
    pub fn close(&self, out: &mut String) {
        let mut digits = itoa::Buffer::new();
        for (name, index) in [("\"modifiedIndex\":", self.modified), ("\"createdIndex\":", self.created)] {
            if self.path.is_some() && index > 0 {
                separate(out);
                out.push_str(name);
                out.push_str(digits.format(index));
            }
        }
        out.push('}');
    }

    pub fn write(&self, out: &mut String) {
        out.reserve(self.usual_length());
        self.open(out);
        self.close(out);
    }

    #[cfg(test)]
    pub fn to_json(self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// How long it is as JSON, where nothing has to be escaped.
    fn usual_length(&self) -> usize {
        const REST: usize = 160;
        REST + self.path.map_or(0, |path| path.0.len()) + self.value.map_or(0, <[u8]>::len)
    }
}

/// `{"action":"set","node":{…},"prevNode":{…},"header":{…}}`
pub fn reply(action: &str, node: Option<Node>, previous: Option<Node>, header: &Header) -> String {
    let nodes = [(",\"node\":", node), (",\"prevNode\":", previous)];
    let lengths = nodes.iter().filter_map(|(_, node)| node.as_ref()).map(Node::usual_length);
    let mut out = String::with_capacity(lengths.sum::<usize>() + MAX_USUAL_LENGTH);
    for piece in ["{\"action\":\"", action, "\""] {
        out.push_str(piece);
    }
    for (name, node) in nodes {
        if let Some(node) = node {
            out.push_str(name);
            node.write(&mut out);
        }
    }
    close(&mut out, header);
    out
}

/// The same of a node that `write` appends; nothing where that finds none.
pub fn reply_of(
    action: &str,
    header: &Header,
    write: impl FnOnce(&mut String) -> Result<bool>,
) -> Result<Option<String>> {
    let mut out = String::new();
    for piece in ["{\"action\":\"", action, "\",\"node\":"] {
        out.push_str(piece);
    }
    Ok(write(&mut out)?.then(|| {
        close(&mut out, header);
        out
    }))
}

/// The event that tells of a gap: what is there now, and between which two changes all are missed.
pub fn resync(node: &str, (after, before): (impl Display, impl Display), header: &Header) -> String {
    let (missed, header) = (format!(r#"{{"after":{after},"before":{before}}}"#), header.to_json());
    format!(r#"{{"action":"resync","node":{node},"missed":{missed},"header":{header}}}"#)
}

/// A node that `write` appends; `null` where that finds none.
pub fn or_null(write: impl FnOnce(&mut String) -> Result<bool>) -> Result<String> {
    let mut out = String::new();
    if !write(&mut out)? {
        out.push_str("null");
    }
    Ok(out)
}

fn close(out: &mut String, header: &Header) {
    out.push_str(",\"header\":");
    header.write(out);
    out.push('}');
}

/// Bytes as a member, with a comma in front where one is due.
pub fn member_bytes(out: &mut String, name: &str, bytes: &[u8]) {
    separate(out);
    append_bytes(out, name, bytes, false);
}

fn separate(out: &mut String) {
    if !out.ends_with(['{', '[']) {
        out.push(',');
    }
}

/// `2026-11-30T13:29:24Z`. The seconds that RFC 3339 can tell end with the year 9999.
fn rfc3339(time: SystemTime) -> Option<String> {
    const YEAR_10000: u64 = 253_402_300_800;
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    (since_epoch.as_secs() < YEAR_10000).then(|| humantime::format_rfc3339_seconds(time).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(value: &[u8]) -> Entry<'_> {
        Entry { key: b"", value, created: 4, modified: 7 }
    }

    #[test]
    fn a_node_has_the_shape_that_v2_gave_it() {
        let entry = entry(b"1\"");
        let file = Node::of(Path(b"a/b"), entry);
        assert_eq!(file.to_json(), r#"{"key":"/a/b","value":"1\"","modifiedIndex":7,"createdIndex":4}"#);
        let directory = Node::of(Path(b"a/"), entry);
        assert_eq!(directory.to_json(), r#"{"key":"/a","dir":true,"modifiedIndex":7,"createdIndex":4}"#);
        let root = Node { path: None, ..directory };
        assert_eq!(root.to_json(), r#"{"dir":true}"#);
        let ends = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let mortal = Node { life: Some(Life { seconds: 5, ends }), ..file };
        assert_eq!(
            mortal.to_json(),
            r#"{"key":"/a/b","value":"1\"","expiration":"2001-09-09T01:46:40Z","ttl":5,"modifiedIndex":7,"createdIndex":4}"#
        );
    }

    #[test]
    fn a_life_beyond_the_calendar_has_no_date() {
        let node = Node { path: Some(Path(b"a")), life: Some(Life::of(1 << 50)), ..Node::default() };
        assert_eq!(node.to_json(), r#"{"key":"/a","ttl":1125899906842624}"#);
    }

    #[test]
    fn what_is_not_text_is_base64() {
        let entry = entry(b"\xff\x00");
        let node = Node::file(Path(b"\xfe"), entry);
        assert_eq!(node.to_json(), r#"{"key_base64":"L/4=","value_base64":"/wA=","modifiedIndex":7,"createdIndex":4}"#);
        let empty = Entry { value: b"", ..entry };
        assert_eq!(
            Node::file(Path(b"a"), empty).to_json(),
            r#"{"key":"/a","value":"","modifiedIndex":7,"createdIndex":4}"#
        );
    }

    #[test]
    fn names_are_hidden_below_what_was_asked_for() {
        let hidden = |key: &'static str, above| Path(key.as_bytes()).is_hidden_below(above);
        assert!(hidden("a/_b", 2) && hidden("a/_b/c", 2) && hidden("a/_b/", 2));
        assert!(!hidden("a/b_", 2) && !hidden("_a/b", 3) && !hidden("a/", 2));
        assert!(hidden("_a", 0) && !hidden("a", 0));
        assert!(hidden("a//b", 2) && hidden("a//", 2), "no path of ours");
    }
}
