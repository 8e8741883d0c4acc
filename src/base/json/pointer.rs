//! JSON Pointers (RFC 6901): `/node/nodes/0/value`.

use std::borrow::Cow;

use super::scan::{elements, members, split_value};

/// The text of the value at `pointer`, or `None` where there is none.
///
/// One pass from the start to that place: what stands before it is skipped, what follows it is not
/// read. Of several members of one name the first counts.
pub fn find<'a>(json: &'a str, pointer: &str) -> Option<&'a str> {
    let mut here = json;
    if !pointer.is_empty() {
        for token in pointer.strip_prefix('/')?.split('/') {
            here = descend(here, &decode(token)?)?;
        }
    }
    split_value(here).map(|(value, _)| value)
}

/// The text from the member or element named `token` onward.
fn descend<'a>(here: &'a str, token: &str) -> Option<&'a str> {
    if let Some(mut members) = members(here) {
        while let Some(name) = members.name() {
            if names(name, token) {
                return Some(members.rest());
            }
            members.value()?;
        }
        return None;
    }
    let cursor = index(token)?;
    let mut elements = elements(here)?;
    if cursor > 0 {
        elements.nth(cursor - 1)?;
    }
    elements.start()
}

pub(super) fn names(quoted: &str, token: &str) -> bool {
    // Most names have no escape in them and can be compared as they stand.
    &quoted[1..quoted.len() - 1] == token && !token.contains('\\')
        || quoted.contains('\\') && super::unquote(quoted).as_deref() == Some(token)
}

/// An array index: digits without a leading zero. (`-`, the place after the last, never exists.)
fn index(token: &str) -> Option<usize> {
    let plain = token == "0" || !token.starts_with('0');
    (plain && token.bytes().all(|b| b.is_ascii_digit())).then(|| token.parse().ok())?
}

/// `~1` stands for `/`, `~0` for `~`; any other `~` is an error.
fn decode(token: &str) -> Option<Cow<'_, str>> {
    if !token.contains('~') {
        return Some(Cow::Borrowed(token));
    }
    let mut pieces = token.split('~');
    let mut out = pieces.next()?.to_owned();
    for piece in pieces {
        let (sign, rest) = (piece.as_bytes().first()?, &piece[piece.chars().next()?.len_utf8()..]);
        out.push(match sign {
            b'0' => '~',
            b'1' => '/',
            _ => return None,
        });
        out.push_str(rest);
    }
    Some(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 6901, section 5.
    const RFC: &str = r#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#;

    #[test]
    fn the_rfc_examples_are_found() {
        let expected = [
            ("/foo", r#"["bar","baz"]"#),
            ("/foo/0", "\"bar\""),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/e^f", "3"),
            ("/g|h", "4"),
            ("/i\\j", "5"),
            ("/k\"l", "6"),
            ("/ ", "7"),
            ("/m~0n", "8"),
            ("", RFC),
        ];
        for (pointer, value) in expected {
            assert_eq!(find(RFC, pointer), Some(value), "{pointer}");
        }
    }

    #[test]
    fn what_is_not_there_is_none() {
        for pointer in ["foo", "/nope", "/foo/2", "/foo/-", "/foo/01", "/foo/+1", "/foo/0/x", "/m~2n", "/m~", "/m~é"] {
            assert_eq!(find(RFC, pointer), None, "{pointer}");
        }
        assert_eq!(find("not json", ""), None);
        assert_eq!(find("", "/a"), None);
    }

    #[test]
    fn a_deep_place_is_found_without_recursion() {
        let depth = if cfg!(miri) { 100 } else { 20_000 }; // Miri takes a thousand times as long
        let deep = "{\"a\":[0,".repeat(depth) + "\"end\"" + &"]}".repeat(depth);
        assert_eq!(find(&deep, &"/a/1".repeat(depth)), Some("\"end\""));
    }
}
