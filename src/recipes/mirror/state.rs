//! What is mirrored, as it was at one index.

use std::cmp::Ordering;

use super::content::Content;
use super::reading::{Item, items};
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::base::header::Header;
use crate::base::json;
use crate::base::listing::{self, compare};
use crate::base::locks::Arc;
use crate::base::memory;
use crate::base::node::{self, Entry, Node, Path};
use crate::operation::{Key, Operation};
use crate::recipes::Store;

#[derive(Debug, Clone)]
pub struct State {
    place: Place,
    content: Content,
    header: Header,
    /// Why it is not kept up any more.
    ended: Option<Arc<Error>>,
}

/// What is mirrored, and what sort of store it is in.
#[derive(Debug, Clone)]
pub struct Place {
    /// The mirrored key without its leading slash; empty for the root.
    base: Arc<[u8]>,
    keeps_directories: bool,
}

/// How much more than what is mirrored its text takes at most, unless most of it must be escaped: it grows by doubling, and is
/// copied.
const COPIES: usize = 5;
/// No listing is longer: a key of many slashes is a directory for each, and each has the name of those above in its own.
const MAX_LISTING: usize = 1 << 30;

impl Place {
    pub fn new(key: &Key, keeps_directories: bool) -> Place {
        Place { base: name(key).into(), keeps_directories }
    }

    /// Whether it is the mirrored key, or below it.
    fn has(&self, name: &[u8]) -> bool {
        let below = name.strip_prefix(&*self.base);
        self.base.is_empty() || below.is_some_and(|below| below.is_empty() || below[0] == b'/')
    }

    /// Where the names of what is below it begin.
    fn inside(&self) -> usize {
        if self.base.is_empty() { 0 } else { self.base.len() + 1 }
    }

    /// The directories that a key is in, from the mirrored one down, as their markers.
    fn above<'k>(&self, key: &'k [u8]) -> impl Iterator<Item = &'k [u8]> + use<'k> {
        let (from, name) = (self.base.len(), key.strip_suffix(b"/").unwrap_or(key));
        let slashes = name.iter().enumerate().filter(move |(at, byte)| **byte == b'/' && *at >= from);
        slashes.map(move |(at, _)| &key[..=at])
    }
}

impl State {
    /// Reads it, as a majority agrees on. Nothing is there: it is empty.
    pub fn read(store: &dyn Store, key: &Key, place: Place) -> Result<State> {
        let reply = store.run(&Operation::Get { key: key.clone(), recursive: true, sorted: true, quorum: true });
        let (items, header) = match reply {
            Ok(text) => {
                let items = json::find(&text, "/node").and_then(items);
                let items = items.ok_or_else(|| Error::bad_response("a listing whose nodes cannot be read"))?;
                (items, json::find(&text, "/header").map(Header::read).unwrap_or_default())
            }
            Err(error) if error.code == code::ETCD_ERROR_KEY_NOT_FOUND => {
                (Vec::new(), error.header.map(|header| *header).unwrap_or_default())
            }
            Err(error) => return Err(error),
        };
        if header.etcd_index.is_none_or(|index| index == 0) {
            return Err(Error::bad_response("a reply without the store's index; a proxy must let etcd's headers pass"));
        }
        Ok(State::of(place, &items, header))
    }

    fn of(place: Place, items: &[Item], header: Header) -> State {
        let is_real = |item: &&Item| !item.key.is_empty() && (place.keeps_directories || !item.may_be_implied);
        let content = Content::of(items.iter().filter(is_real).map(Item::entry).collect());
        // What else there is in it is of the moment in which it was read.
        let header = Header { raft_index: None, raft_term: None, ..header };
        State { place, content, header, ended: None }
    }

    /// All anew.
    pub fn exchanged(&self, items: &[Item], header: Header) -> State {
        State::of(self.place.clone(), items, header)
    }

    pub fn index(&self) -> u64 {
        self.header.etcd_index.unwrap_or_default()
    }

    /// All changes up to that index are in it.
    pub fn reach(&mut self, index: u64) {
        self.header.etcd_index = self.header.etcd_index.max(Some(index));
    }

    /// It is not kept up any more. The first reason counts.
    pub fn end(&mut self, why: Error) {
        self.ended = self.ended.take().or_else(|| Some(Arc::new(why)));
    }

