//! What has to be known of an event to order and to sort it; the rest stays text.

use crate::json;

#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// The node's key: the key that changed, or a directory above it that is gone.
    pub key: String,
    pub index: u64,
    /// The index of what was there before.
    pub previous: Option<u64>,
    /// Deleted or expired.
    pub is_removal: bool,
}

impl Event {
    pub fn read(text: &str) -> Option<Event> {
        let node = json::find(text, "/node")?;
        let action = json::find(text, "/action").and_then(json::unquote)?;
        Some(Event {
            // etcd 3 leaves the key of the root out; 0.4 wrote "/".
            key: json::find(node, "/key").map_or(Some(String::new()), json::unquote)?,
            // No store ever counts that far, and there must be a next one.
            index: json::find(node, "/modifiedIndex")?.parse().ok().filter(|index| *index < u64::MAX)?,
            previous: json::find(text, "/prevNode/modifiedIndex").and_then(|index| index.parse().ok()),
            is_removal: matches!(action.as_str(), "delete" | "expire" | "compareAndDelete"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_from_its_text() {
        let text = r#"{"action":"expire","node":{"key":"/é\u003c","dir":true,"modifiedIndex":7,"createdIndex":1},"prevNode":{"modifiedIndex":3}}"#;
        assert_eq!(Event::read(text), Some(Event { key: "/é<".into(), index: 7, previous: Some(3), is_removal: true }));
        for no_event in
            ["{}", r#"{"action":"set"}"#, r#"{"action":"set","node":{"key":"/a"}}"#, r#"{"node":{"modifiedIndex":7}}"#]
        {
            assert_eq!(Event::read(no_event), None, "{no_event}");
        }
    }
}
