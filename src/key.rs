//! A key: checked once, then safe to put in a URL.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

use crate::error::{Error, Result};

/// Everything but RFC 3986's unreserved characters is encoded, in forms too: etcd built with an old Go
/// takes a raw `;` for `&`, which would let a value set parameters.
const UNRESERVED_ONLY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same for a path, whose slashes stay.
const PATH: &AsciiSet = &UNRESERVED_ONLY.remove(b'/');

/// Percent-encodes a parameter of a query or a form.
pub fn encode(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, UNRESERVED_ONLY)
}

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

    /// As etcd names it in replies: no trailing `/`; the root is "".
    pub fn name(&self) -> &str {
        self.0.strip_suffix('/').unwrap_or(&self.0)
    }

    /// The key as a URL path.
    pub fn encoded(&self) -> PercentEncode<'_> {
        utf8_percent_encode(&self.0, PATH)
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

    #[test]
    fn every_byte_but_the_unreserved_ones_is_encoded() {
        let key = Key::parse("/a b?c#d%2F+;\"é\\&=\n/~._-Z9").unwrap();
        assert_eq!(key.encoded().to_string(), "/a%20b%3Fc%23d%252F%2B%3B%22%C3%A9%5C%26%3D%0A/~._-Z9");
        assert_eq!(encode("a/b c+d;e&f").to_string(), "a%2Fb%20c%2Bd%3Be%26f");
    }
}
