//! A directory as JSON: the tree that flat keys stand for, written in one walk and without recursion, however deep.

use std::cmp::Ordering;

use super::error::{Error, Result};
use super::node::{Entry, Node, Path};

/// Appends it. `entries` is all below a directory, in any order, and `marker` what their keys begin with; the first `root`
/// bytes of a key are not shown. Only one level is shown unless `recursive`.
///
/// Children come sorted by name. A key and a directory of one name, which foreign programs can make, are two children.
pub fn write<'a>(
    marker: &'a [u8],
    root: usize,
    mut entries: Vec<Entry<'a>>,
    recursive: bool,
    max_length: usize,
    out: &mut String,
) -> Result<()> {
    let base = marker.len();
    if entries.iter().any(|entry| !entry.key.starts_with(marker)) {
        return Err(Error::bad_response("a listing with a key that was not asked for"));
    }
    // At once, for what grows is moved.
    out.reserve(entries.iter().map(usual_length).sum::<usize>().min(max_length));
    // Mostly sorted already: a store's order differs only where a name goes on with a byte less than the slash.
    entries.sort_by(|a, b| compare(&a.key[base..], &b.key[base..]));
    let mut walk = Walk { root, out, open: Vec::new(), recursive };
    walk.enter(Path(marker.get(root..).unwrap_or_default()).directory(), base);
    let mut last = marker;
    for entry in &entries {
        walk.leave(|end| entry.key.get(..end) != last.get(..end));
        walk.take(entry, max_length);
        // A key of many slashes is a directory for each, and each has the name of those above in its own.
        if walk.out.len() > max_length {
            return Err(too_large(max_length));
        }
        last = entry.key;
    }
    walk.leave(|_| true);
    Ok(())
}

fn usual_length(entry: &Entry) -> usize {
    const REST: usize = 80;
    entry.key.len() + entry.value.len() + REST
}

/// As a reply that is larger than may be.
pub fn too_large(max_length: usize) -> Error {
    let cause = format!("the listing is larger than max_response_bytes, {max_length}");
    Error { is_permanent: true, ..Error::bad_response(cause) }
}

/// By names, component for component: the slash comes before every other byte.
pub fn compare(a: &[u8], b: &[u8]) -> Ordering {
    match a.iter().zip(b).find(|(a, b)| a != b) {
        Some((b'/', _)) => Ordering::Less,
        Some((_, b'/')) => Ordering::Greater,
        Some((a, b)) => a.cmp(b),
        None => a.len().cmp(&b.len()),
    }
}

struct Walk<'a> {
    /// The length of what is not shown of a key.
    root: usize,
    out: &'a mut String,
    /// The directories that the walk is in, the listed one first.
    open: Vec<Open<'a>>,
    recursive: bool,
}

struct Open<'a> {
    node: Node<'a>,
    /// The length of its marker.
    end: usize,
    has_children: bool,
    /// Its indexes are its marker's; without one they are those of what is in it.
    is_marked: bool,
}

impl<'a> Walk<'a> {
    /// A directory without a path is the root.
    fn enter(&mut self, path: Option<Path<'a>>, end: usize) {
        let node = Node { path, is_directory: true, ..Node::default() };
        self.child();
        node.open(self.out);
        self.open.push(Open { node, end, has_children: false, is_marked: false });
    }

    /// Leaves directories, the innermost first, as long as the next key is outside.
    fn leave(&mut self, is_outside: impl Fn(usize) -> bool) {
        while self.open.last().is_some_and(|top| is_outside(top.end)) {
            let Some(top) = self.open.pop() else { return };
            if top.has_children {
                self.out.push(']');
            }
            top.node.close(self.out);
        }
    }

    fn take(&mut self, entry: &Entry<'a>, max_length: usize) {
        while let Some(end) = self.open.last().map(|top| top.end) {
            let Some(rest) = entry.key.get(end..) else { return };
            let name_length = rest.iter().position(|byte| *byte == b'/');
            let name = &rest[..name_length.unwrap_or(rest.len())];
            let is_shown = self.recursive || self.open.len() == 1;
            match name_length {
                // Its marker, whatever value it has.
                None if name.is_empty() => self.mark(entry),
                // No path of ours can have an empty name.
                _ if name.is_empty() || name[0] == b'_' || !is_shown => {}
                None => self.file(entry),
                Some(_) if self.out.len() > max_length => {}
                Some(length) => {
                    let end = end + length + 1;
                    self.enter(Some(Path(&entry.key[self.root..end - 1])), end);
                    continue;
                }
            }
            break;
        }
        for open in self.open.iter_mut().filter(|open| !open.is_marked) {
            let node = &mut open.node;
            let is_first = node.created == 0;
            node.created = if is_first { entry.created } else { node.created.min(entry.created) };
            node.modified = node.modified.max(entry.modified);
        }
    }

    fn mark(&mut self, entry: &Entry) {
        if let Some(top) = self.open.last_mut() {
            top.is_marked = true;
            (top.node.created, top.node.modified) = (entry.created, entry.modified);
        }
    }

    fn file(&mut self, entry: &Entry<'a>) {
        self.child();
        Node::file(Path(&entry.key[self.root..]), *entry).write(self.out);
    }

