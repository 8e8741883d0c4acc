//! Paths and directories on a flat, ordered store.
//!
//! The path `/a/b` is the key `root` + `a/b`. A directory is whatever has keys below it, `root` + `a/b/...`, or a marker:
//! the key that ends in its slash.

pub use crate::base::node::Path;
use crate::messages::txn::prefix_end;
use crate::operation::Key;

#[derive(Debug, Clone)]
pub struct Tree {
    /// What every key begins with: `/`, `/app/`, or nothing.
    root: Box<[u8]>,
}

/// Where one path lies in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// As replies name it; "" for the root.
    pub name: String,
    /// Its value's key; empty for the root, which can have none.
    pub key: Vec<u8>,
    /// Its directory's marker: what every key below begins with.
    pub marker: Vec<u8>,
    /// The first key after all that are below.
    pub end: Vec<u8>,
    /// The keys of the directories above, without the root: what must hold no value.
    pub ancestors: Vec<Vec<u8>>,
}

/// The server takes 128 conditions in a transaction; some are needed for other things.
const MAX_ANCESTORS: usize = 120;

impl Tree {
    /// Below `root`, which gains a slash if it is a name without one.
    pub fn new(root: &str) -> Tree {
        let mut root = root.as_bytes().to_vec();
        if root.last().is_some_and(|last| *last != b'/') {
            root.push(b'/');
        }
        Tree { root: root.into() }
    }

    pub fn place(&self, key: &Key) -> Place {
        let name = key.name();
        let path = name.strip_prefix('/').unwrap_or(name);
        let key = if path.is_empty() { Vec::new() } else { [&self.root[..], path.as_bytes()].concat() };
        let marker = if path.is_empty() { self.root.to_vec() } else { [&key, &b"/"[..]].concat() };
        let end = prefix_end(&marker);
        let slashes = path.bytes().enumerate().filter(|(_, byte)| *byte == b'/').map(|(at, _)| self.root.len() + at);
        let mut ancestors: Vec<Vec<u8>> = slashes.map(|at| key[..at].to_vec()).collect();
        // Of a path as deep as that the nearest ones are the likeliest to be in the way.
        ancestors.drain(..ancestors.len().saturating_sub(MAX_ANCESTORS));
        Place { name: name.to_owned(), key, marker, end, ancestors }
    }

    pub fn root_length(&self) -> usize {
        self.root.len()
    }

    /// The path of a key, with its leading slash; `None` outside the root, and for the root's own marker.
    pub fn path<'a>(&self, key: &'a [u8]) -> Option<Path<'a>> {
        self.relative(key).filter(|rest| !rest.is_empty()).map(Path)
    }

    /// What follows the root.
    pub fn relative<'a>(&self, key: &'a [u8]) -> Option<&'a [u8]> {
        key.strip_prefix(&self.root[..])
    }

    /// The key that a path, or what begins one, begins with: for permissions, whose patterns are no paths.
    pub fn key_of(&self, path: &str) -> Vec<u8> {
        [&self.root[..], path.strip_prefix('/').unwrap_or(path).as_bytes()].concat()
    }
}

impl Place {
    pub fn is_root(&self) -> bool {
        self.key.is_empty()
    }

    /// The first key that may be below. A range cannot begin with no key at all.
    pub fn begin(&self) -> Vec<u8> {
        if self.marker.is_empty() { vec![0] } else { self.marker.clone() }
    }

    /// The first key below, its marker left out.
    pub fn inside(&self) -> Vec<u8> {
        [&self.marker, &[0][..]].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(root: &str, key: &str) -> Place {
        Tree::new(root).place(&Key::parse(key).unwrap())
    }

    #[test]
    fn a_path_is_the_key_that_etcdctl_would_be_given() {
        let at = place("/", "/a/b/c");
        assert_eq!(
            (at.name.as_str(), &at.key[..], &at.marker[..], &at.end[..]),
            ("/a/b/c", &b"/a/b/c"[..], &b"/a/b/c/"[..], &b"/a/b/c0"[..])
        );
        assert_eq!(at.ancestors, [b"/a".to_vec(), b"/a/b".to_vec()]);
        assert_eq!(place("/", "a/b/c/"), at);
        assert!(place("/", "/a").ancestors.is_empty(), "the root holds no value");
    }

    #[test]
    fn the_root_is_a_prefix_that_is_in_no_reply() {
        let at = place("/app", "/a/b");
        assert_eq!((&at.key[..], at.ancestors.as_slice()), (&b"/app/a/b"[..], &[b"/app/a".to_vec()][..]));
        assert_eq!(place("/app/", "/a/b"), at);
        let tree = Tree::new("/app/");
        assert_eq!(tree.path(b"/app/a/b").map(Path::bytes), Some(b"/a/b".to_vec()));
        for outside in [&b"/app"[..], b"/app/", b"/apple", b"x"] {
            assert_eq!(tree.path(outside), None);
        }
        let at = place("", "/a/b");
        assert_eq!((&at.key[..], at.ancestors.as_slice()), (&b"a/b"[..], &[b"a".to_vec()][..]));
    }

    #[test]
    fn the_root_itself_is_a_directory_and_no_key() {
        let at = place("/", "/");
        assert_eq!((at.is_root(), &at.begin()[..], &at.end[..]), (true, &b"/"[..], &b"0"[..]));
        let at = place("/app/", "");
        assert_eq!((at.is_root(), &at.begin()[..], &at.end[..]), (true, &b"/app/"[..], &b"/app0"[..]));
        let at = place("", "/");
        assert_eq!((at.is_root(), &at.begin()[..], &at.end[..]), (true, &b"\0"[..], &b"\0"[..]), "all keys");
    }

    #[test]
    fn a_path_too_deep_for_a_transaction_has_its_nearest_ancestors_watched_over() {
        let at = place("/", &"/a".repeat(300));
        assert_eq!(at.ancestors.len(), 120);
        assert_eq!(at.ancestors.last().unwrap().len(), 2 * 299);
    }
}
