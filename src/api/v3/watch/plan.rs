//! A watch of a path: which ranges of keys it is, and which of their events are its own.

use std::collections::{HashMap, VecDeque};

use super::event::{self, End};
use super::watched::Watched;
use crate::api::v3::json;
use crate::api::v3::ordered;
use crate::api::v3::read::Read;
use crate::api::v3::session::Session;
use crate::api::v3::state::State;
use crate::api::v3::tree::{Path, Place};
use crate::api::v3::txn;
use crate::base::error::Result;
use crate::base::locks::Arc;
use crate::messages::ResponseHeader;
use crate::messages::kv::{KeyValue, RangeRequest};
use crate::messages::watch::{Event, WatchCreateRequest};
use crate::operation::Target;

/// No more than that: there may be thousands.
pub struct Plan {
    client: Arc<State>,
    target: Target,
    is_split: bool,
}

impl Plan {
    pub fn new(client: Arc<State>, target: Target) -> Plan {
        Plan { client, target, is_split: false }
    }

    fn place(&self) -> Place {
        self.client.tree.place(&self.target.key)
    }

    fn is_root(&self) -> bool {
        self.target.key.name().is_empty()
    }

    fn key_ranges(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let place = self.place();
        let is_root = place.is_root();
        // The marker alone, or all below.
        let below_end = if self.target.recursive { place.end.clone() } else { place.inside() };
        match (is_root, self.is_split) {
            (true, _) if self.target.recursive => vec![(place.begin(), below_end)],
            // A root without a name has no marker: a watch of that alone, which is silent.
            (true, _) => vec![(place.begin(), Vec::new())],
            (false, false) => vec![(place.key, below_end)],
            (false, true) if self.target.recursive => vec![(place.key, Vec::new()), (place.marker, below_end)],
            (false, true) => vec![(place.key, Vec::new()), (place.marker, Vec::new())],
        }
    }

    /// The path that an event is about, if it is the watch's own.
    fn path_of<'k>(&self, kv: &'k KeyValue) -> Option<Path<'k>> {
        let path = Path(self.client.tree.relative(&kv.key)?);
        let name = self.target.key.name().as_bytes();
        // What follows the key, slash and all; the root has neither name nor slash of its own.
        let above = match name.strip_prefix(b"/") {
            Some(name) => {
                let below = path.0.strip_prefix(name)?;
                let is_own = matches!(below, [] | [b'/']) || self.target.recursive && below.starts_with(b"/");
                is_own.then_some(name.len() + 1)?
            }
            None => (path.0.is_empty() || self.target.recursive).then_some(0)?,
        };
        // A write of the guard of in-order keys is no event of its own; that it goes is the directory's end.
        if kv.key.last() == Some(&b'/') && ordered::is_guard(&kv.value) {
            return None;
        }
        (!path.is_hidden_below(above)).then_some(path)
    }
}

impl Watched for Plan {
    fn name(&self) -> String {
        self.target.key.as_str().to_owned()
    }

    fn ranges(&self) -> usize {
        self.key_ranges().len()
    }

    fn requests(&self, first: &[i64]) -> Vec<WatchCreateRequest> {
        let requests = self.key_ranges().into_iter().zip(first).map(|((key, range_end), first)| WatchCreateRequest {
            key,
            range_end,
            start_revision: *first,
            progress_notify: true,
            prev_kv: true,
            // A revision may hold more than a message may: a hundred thousand keys that are deleted at once.
            fragment: true,
            ..WatchCreateRequest::default()
        });
        requests.collect()
    }

    /// What lies between the key and what is below it may be another's; a root is one range as it is.
    fn split(&mut self) -> bool {
        !self.is_root() && !std::mem::replace(&mut self.is_split, true)
    }

    fn probes(&self) -> Vec<RangeRequest> {
        let place = self.place();
        let key = if place.is_root() { place.begin() } else { place.key.clone() };
        vec![txn::look(&key), txn::look_in(&place.begin(), &place.end, 1)]
    }

    fn lease_in_question(&self, event: &Event) -> Option<i64> {
        let is_own = || event.kv.as_ref().is_some_and(|kv| self.path_of(kv).is_some());
        event::lease_of_the_deleted(event).filter(|_| self.client.tell_expire && is_own())
    }

    /// One for each change.
    fn tell(&self, events: &[&Event], ends: &HashMap<i64, End>, header: &ResponseHeader, out: &mut VecDeque<String>) {
        let header = json::header(Some(header));
        for event in events {
            let Some(path) = event.kv.as_ref().and_then(|kv| self.path_of(kv)) else { continue };
            let lease = event::lease_of_the_deleted(event);
            let end = lease.and_then(|lease| ends.get(&lease)).copied().unwrap_or(End::Deleted);
            out.extend(event::to_json(path, event, end, &header));
        }
    }

