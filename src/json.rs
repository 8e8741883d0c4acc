//! JSON as text: checking it, finding a place in it, writing strings into it.
//!
//! Replies stay text from the socket to the caller, so that number formats, unknown members and
//! their order survive. Nothing here builds a tree or recurses, so a reply of any depth costs no
//! stack; `serde_json` does the lexing.

mod pointer;
mod scan;

pub use pointer::find;
pub use scan::{elements, members, next_value};

use serde::de::IgnoredAny;

/// Whether `text` is one JSON value. serde_json skips a value without recursion, whatever its depth.
pub fn is_valid(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// `text` as a JSON string, with its quotes.
pub fn quote(text: &str) -> String {
    serde_json::to_string(text).expect("a string can always be written as JSON")
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
        let deep = "[".repeat(500_000) + &"]".repeat(500_000);
        assert!(is_valid(&deep));
        assert!(!is_valid(&deep[1..]));
    }

    #[test]
    fn strings_go_in_and_out_unchanged() {
        for text in ["", "é\n\"\\/", "\u{0}\u{1f}\u{2028}😀"] {
            assert_eq!(unquote(&quote(text)).as_deref(), Some(text));
        }
        assert_eq!(unquote("1"), None);
        assert_eq!(unquote(r#""\ud800""#), None, "a lone surrogate is no text");
    }
}