    /// How far it is, or why it has ended, as an event.
    pub fn standing(&self) -> String {
        match &self.ended {
            Some(error) => error.to_json(),
            None => format!(r#"{{"header":{}}}"#, self.header.to_json()),
        }
    }

    pub fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    pub fn put(&mut self, item: &Item) {
        if self.place.keeps_directories {
            // What was made for it has its index.
            for marker in self.place.above(&item.key) {
                if self.content.get(marker).is_none() {
                    self.content.put(Entry {
                        key: marker,
                        value: b"",
                        created: item.modified,
                        modified: item.modified,
                    });
                }
            }
            // A file may become a directory.
            if let Some(file) = item.key.strip_suffix(b"/") {
                self.content.remove(file);
            }
        }
        if self.place.has(&item.key) && !item.key.is_empty() {
            self.content.put(item.entry());
        }
    }

    pub fn remove(&mut self, item: &Item) {
        if !self.place.keeps_directories || !item.is_directory() {
            self.content.remove(&item.key);
        } else if self.place.has(&item.key) {
            self.content.remove_that_begin(&item.key);
        } else {
            // A directory above is gone, perhaps above the root of the client.
            self.content = Content::default();
        }
    }

    /// As a read of it, one level of a directory or all.
    pub fn get(&self, key: &Key, recursive: bool) -> Result<String> {
        if let Some(error) = &self.ended {
            return Err(Error::clone(error));
        }
        let name = name(key);
        if !self.place.has(name) {
            let base = String::from_utf8_lossy(&self.place.base);
            return Err(Error::invalid(format!("key: not in the mirror, which is of /{base}")));
        }
        if Path(name).is_hidden_below(self.place.inside()) {
            return Err(Error::invalid("key: hidden, for a name in it begins with \"_\"; a mirror has no hidden keys"));
        }
        if let Some(file) = self.content.get(name).filter(|_| !recursive) {
            memory::check(COPIES, file.value.len())?;
            return Ok(node::reply("get", Some(Node::file(Path(name), file)), None, &self.header));
        }
        let reply = node::reply_of("get", &self.header, |out| self.node(name, recursive, out))?;
        reply.ok_or_else(|| self.missing(key))
    }

    /// Appends the JSON of a directory, one level or all, or else of a key; false if there is neither.
    fn node(&self, name: &[u8], recursive: bool, out: &mut String) -> Result<bool> {
        let marker = if name.is_empty() { Vec::new() } else { [name, b"/"].concat() };
        let below = Vec::from_iter(self.content.that_begin(&marker));
        memory::check(COPIES, below.iter().map(|entry| entry.key.len() + entry.value.len()).sum())?;
        match self.content.get(name) {
            Some(file) if below.is_empty() => Node::file(Path(name), file).write(out),
            _ if below.is_empty() && !name.is_empty() => return Ok(false),
            _ => listing::write(&marker, 0, below, recursive, MAX_LISTING, out)?,
        }
        Ok(true)
    }

    fn missing(&self, key: &Key) -> Error {
        let is_file = |marker: &&[u8]| self.content.get(&marker[..marker.len() - 1]).is_some();
        let file = self.place.above(name(key)).find(is_file);
        let error = |code, cause| Error::of_keys(code, cause, self.header.clone());
        match file {
            Some(marker) => error(
                code::ETCD_ERROR_NOT_DIRECTORY,
                format!("/{}", String::from_utf8_lossy(&marker[..marker.len() - 1])),
            ),
            None => error(code::ETCD_ERROR_KEY_NOT_FOUND, key.name().to_owned()),
        }
    }

    /// The event that tells a reader to begin anew from here. It knows of all up to the change `after`.
    pub fn resync(&self, after: u64) -> String {
        let node = match node::or_null(|out| self.node(&self.place.base, true, out)) {
            Ok(node) => node,
            Err(error) => return error.to_json(),
        };
        node::resync(&node, (after, self.index() + 1), &self.header)
    }

    /// Whether what has a value is the same in both. (Of directories a store does not tell all.)
    pub fn has_the_files_of(&self, other: &State) -> bool {
        fn files(content: &Content) -> impl Iterator<Item = (&[u8], i64)> {
            content.iter().filter(|entry| !entry.key.ends_with(b"/")).map(|entry| (entry.key, entry.modified))
        }
        files(&self.content).eq(files(&other.content))
    }

    /// The events that make this state the other one: removals, what is deepest first, and then what there is anew.
    pub fn differences(&self, other: &State) -> Vec<String> {
        let (mut gone, mut come) = (Vec::new(), Vec::new());
        let (mut old, mut new) = (self.content.iter().peekable(), other.content.iter().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => break,
                (Some(old), Some(new)) => compare(old.key, new.key),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
            };
            let before = if order.is_le() { old.next() } else { None };
            let now = if order.is_ge() { new.next() } else { None };
            match (before, now) {
                (Some(before), None) => gone.push(other.removal(before)),
                // A directory has no value that could differ.
                (Some(before), Some(now)) if before == now || now.key.ends_with(b"/") => {}
                (before, Some(now)) => come.push(other.set(before, now)),
                (None, None) => {}
            }
        }
        gone.reverse();
        gone.append(&mut come);
        gone
    }

    fn removal(&self, before: Entry) -> String {
        let now = Node { value: None, modified: self.index() as i64, ..node_of(before) };
        node::reply("delete", Some(now), Some(node_of(before)), &self.header)
    }

    fn set(&self, before: Option<Entry>, now: Entry) -> String {
        node::reply("set", Some(node_of(now)), before.map(node_of), &self.header)
    }
}

fn node_of(entry: Entry<'_>) -> Node<'_> {
    Node::of(Path(entry.key), entry)
}

/// A key as it is stored: without its slashes at both ends.
fn name(key: &Key) -> &[u8] {
    key.name().strip_prefix('/').unwrap_or_default().as_bytes()
}
