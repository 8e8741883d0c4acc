//! JSON as text: checking it, finding a place in it, writing strings into it.
//!
//! Replies stay text from the socket to the caller, so that number formats, unknown members and
//! their order survive. Nothing here builds a tree or recurses, so a reply of any depth costs no
//! stack.

mod bytes;
mod check;
mod pointer;
mod scan;

pub use bytes::{
    SUFFIX as BASE64_SUFFIX, append_member as append_bytes, bytes, decode as decode_base64, encode as encode_base64,
};
pub use pointer::find;
pub use scan::{Elements, Members, elements, members, next_value};

use serde::de::IgnoredAny;

/// Whether `text` is one JSON value.
pub fn is_valid(text: &str) -> bool {
    check::is_value(text.as_bytes(), &mut |_| ())
}

/// How many members of that name the object has that `text` is; `None` if it is no JSON.
pub fn count(text: &str, name: &str) -> Option<usize> {
    let mut count = 0;
    let is_valid = check::is_value(text.as_bytes(), &mut |quoted| {
        count += usize::from(std::str::from_utf8(quoted).is_ok_and(|quoted| pointer::names(quoted, name)));
    });
    is_valid.then_some(count)
}

/// Whether a text that the library returns is a result by how it begins. No error begins so, a server's neither
/// (`api/v2/reply`).
pub fn begins_as_result(text: &[u8]) -> bool {
    text.starts_with(b"{\"action\":\"") || text.starts_with(b"{\"header\":{")
}

/// Why it is none, and where that shows.
pub fn why_not(text: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(text).err().map(|error| error.to_string())
}

/// `text` as a JSON string, with its quotes.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quote_into(&mut quoted, text);
    quoted
}

/// Appends the same.
pub fn quote_into(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    loop {
        // Most texts are written as they are.
        let (plain, special) = rest.split_at(check::plain_length(rest.as_bytes()));
        out.push_str(plain);
        let Some(byte) = special.bytes().next() else { break };
        escape_into(out, byte);
        rest = &special[1..];
    }
    out.push('"');
}

fn escape_into(out: &mut String, byte: u8) {
    out.push_str(match byte {
        b'"' => "\\\"",
        b'\\' => "\\\\",
        b'\n' => "\\n",
        b'\r' => "\\r",
        b'\t' => "\\t",
        0x08 => "\\b",
        0x0c => "\\f",
        _ => {
            let digit = |digit: u8| char::from(b"0123456789abcdef"[usize::from(digit)]);
            out.extend(['\\', 'u', '0', '0', digit(byte >> 4), digit(byte & 0xf)]);
            return;
        }
    });
}

/// Whether a text stands in a JSON string as it is.
pub fn is_plain(text: &str) -> bool {
    check::plain_length(text.as_bytes()) == text.len()
}

/// The string that a JSON text stands for; `None` for any other JSON.
pub fn unquote(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

/// Appends one member to `object` (a JSON object), in place; all that stands in it stays as it is.
pub fn append_member(object: &mut String, name: &str, value: &str) {
    let closing = object.trim_end().len().saturating_sub(1);
    object.truncate(closing);
    object.truncate(object.trim_end().len());
    if !object.ends_with('{') {
        object.push(',');
    }
    for piece in ["\"", name, "\":", value, "}"] {
        object.push_str(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_appended_and_the_rest_stays_as_it_was() {
        for (object, expected) in [
            ("{\"a\":1.50e0 }\n", "{\"a\":1.50e0,\"b\":2}"),
            ("{ }", "{\"b\":2}"),
            ("{\"a\":{}}", "{\"a\":{},\"b\":2}"),
        ] {
            let mut text = object.to_owned();
            append_member(&mut text, "b", "2");
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn any_depth_is_checked_without_recursion() {
        let depth = if cfg!(miri) { 500 } else { 500_000 };
        let deep = "[".repeat(depth) + &"]".repeat(depth);
        assert!(is_valid(&deep));
        assert!(!is_valid(&deep[1..]));
    }

    #[test]
    fn strings_go_in_and_out_unchanged() {
        let all = String::from_iter((0..300).filter_map(char::from_u32));
        for text in ["", "plain é 😀\u{7f}", "é\n\"\\/", "\u{0}\u{1f}\u{2028}😀", &all] {
            assert_eq!(unquote(&quote(text)).as_deref(), Some(text));
            assert_eq!(quote(text), serde_json::to_string(text).unwrap());
        }
        assert_eq!(unquote("1"), None);
        assert_eq!(unquote(r#""\ud800""#), None, "a lone surrogate is no text");
    }
}
