//! Bytes in replies: a text where they are one, else base64 in a member of its own.

use crate::base::json;

/// What stands in either member.
pub fn either(text: Option<String>, base64: Option<String>) -> Option<Vec<u8>> {
    match (text, base64) {
        (Some(text), _) => Some(text.into_bytes()),
        (None, base64) => json::decode_base64(&base64?).ok(),
    }
}
