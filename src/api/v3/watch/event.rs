//! A change as the caller gets it.

use crate::api::v3::json::{self, Node};
use crate::api::v3::tree::Path;
use crate::base::header::Header;
use crate::messages::kv::KeyValue;
use crate::messages::watch::{Event, EventType};

/// What is known of how a key came to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Deleted,
    Expired,
}

pub fn is_removal(event: &Event) -> bool {
    event.r#type == EventType::Delete as i32
}

/// The lease that a deleted key had; where there is none, it has not expired.
pub fn lease_of_the_deleted(event: &Event) -> Option<i64> {
    let lease = event.prev_kv.as_ref().filter(|_| is_removal(event))?.lease;
    (lease != 0).then_some(lease)
}

/// Which call of etcd's made the change, the store does not record: a key that is new was created, any other set.
pub fn to_json(path: Path, event: &Event, end: End, header: &Header) -> Option<String> {
    let kv = event.kv.as_ref()?;
    let previous = event.prev_kv.as_ref();
    let own = node(path, kv);
    let (action, now) = match (is_removal(event), end) {
        (true, end) => {
            let created = previous.map_or(0, |kv| kv.create_revision);
            let action = if end == End::Expired { "expire" } else { "delete" };
            (action, Node { value: None, created, modified: kv.mod_revision, ..own })
        }
        (false, _) if kv.version == 1 => ("create", own),
        (false, _) => ("set", own),
    };
    let previous = previous.map(|kv| node(path, kv));
    Some(json::reply(action, Some(now), previous, header))
}

/// The root's marker is a directory without a name.
fn node<'a>(path: Path<'a>, kv: &'a KeyValue) -> Node<'a> {
    let node = Node::of(path, kv);
    if path.0.is_empty() { Node { path: None, value: None, is_directory: true, ..node } } else { node }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kv(key: &str, value: &str, created: i64, modified: i64, version: i64) -> KeyValue {
        let (key, value) = (key.to_owned().into(), value.to_owned().into());
        KeyValue { key, value, create_revision: created, mod_revision: modified, version, lease: 0 }
    }

    fn text(r#type: EventType, now: KeyValue, before: Option<KeyValue>, end: End) -> String {
        let key = now.key.clone();
        let event = Event { r#type: r#type as i32, kv: Some(now), prev_kv: before };
        to_json(Path(&key[1..]), &event, end, &Header::default()).unwrap()
    }

    #[test]
    fn each_change_has_the_shape_of_v2() {
        assert_eq!(
            text(EventType::Put, kv("/a", "1", 5, 5, 1), None, End::Deleted),
            r#"{"action":"create","node":{"key":"/a","value":"1","modifiedIndex":5,"createdIndex":5},"header":{}}"#
        );
        assert_eq!(
            text(EventType::Put, kv("/a", "2", 5, 7, 2), Some(kv("/a", "1", 5, 5, 1)), End::Deleted),
            r#"{"action":"set","node":{"key":"/a","value":"2","modifiedIndex":7,"createdIndex":5},"prevNode":{"key":"/a","value":"1","modifiedIndex":5,"createdIndex":5},"header":{}}"#
        );
        for (end, action) in [(End::Deleted, "delete"), (End::Expired, "expire")] {
            let gone = KeyValue { key: b"/a".to_vec().into(), mod_revision: 9, ..KeyValue::default() };
            assert_eq!(
                text(EventType::Delete, gone, Some(kv("/a", "2", 5, 7, 2)), end),
                format!(
                    r#"{{"action":"{action}","node":{{"key":"/a","modifiedIndex":9,"createdIndex":5}},"prevNode":{{"key":"/a","value":"2","modifiedIndex":7,"createdIndex":5}},"header":{{}}}}"#
                )
            );
        }
    }

    #[test]
    fn a_marker_is_a_directory_and_the_roots_has_no_name() {
        assert_eq!(
            text(EventType::Put, kv("/d/", "x", 5, 5, 1), None, End::Deleted),
            r#"{"action":"create","node":{"key":"/d","dir":true,"modifiedIndex":5,"createdIndex":5},"header":{}}"#
        );
        let root = text(EventType::Put, kv("/", "", 5, 5, 1), None, End::Deleted);
        assert!(root.starts_with(r#"{"action":"create","node":{"#) && !root.contains("\"key\""), "{root}");
    }

    #[test]
    fn only_a_deleted_key_with_a_lease_may_have_expired() {
        let leased = KeyValue { lease: 7, ..kv("/a", "1", 5, 5, 1) };
        let event = |r#type: EventType, prev_kv| Event { r#type: r#type as i32, kv: None, prev_kv };
        assert_eq!(lease_of_the_deleted(&event(EventType::Delete, Some(leased.clone()))), Some(7));
        assert_eq!(lease_of_the_deleted(&event(EventType::Put, Some(leased))), None);
        assert_eq!(lease_of_the_deleted(&event(EventType::Delete, Some(kv("/a", "1", 5, 5, 1)))), None);
        assert_eq!(lease_of_the_deleted(&event(EventType::Delete, None)), None);
    }
}