    fn state(&self, session: &Session) -> Result<(ResponseHeader, String)> {
        let read = Read { place: &self.place(), recursive: self.target.recursive, quorum: true };
        let state = read.state(session)?;
        let node = json::or_null(|out| read.node(session, state.key, state.below, out))?;
        Ok((state.header, node))
    }

    fn gap(&self, node: &str, missed: (i64, i64), header: &ResponseHeader) -> String {
        json::resync(node, missed, &json::header(Some(header)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::v3::state::Settings;
    use crate::operation::Key;

    fn plan(root: &str, key: &str, recursive: bool) -> Plan {
        let settings = Settings { root: root.to_owned(), ..Settings::default() };
        Plan::new(Arc::new(State::new(settings)), Target { key: Key::parse(key).unwrap(), recursive })
    }

    fn is_own(plan: &Plan, key: &str, value: &str) -> bool {
        plan.path_of(&KeyValue { key: key.to_owned().into(), value: value.to_owned().into(), ..KeyValue::default() })
            .is_some()
    }

    fn ranges(plan: &Plan) -> Vec<(String, String)> {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        plan.key_ranges().into_iter().map(|(key, end)| (text(key), text(end))).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, end)| (key.to_string(), end.to_string())).collect()
    }

    #[test]
    fn a_watch_is_one_range_and_two_where_a_role_wants_it() {
        let mut recursive = plan("/", "/a", true);
        assert_eq!(ranges(&recursive), pairs(&[("/a", "/a0")]));
        assert!(recursive.split() && !recursive.split());
        assert_eq!(ranges(&recursive), pairs(&[("/a", ""), ("/a/", "/a0")]));
        let mut alone = plan("/", "/a", false);
        assert_eq!(ranges(&alone), pairs(&[("/a", "/a/\0")]));
        assert!(alone.split());
        assert_eq!(ranges(&alone), pairs(&[("/a", ""), ("/a/", "")]));
        let mut root = plan("/", "/", true);
        assert_eq!(ranges(&root), pairs(&[("/", "0")]));
        assert!(!root.split(), "it is one as it is");
        assert_eq!(ranges(&plan("", "/", true)), pairs(&[("\0", "\0")]));
        assert_eq!(ranges(&plan("/app", "/a", true)), pairs(&[("/app/a", "/app/a0")]));
    }

    #[test]
    fn each_range_begins_where_it_stands_and_wants_to_know_all() {
        let mut plan = plan("/", "/a", true);
        plan.split();
        let requests = plan.requests(&[7, 9]);
        assert_eq!(Vec::from_iter(requests.iter().map(|request| request.start_revision)), [7, 9]);
        assert!(requests.iter().all(|r| r.prev_kv && r.progress_notify && r.fragment && r.filters.is_empty()));
    }

    #[test]
    fn only_what_is_watched_is_told() {
        let watched = plan("/", "/a", true);
        for own in ["/a", "/a/", "/a/b", "/a/b/", "/a/b_c"] {
            assert!(is_own(&watched, own, ""), "{own}");
        }
        for other in ["/a-b", "/a.b/c", "/ab", "/", "/a/_h", "/a/b/_h/c", "/a/_h/", "/a//b"] {
            assert!(!is_own(&watched, other, ""), "{other}");
        }
        let alone = plan("/", "/a", false);
        assert!(is_own(&alone, "/a", "") && is_own(&alone, "/a/", "") && !is_own(&alone, "/a/b", ""));
        assert!(is_own(&plan("/", "/a/_h", true), "/a/_h/x", ""), "hidden, and asked for");
        let root = plan("/", "/", true);
        assert!(is_own(&root, "/x", "") && is_own(&root, "/", "") && !is_own(&root, "/_h", ""));
        assert!(!is_own(&plan("/", "/", false), "/x", ""));
        assert!(is_own(&plan("", "/", true), "x", ""));
    }

    #[test]
    fn the_guard_of_in_order_keys_is_not_seen_but_for_its_end() {
        let watched = plan("/", "/q", true);
        assert!(!is_own(&watched, "/q/", "00000000000000000019"));
        assert!(is_own(&watched, "/q/", ""), "deleted, or made by hand");
        assert!(is_own(&watched, "/q/00000000000000000019", "00000000000000000019"));
    }
}
