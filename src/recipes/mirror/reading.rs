//! What replies and events say, taken apart: nodes as entries of a flat store, and the changes of them.

use crate::base::header::Header;
use crate::base::json::{self, Elements, Members};
use crate::base::node::Entry;

/// A node that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Item {
    /// Without its leading slash; a directory's ends in a slash.
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub created: i64,
    pub modified: i64,
    /// A directory may be no more than what is in it: its indexes enclose those of that. (Of what is hidden, too, so they
    /// need not be the same.) One that was made by itself was made before the rest, and is not changed along.
    pub may_be_implied: bool,
}

impl Item {
    pub fn entry(&self) -> Entry<'_> {
        Entry { key: &self.key, value: &self.value, created: self.created, modified: self.modified }
    }

    pub fn is_directory(&self) -> bool {
        self.key.is_empty() || self.key.ends_with(b"/")
    }
}

/// What an event says.
#[derive(Debug)]
pub enum Change {
    Put(Item),
    /// The item tells what was removed and when, not what it was.
    Removal(Item),
    /// All that is there now.
    Resync(Vec<Item>, Header),
}

impl Change {
    /// `None`: it is no event, but an error.
    pub fn read(event: &str) -> Option<Change> {
        let action = json::find(event, "/action").and_then(json::unquote)?;
        let node = json::find(event, "/node")?;
        if action == "resync" {
            let items = if node == "null" { Vec::new() } else { items(node)? };
            return Some(Change::Resync(items, Header::read(json::find(event, "/header")?)));
        }
        let item = items(node)?.pop()?;
        let is_removal = matches!(action.as_str(), "delete" | "expire" | "compareAndDelete");
        Some(if is_removal { Change::Removal(item) } else { Change::Put(item) })
    }
}

/// A node and all below it, each after what is in it. One pass, and without recursion, however deep it is.
pub fn items(node: &str) -> Option<Vec<Item>> {
    let (mut items, mut open) = (Vec::new(), vec![Open::at(node)?]);
    while let Some(top) = open.last_mut() {
        match top.members.name() {
            Some(r#""nodes""#) => top.children = Some(json::elements(top.members.rest())?),
            Some(name) => {
                let value = top.members.value()?;
                top.take(name, value)?;
                continue;
            }
            None => {
                let behind = top.members.end()?;
                let done = open.pop()?;
                let (item, bounds) = done.close();
                items.push(item);
                let Some(parent) = open.last_mut() else { break };
                parent.inside = parent.inside.and(bounds);
                parent.children.as_mut()?.go_on(behind);
            }
        }
        // In front of a child, or behind the last one.
        let top = open.last_mut()?;
        let children = top.children.as_mut()?;
        match children.start() {
            Some(child) => open.push(Open::at(child)?),
            None => {
                let behind = children.end()?;
                top.members.go_on(behind);
            }
        }
    }
    Some(items)
}

/// A node that is being read.
struct Open<'a> {
    members: Members<'a>,
    children: Option<Elements<'a>>,
    item: Item,
    is_directory: bool,
    inside: Bounds,
}

/// The least index of creation and the greatest of change of some entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds(i64, i64);

impl Bounds {
    const NONE: Bounds = Bounds(i64::MAX, 0);

    fn and(self, other: Bounds) -> Bounds {
        Bounds(self.0.min(other.0), self.1.max(other.1))
    }
}

