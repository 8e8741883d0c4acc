//! Which of the events that the server sends are the watch's own.
//!
//! From its history the server sends too many: the removal of `/dd` to watchers of `/ddx`, for it compares
//! without the slash, and hidden keys, which it keeps back from live watchers (2.3.8 to 3.5.30).

use super::event::Event;
use crate::operation::Target;

pub fn concerns(target: &Target, event: &Event) -> bool {
    let (watched, changed) = (target.key.name(), event.key.strip_suffix('/').unwrap_or(&event.key));
    if watched == changed {
        return true;
    }
    if let Some(below) = is_below(changed, watched) {
        return target.recursive && !is_hidden(below);
    }
    // A directory above is gone, and with it what is watched.
    event.is_removal && is_below(watched, changed).is_some()
}

/// The rest of `key` below `directory`, from its slash on.
fn is_below<'a>(key: &'a str, directory: &str) -> Option<&'a str> {
    key.strip_prefix(directory).filter(|rest| rest.starts_with('/'))
}

/// Whether a name in it begins with "_".
fn is_hidden(path: &str) -> bool {
    path.contains("/_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Key;

    fn concerned(watched: &str, recursive: bool, changed: &str, is_removal: bool) -> bool {
        let target = Target { key: Key::parse(watched).unwrap(), recursive };
        concerns(&target, &Event { key: changed.into(), index: 1, previous: None, is_removal })
    }

    #[test]
    fn a_key_and_with_recursive_all_below_it() {
        assert!(concerned("/a", false, "/a", false));
        assert!(concerned("/a/", true, "/a", false));
        assert!(!concerned("/a", false, "/a/b", false));
        assert!(concerned("/a", true, "/a/b/c", false));
        assert!(!concerned("/a", true, "/ab", false));
        assert!(concerned("/", true, "/x", false));
        assert!(!concerned("/", false, "/x", false));
    }

    #[test]
    fn the_removal_of_a_directory_above_and_of_no_other() {
        assert!(concerned("/a/b/c", false, "/a", true));
        assert!(!concerned("/a/b/c", false, "/a", false), "not a removal");
        assert!(!concerned("/ddx", false, "/dd", true));
        assert!(!concerned("/ddother/foo", true, "/dd", true));
        assert!(!concerned("/a", false, "/a/b", true), "below, and not recursive");
    }

    #[test]
    fn hidden_keys_only_for_those_who_watch_them() {
        assert!(!concerned("/h", true, "/h/_s", false));
        assert!(!concerned("/h", true, "/h/_d/x", false));
        assert!(concerned("/h/_d", true, "/h/_d/x", false));
        assert!(!concerned("/h/_d", true, "/h/_d/_y", false));
        assert!(concerned("/h/_s", false, "/h/_s", false));
        assert!(concerned("/h", true, "/h/a_b", false));
    }
}
