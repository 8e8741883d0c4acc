//! Bytes in JSON: a text where they are one, else base64 in a member of its own, `"value_base64"` in place of `"value"`.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{quote_into, unquote};
use crate::base::memory;

/// What follows a member's name where it holds base64.
pub const SUFFIX: &str = "_base64";

/// Written with padding; read without, too, as some encoders leave it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The bytes at `pointer`, be they a text there or base64 beside it; `None` if they are neither. `find` leads to places.
pub fn bytes<'a>(pointer: &str, find: impl Fn(&str) -> Option<&'a str>) -> Option<Vec<u8>> {
    let string = |found: &str| {
        // As large as it stands here, and once more where it is handed on.
        memory::check(4, found.len()).ok()?;
        unquote(found)
    };
    match find(pointer) {
        Some(found) => string(found).map(String::into_bytes),
        None => decode(&string(find(&format!("{pointer}{SUFFIX}"))?)?).ok(),
    }
}

/// The bytes that base64 stands for; else what is wrong with it.
pub fn decode(base64: &str) -> Result<Vec<u8>, String> {
    BASE64.decode(base64).map_err(|error| error.to_string())
}

/// Appends `"name":"text"`, or where it is not UTF-8, or not wanted as text, `"name_base64":"…"`.
pub fn append_member(out: &mut String, name: &str, bytes: &[u8], is_base64: bool) {
    let text = std::str::from_utf8(bytes).ok().filter(|_| !is_base64);
    out.push('"');
    out.push_str(name);
    match text {
        Some(text) => {
            out.push_str("\":");
            quote_into(out, text);
        }
        None => {
            out.push_str(SUFFIX);
            out.push_str("\":\"");
            encode(bytes, out);
            out.push('"');
        }
    }
}

/// Appends the base64 of bytes.
pub fn encode(bytes: &[u8], out: &mut String) {
    BASE64.encode_string(bytes, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::json::find;

    #[test]
    fn bytes_are_read_from_text_or_from_base64_beside() {
        let bytes = |json, pointer| bytes(pointer, |place| find(json, place));
        let json = r#"{"kvs":[{"key":"a\u0000","value_base64":"/wA="},{"value":"","value_base64":"/w=="},{"value_base64":"/w"}]}"#;
        for (pointer, expected) in [
            ("/kvs/0/key", Some(&b"a\0"[..])),
            ("/kvs/0/value", Some(b"\xff\0")),
            ("/kvs/1/value", Some(b"")),
            ("/kvs/1/value_base64", Some(b"/w==")),
            ("/kvs/2/value", Some(b"\xff")),
            ("/kvs/2/key", None),
            ("/kvs/0", None),
            ("", None),
        ] {
            assert_eq!(bytes(json, pointer).as_deref(), expected, "{pointer}");
        }
        assert_eq!(bytes(r#"{"value_base64":"*"}"#, "/value"), None);
        assert_eq!(bytes(r#"{"value":"\ud800"}"#, "/value"), None);
    }
}
