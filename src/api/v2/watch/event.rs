//! What has to be known of an event to order and to sort it; the rest stays text.

use crate::base::json;

#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// The node's key: the key that changed, or a directory above it that is gone.
    pub key: String,
    pub index: u64,
    /// The index of what was there before, if that tells whether anything lies between.
    pub previous: Option<u64>,
    /// Deleted or expired.
    pub is_removal: bool,
}

/// What etcd calls its changes. Another word is none: a cache that drops `?wait=true` hands on "get", and "resync" is the
/// library's own.
const ACTIONS: [&str; 7] = ["set", "create", "update", "compareAndSwap", "delete", "compareAndDelete", "expire"];

impl Event {
    pub fn read(text: &str) -> Option<Event> {
        let node = json::find(text, "/node")?;
        let action = json::find(text, "/action").and_then(json::unquote)?;
        if !ACTIONS.contains(&action.as_str()) {
            return None;
        }
        Some(Event {
            // etcd 3 leaves the key of the root out; 0.4 wrote "/".
            key: json::find(node, "/key").map_or(Some(String::new()), json::unquote)?,
            // No store ever counts that far, and there must be a next one.
            index: json::find(node, "/modifiedIndex")?.parse().ok().filter(|index| *index < u64::MAX)?,
            previous: previous(text),
            is_removal: matches!(action.as_str(), "delete" | "expire" | "compareAndDelete"),
        })
    }
}

/// A directory's stays as it was when only its time to live is changed, and so tells nothing.
fn previous(text: &str) -> Option<u64> {
    let node = json::find(text, "/prevNode")?;
    let is_directory = json::find(node, "/dir").is_some();
    json::find(node, "/modifiedIndex").filter(|_| !is_directory)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_from_its_text() {
        let text = r#"{"action":"expire","node":{"key":"/é\u003c","dir":true,"modifiedIndex":7,"createdIndex":1},"prevNode":{"modifiedIndex":3}}"#;
        assert_eq!(Event::read(text), Some(Event { key: "/é<".into(), index: 7, previous: Some(3), is_removal: true }));
        let directory = r#"{"action":"update","node":{"key":"/d","dir":true,"modifiedIndex":7},"prevNode":{"dir":true,"modifiedIndex":3}}"#;
        assert_eq!(Event::read(directory).and_then(|event| event.previous), None);
        for no_event in [
            "{}",
            r#"{"action":"set"}"#,
            r#"{"action":"set","node":{"key":"/a"}}"#,
            r#"{"node":{"modifiedIndex":7}}"#,
            r#"{"action":"get","node":{"key":"/a","modifiedIndex":7}}"#,
        ] {
            assert_eq!(Event::read(no_event), None, "{no_event}");
        }
    }
}
