//! Watches of all that clients write: what they deliver, as the checker wants it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value as Json;
use support::api::*;
use support::watch::{Event, Watcher};

use crate::clients::{DIRECTORY, END, number};
use crate::feeds::{Change, Feed, Item};
use crate::history::{State, Value};

/// Where all watches come to their end.
#[derive(Default)]
pub struct End {
    /// What was written last of all under the key `END`; 0 until it is.
    pub last: AtomicU32,
    /// It could not be written, or was waited for in vain.
    pub is_given_up: AtomicBool,
}

/// Begins a watch of all from this index on.
pub fn begin(client: &Client, is_pushed: bool, from: u64) -> Watcher {
    let watch = client.watch(DIRECTORY).recursive().from(from);
    if is_pushed { watch.push() } else { watch.pull() }
}

/// Takes what it delivers until the end is among it. True: it is.
pub fn follow(watcher: &Watcher, name: String, end: &End, drops: bool) -> (Feed, bool) {
    let (mut items, mut seen, mut count) = (Vec::new(), 0, 0);
    let has_ended = |seen: Value| matches!(end.last.load(Ordering::SeqCst), last @ 1.. if seen >= last);
    while !has_ended(seen) && !end.is_given_up.load(Ordering::SeqCst) {
        let Some(event) = watcher.next_within(Duration::from_millis(100)) else { continue };
        let item = item(&event);
        seen = match &item {
            Item::Change(Change { key: END, value: Some(value), .. }) => *value,
            Item::Gap { there, .. } => there.get(&END).map_or(seen, |(value, _)| *value),
            Item::Change(_) => seen,
        };
        count += 1;
        if !(drops && count == 20) {
            items.push(item);
        }
    }
    (Feed { name, items }, has_ended(seen))
}

fn item(event: &Event) -> Item {
    if event.is_resync() {
        let (after, before) = event.missed();
        return Item::Gap { after, before, there: state(&event.json["node"]) };
    }
    assert_eq!(event.code(), 0, "a watch ended: {event}");
    let value = |node: &Json| node["value"].as_str().map(|text| number(text).unwrap_or_else(|| panic!("{event}")));
    let is_deletion = matches!(event.action(), "delete" | "compareAndDelete" | "expire");
    let before = value(&event.json["prevNode"]);
    // A member of v2 that takes a snapshot reads the history into the 1,000 events it had (`store.Recovery`: `json.Unmarshal` into
    // the same pointers), so one that had no previous node shows that of another key.
    let is_mixed_up = before.is_some() && event.json["prevNode"]["key"] != event.json["node"]["key"];
    // An event of v2 has the previous node if there was one; one of v3, too, unless it is compacted.
    let is_known = !is_mixed_up && (before.is_some() || event.action() == "create" || is_v2(event));
    Item::Change(Change {
        index: event.index(),
        key: key(event.key()),
        value: if is_deletion { None } else { value(&event.json["node"]) },
        before: is_known.then_some(before),
    })
}

/// v3's header has a revision's number and no more.
fn is_v2(event: &Event) -> bool {
    event.json["header"].get("raftIndex").is_some()
}

fn key(path: &str) -> usize {
    let number = path.strip_prefix(DIRECTORY).and_then(|rest| rest.strip_prefix('/'));
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("nobody writes {path}"))
}

/// What a node and all below it hold.
pub fn state(node: &Json) -> State {
    let mut there = State::new();
    collect(node, &mut there);
    there
}

fn collect(node: &Json, there: &mut State) {
    if let Some(value) = node["value"].as_str().and_then(number) {
        let index = node["modifiedIndex"].as_u64().expect("a node has an index");
        there.insert(key(node["key"].as_str().expect("a node has a key")), (value, index));
    }
    node["nodes"].as_array().into_iter().flatten().for_each(|node| collect(node, there));
}