impl<'a> Open<'a> {
    fn at(node: &'a str) -> Option<Open<'a>> {
        let members = json::members(node)?;
        Some(Open { members, children: None, item: Item::default(), is_directory: false, inside: Bounds::NONE })
    }

    fn take(&mut self, name: &str, value: &str) -> Option<()> {
        let text = || json::unquote(value).map(String::into_bytes);
        let bytes = || json::decode_base64(&json::unquote(value)?).ok();
        match name {
            r#""key""# => self.item.key = key(text()?),
            r#""key_base64""# => self.item.key = key(bytes()?),
            r#""value""# => self.item.value = text()?,
            r#""value_base64""# => self.item.value = bytes()?,
            r#""dir""# => self.is_directory = value == "true",
            r#""createdIndex""# => self.item.created = value.parse().ok()?,
            r#""modifiedIndex""# => self.item.modified = value.parse().ok()?,
            _ => {}
        }
        Some(())
    }

    fn close(mut self) -> (Item, Bounds) {
        let item = &mut self.item;
        let own = Bounds(item.created, item.modified);
        if !self.is_directory {
            return (self.item, own);
        }
        item.value.clear();
        // The root has no name, and can have no entry.
        if !item.key.is_empty() {
            item.key.push(b'/');
        }
        let bounds = self.inside.and(own);
        item.may_be_implied = self.inside != Bounds::NONE && own == bounds;
        (self.item, bounds)
    }
}

fn key(mut name: Vec<u8>) -> Vec<u8> {
    if name.first() == Some(&b'/') {
        name.remove(0);
    }
    if name.last() == Some(&b'/') {
        name.pop();
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(node: &str) -> Vec<String> {
        let name =
            |item: &Item| String::from_utf8_lossy(&item.key).into_owned() + if item.may_be_implied { "?" } else { "" };
        items(node).unwrap().iter().map(name).collect()
    }

    #[test]
    fn a_listing_is_its_files_and_directories() {
        let node = r#"{"key":"/d","dir":true,"nodes":[{"key":"/d/a","value":"1","modifiedIndex":7,"createdIndex":3},
            {"key":"/d/e","dir":true,"modifiedIndex":5,"createdIndex":5},
            {"key":"/d/f","dir":true,"nodes":[{"key":"/d/f/x","value":"\u00e9","modifiedIndex":9,"createdIndex":4}],"modifiedIndex":9,"createdIndex":4}],
            "modifiedIndex":9,"createdIndex":3}"#;
        assert_eq!(keys(node), ["d/a", "d/e/", "d/f/x", "d/f/?", "d/?"]);
        let items = items(node).unwrap();
        let file = Item { key: b"d/f/x".into(), value: "é".into(), created: 4, modified: 9, may_be_implied: false };
        assert_eq!(items[2], file);
        assert!(items[1].is_directory() && !file.is_directory());
        assert_eq!(keys(r#"{"dir":true,"nodes":[]}"#), [""]);
        assert_eq!(keys(r#"{"key":"/","dir":true}"#), [""]);
        let marked = node.replace(r#""createdIndex":4}],"modifiedIndex":9"#, r#""createdIndex":4}],"modifiedIndex":8"#);
        assert_eq!(keys(&marked), ["d/a", "d/e/", "d/f/x", "d/f/", "d/?"], "it has indexes of its own");
        let hiding =
            node.replace(r#""createdIndex":4}],"modifiedIndex":9"#, r#""createdIndex":4}],"modifiedIndex":10"#);
        assert_eq!(keys(&hiding), ["d/a", "d/e/", "d/f/x", "d/f/?", "d/"], "of what is hidden, perhaps");
    }

    #[test]
    fn bytes_that_are_no_text_are_read_back() {
        let read = items(r#"{"key_base64":"L/4=","value_base64":"/wA=","modifiedIndex":7,"createdIndex":4}"#).unwrap();
        assert_eq!((&read[0].key[..], &read[0].value[..]), (&b"\xfe"[..], &b"\xff\0"[..]));
    }

    #[test]
    fn a_deep_tree_costs_no_stack_and_what_is_no_json_is_nothing() {
        let depth = 20_000;
        let deep = r#"{"key":"/a","dir":true,"nodes":["#.repeat(depth) + "{}" + &"]}".repeat(depth);
        assert_eq!(items(&deep).unwrap().len(), depth + 1);
        for broken in ["", "{", "[]", r#"{"nodes":[{]}"#, r#"{"key":1}"#, r#"{"nodes":[{}"#, &deep[..deep.len() - 1]] {
            assert_eq!(items(broken), None);
        }
    }

    #[test]
    fn an_event_is_a_change() {
        let read = |action: &str| {
            let text = format!(
                r#"{{"action":"{action}","node":{{"key":"/a","value":"1","modifiedIndex":7,"createdIndex":4}},"header":{{}}}}"#
            );
            Change::read(&text)
        };
        for action in ["set", "create", "update", "compareAndSwap"] {
            assert!(matches!(read(action), Some(Change::Put(item)) if item.value == b"1" && item.modified == 7));
        }
        for action in ["delete", "expire", "compareAndDelete"] {
            assert!(matches!(read(action), Some(Change::Removal(item)) if item.key == b"a"));
        }
        assert!(matches!(read("resync"), Some(Change::Resync(items, _)) if items.len() == 1));
        let nothing = r#"{"action":"resync","node":null,"missed":{},"header":{"etcdIndex":9}}"#;
        let header = Header { etcd_index: Some(9), ..Header::default() };
        assert!(matches!(Change::read(nothing), Some(Change::Resync(items, at)) if items.is_empty() && at == header));
        assert!(Change::read(r#"{"errorCode":1008,"message":"m","cause":"c","index":0}"#).is_none());
    }
}
