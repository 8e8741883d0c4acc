//! Keys and parameters, percent-encoded for URLs and forms.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

use crate::operation::Key;

/// Everything but RFC 3986's unreserved characters is encoded, in forms too: etcd built with an old Go
/// takes a raw `;` for `&`, which would let a value set parameters.
const UNRESERVED_ONLY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same for a path, whose slashes stay.
const PATH: &AsciiSet = &UNRESERVED_ONLY.remove(b'/');

/// A parameter of a query or a form, or one segment of a path.
pub fn parameter(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, UNRESERVED_ONLY)
}

/// A key as a URL path.
pub fn path(key: &Key) -> PercentEncode<'_> {
    utf8_percent_encode(key.as_str(), PATH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_but_the_unreserved_ones_is_encoded() {
        let key = Key::parse("/a b?c#d%2F+;\"é\\&=\n/~._-Z9").unwrap();
        assert_eq!(path(&key).to_string(), "/a%20b%3Fc%23d%252F%2B%3B%22%C3%A9%5C%26%3D%0A/~._-Z9");
        assert_eq!(parameter("a/b c+d;e&f").to_string(), "a%2Fb%20c%2Bd%3Be%26f");
    }
}
