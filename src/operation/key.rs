//! A key: checked once, when it comes in.

use crate::base::error::{Error, Result};

/// An absolute key: begins with `/`, has no empty, `.` or `..` segment, may end in `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Takes a key as users write it, with or without its leading `/`.
    ///
    /// `//`, `.` and `..` are refused: the server answers them with a redirect whose followers write
    /// an empty value. A trailing `/` stays: etcd compares permissions with the raw path.
    pub fn parse(text: &str) -> Result<Key> {
        let key = if text.starts_with('/') { text.to_owned() } else { format!("/{text}") };
        let inner = key[1..].strip_suffix('/').unwrap_or(&key[1..]);
        if key != "/" {
            for segment in inner.split('/') {
                match segment {
                    "" => return Err(Error::invalid("key: must not contain \"//\"")),
                    "." | ".." => return Err(Error::invalid("key: must not have a segment \".\" or \"..\"")),
                    _ => {}
                }
            }
        }
        Ok(Key(key))
    }

    /// As it was given, with the leading `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same key below a directory, which has no trailing `/`.
    pub fn below(&self, directory: &str) -> Key {
        Key(format!("{directory}{}", self.0))
    }

    /// As etcd names it in replies: no trailing `/`; the root is "".
    pub fn name(&self) -> &str {
        self.0.strip_suffix('/').unwrap_or(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_lack_its_leading_slash_and_keeps_its_trailing_one() {
        for (given, key, name) in [
            ("", "/", ""),
            ("/", "/", ""),
            ("a", "/a", "/a"),
            ("/a/b/", "/a/b/", "/a/b"),
            ("/...", "/...", "/..."),
            ("/a/.b/..c", "/a/.b/..c", "/a/.b/..c"),
        ] {
            let parsed = Key::parse(given).unwrap();
            assert_eq!((parsed.as_str(), parsed.name()), (key, name));
        }
    }

    #[test]
    fn what_the_server_would_redirect_is_refused() {
        for bad in ["//", "///", "//a", "/a//b", "a//", ".", "/..", "/a/../b", "/a/.", "../", "/./"] {
            assert_eq!(Key::parse(bad).unwrap_err().code, 1001, "{bad}");
        }
    }
}