    /// What stands before a child.
    fn child(&mut self) {
        let Some(top) = self.open.last_mut() else { return };
        let is_first = !std::mem::replace(&mut top.has_children, true);
        self.out.push_str(if is_first { ",\"nodes\":[" } else { "," });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(root: &str, directory: &str, keys: &[&str], recursive: bool) -> String {
        let root = if root.is_empty() { String::new() } else { root.trim_end_matches('/').to_owned() + "/" };
        let name = directory.trim_matches('/');
        let marker = if name.is_empty() { root.clone() } else { format!("{root}{name}/") };
        let entries = keys.iter().enumerate().map(|(i, key)| Entry {
            key: key.as_bytes(),
            value: b"v",
            created: i as i64 + 2,
            modified: i as i64 + 12,
        });
        let mut out = String::new();
        write(marker.as_bytes(), root.len(), entries.collect(), recursive, 64 << 20, &mut out).unwrap();
        out
    }

    /// Only the names, `name` or `name[…]`.
    fn names(root: &str, directory: &str, keys: &[&str], recursive: bool) -> String {
        fn walk(node: &serde_json::Value, out: &mut String) {
            out.push_str(node["key"].as_str().unwrap_or("root"));
            assert_eq!(node["dir"].is_null(), !node["value"].is_null(), "{node}");
            for (i, child) in node["nodes"].as_array().into_iter().flatten().enumerate() {
                out.push(if i == 0 { '[' } else { ' ' });
                walk(child, out);
            }
            if node["nodes"].is_array() {
                out.push(']');
            }
        }
        let text = list(root, directory, keys, recursive);
        let mut out = String::new();
        walk(&serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")), &mut out);
        out
    }

    #[test]
    fn a_directory_has_its_markers_indexes_or_those_of_what_is_in_it() {
        assert_eq!(
            list("/", "/d", &["/d/", "/d/a", "/d/e/x", "/d/e/y"], false),
            r#"{"key":"/d","dir":true,"nodes":[{"key":"/d/a","value":"v","modifiedIndex":13,"createdIndex":3},{"key":"/d/e","dir":true,"modifiedIndex":15,"createdIndex":4}],"modifiedIndex":12,"createdIndex":2}"#
        );
        assert_eq!(list("/", "/", &["/"], true), r#"{"dir":true}"#);
        assert_eq!(list("/", "/d", &["/d/"], true), r#"{"key":"/d","dir":true,"modifiedIndex":12,"createdIndex":2}"#);
    }

    #[test]
    fn children_are_sorted_by_name_and_not_by_bytes() {
        let keys = ["/a/b", "/a/b-c", "/a/b.d/x", "/a/b/c", "/a/b/d/e"];
        assert_eq!(names("/", "/a", &keys, true), "/a[/a/b /a/b[/a/b/c /a/b/d[/a/b/d/e]] /a/b-c /a/b.d[/a/b.d/x]]");
        assert_eq!(names("/", "/a", &keys, false), "/a[/a/b /a/b /a/b-c /a/b.d]", "a key and a directory of one name");
    }

    #[test]
    fn the_root_is_left_out() {
        for (root, keys) in [("/", ["/a", "/b/c"]), ("/app", ["/app/a", "/app/b/c"]), ("", ["a", "b/c"])] {
            assert_eq!(names(root, "/", &keys, true), "root[/a /b[/b/c]]", "{root}");
        }
        assert_eq!(names("/app", "/b", &["/app/b/c", "/app/b/d/e"], true), "/b[/b/c /b/d[/b/d/e]]");
        assert_eq!(names("", "/b", &["b/c"], true), "/b[/b/c]");
    }

    #[test]
    fn hidden_names_and_empty_ones_are_left_out_and_what_holds_them_stays() {
        let keys = ["/a/_h", "/a/_i/x", "/a/b/_j", "/a/c//d", "/a/e/", "/a/e/f/_g/h"];
        assert_eq!(names("/", "/a", &keys, true), "/a[/a/b /a/c /a/e[/a/e/f]]");
        assert_eq!(names("/", "/a/_i", &["/a/_i/x"], true), "/a/_i[/a/_i/x]", "asked for by name");
    }

    #[test]
    fn a_deep_tree_costs_no_stack() {
        let depth = if cfg!(miri) { 100 } else { 2000 };
        let key = format!("/a{}", "/x".repeat(depth));
        let text = list("/", "/a", &[&key], true);
        assert_eq!(text.matches("\"nodes\"").count(), depth);
        assert!(crate::base::json::is_valid(&text));
    }

    #[test]
    fn a_key_that_was_not_asked_for_is_no_listing() {
        let entry = |key| Entry { key, value: b"", created: 1, modified: 1 };
        for foreign in [&b"/"[..], b"", b"/b/c"] {
            let entries = vec![entry(b"/a/b"), entry(foreign)];
            let error = write(b"/a/", 1, entries, true, 1 << 20, &mut String::new()).unwrap_err();
            assert_eq!(error.code, 1006);
        }
    }

    #[test]
    fn a_listing_has_a_largest_size_whatever_the_keys_are() {
        // As JSON that would be half a terabyte.
        let (depth, most) = if cfg!(miri) { (300, 1 << 10) } else { (700_000, 1 << 20) };
        let key = format!("/a{}", "/x".repeat(depth)).into_bytes();
        let entry = Entry { key: &key, value: b"", created: 1, modified: 1 };
        let error = write(b"/a/", 1, vec![entry], true, most, &mut String::new()).unwrap_err();
        assert!(error.code == 1006 && error.is_permanent, "{error}");
    }
}
