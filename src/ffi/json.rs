//! Reading a reply
//!
//! Enough to need no JSON library. A place in a text is named by a JSON pointer (RFC 6901): `/node/value`,
//! `/node/nodes/0/key`; "" is the whole text.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::{NonNull, null_mut};

use super::{argument, guard, text};
use crate::base::code::{ETCD_ERROR_BAD_RESPONSE, ETCD_ERROR_INTERNAL, ETCD_ERROR_INVALID_ARGUMENT};
use crate::base::{json, memory};

/// Says whether a text that the library returned is a result or an error.
///
/// - `json`: such a text. NULL is error 1001; a text that is not JSON is error 1006. One of more than 4 KB that begins as a
///   result does, `{"action":"` or `{"header":{`, is taken for one by that.
///
/// Returns 0 for a result, else the error's code.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_error_code(json: *const c_char) -> c_int {
    guard::pure(ETCD_ERROR_INTERNAL, || {
        // SAFETY: the header's conventions on strings; NULL is none.
        if !json.is_null() && unsafe { is_large_result(json) } {
            return 0;
        }
        // SAFETY: the header's conventions on strings.
        let Ok(text) = (unsafe { argument::text_to_read(json, "json") }) else { return ETCD_ERROR_INVALID_ARGUMENT };
        if !json::is_valid(text) {
            return ETCD_ERROR_BAD_RESPONSE;
        }
        json::find(text, "/errorCode").map_or(0, |code| code.parse().unwrap_or(ETCD_ERROR_BAD_RESPONSE))
    })
}

/// Reads one value as text.
///
/// - `json`: a JSON text; NULL has no values.
/// - `pointer`: where it is; NULL is nowhere.
///
/// Returns a string without quotes and escapes, any other value as JSON; NULL if there is none, or no memory for it. A string that contains
/// U+0000, which would end it in C, stays JSON, with its quotes. The caller owns the text and frees it with `etcd_free`.
///
/// ```c
/// char *value = etcd_json_text(reply, "/node/value");
/// ```
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_json_text(json: *const c_char, pointer: *const c_char) -> *mut c_char {
    guard::pure(null_mut(), || {
        // SAFETY: the header's conventions on strings.
        unsafe { find(json, pointer) }.map_or(null_mut(), |found| {
            // Unescaped in a buffer that grows by doubling; an error has no place here.
            if memory::check(3, found.len()).is_err() {
                return null_mut();
            }
            let plain = json::unquote(found).filter(|text| !text.contains('\0'));
            plain.map_or_else(|| text::copy(found), text::give)
        })
    })
}

/// Reads bytes: of a text, or of base64. Where there is no `value`, a `value_base64` beside it is read and decoded; so the
/// caller need not know which it is.
///
/// - `json`: a JSON text; NULL has no values.
/// - `pointer`: where they are, without `_base64`; NULL is nowhere.
/// - `length`: where to put how many bytes there are, 0 if there are none; NULL is fine.
///
/// Returns the bytes, and a NUL behind them that is not counted; NULL if there is neither a string nor base64, or no memory for
/// them. The caller owns the bytes and frees them with `etcd_free`.
///
/// ```c
/// size_t length;
/// unsigned char *value = etcd_json_bytes(reply, "/kvs/0/value", &length);
/// etcd_free((char *)value);
/// ```
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_json_bytes(
    json: *const c_char,
    pointer: *const c_char,
    length: *mut usize,
) -> *mut c_void {
    guard::pure(null_mut(), || {
        // SAFETY: the header's conventions on strings.
        let bytes = unsafe { argument::text_to_read(pointer, "pointer") }.ok().and_then(|pointer| {
            // SAFETY: the same.
            json::bytes(pointer, |place| unsafe { find_at(json, place) })
        });
        let given = bytes.as_deref().and_then(text::give_bytes);
        // SAFETY: the header's conventions on out-parameters.
        unsafe { argument::put_out(length, if given.is_some() { bytes.map_or(0, |bytes| bytes.len()) } else { 0 }) };
        given.map_or(null_mut(), NonNull::as_ptr)
    })
}

/// Reads one whole number: an index, a ttl. Values of keys are strings, also if they look like numbers, and so are the ids of
/// leases, members and clusters: read them with `etcd_json_text`.
///
/// - `json`: a JSON text; NULL has no values.
/// - `pointer`: where it is; NULL is nowhere.
/// - `fallback`: what to return if there is none, or if it is no whole number that fits.
///
/// Returns the number, or `fallback`.
///
/// ```c
/// int64_t index = etcd_json_int(reply, "/node/modifiedIndex", 0);
/// ```
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_json_int(json: *const c_char, pointer: *const c_char, fallback: i64) -> i64 {
    guard::pure(fallback, || {
        // SAFETY: the header's conventions on strings.
        unsafe { find(json, pointer) }.and_then(|found| found.parse().ok()).unwrap_or(fallback)
    })
}

/// Reads one truth value: `/succeeded` of a transaction, `/node/dir`.
///
/// - `json`: a JSON text; NULL has no values.
/// - `pointer`: where it is; NULL is nowhere.
/// - `fallback`: what to return if there is none, or if it is neither `true` nor `false`.
///
/// Returns 1 for `true`, 0 for `false`, or `fallback`.
///
/// ```c
/// int is_directory = etcd_json_bool(reply, "/node/dir", 0);
/// ```
///
/// Since: 0.2.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_json_bool(json: *const c_char, pointer: *const c_char, fallback: c_int) -> c_int {
    guard::pure(fallback, || {
        // SAFETY: the header's conventions on strings.
        unsafe { find(json, pointer) }.and_then(|found| found.parse::<bool>().ok()).map_or(fallback, c_int::from)
    })
}

/// Counts the elements of an array, or the members of an object.
///
/// - `json`: a JSON text; NULL has no values.
/// - `pointer`: where it is; NULL is nowhere.
///
/// Returns how many there are; -1 if there is no value, or neither array nor object.
///
/// ```c
/// int64_t children = etcd_json_length(reply, "/node/nodes");
/// ```
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_json_length(json: *const c_char, pointer: *const c_char) -> i64 {
    guard::pure(-1, || {
        // SAFETY: the header's conventions on strings.
        let Some(found) = (unsafe { find(json, pointer) }) else { return -1 };
        let count = json::elements(found).map(Iterator::count).or_else(|| Some(json::members(found)?.count()));
        count.and_then(|count| i64::try_from(count).ok()).unwrap_or(-1)
    })
}

/// Reads the name of one member of an object; of the members of a cluster, for example, the ids.
///
/// - `json`: a JSON text; NULL has no values.
/// - `pointer`: where the object is; NULL is nowhere.
/// - `position`: which member, from 0 to `etcd_json_length` less 1.
///
/// Returns the name without quotes and escapes; NULL if there is no such member. The caller owns the text and frees it
/// with `etcd_free`.
///
/// ```c
/// char *id = etcd_json_name(members, "", 0);
/// ```
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_json_name(json: *const c_char, pointer: *const c_char, position: i64) -> *mut c_char {
    guard::pure(null_mut(), || {
        // SAFETY: the header's conventions on strings.
        let object = unsafe { find(json, pointer) }.and_then(json::members);
        let position = usize::try_from(position).ok();
        let member = object.zip(position).and_then(|(mut members, position)| members.nth(position));
        let name = member.and_then(|(name, _)| json::unquote(name)).filter(|name| !name.contains('\0'));
        text::give_or_null(name)
    })
}

/// Takes the next element of an array, or the next value of an object. Each element is read once; to read them with a
/// pointer for each would read all elements before it again.
///
/// - `rest`: must not be NULL. It points to the rest of the text: at first to the text of the array or object, which must not
///   change meanwhile. This call moves it forward.
///
/// Returns the element's JSON; NULL if there is no further one, or no memory for it. The caller owns the text and frees it with `etcd_free`.
///
/// ```c
/// char *nodes = etcd_json_text(reply, "/node/nodes"), *node;
/// const char *rest = nodes;
/// while ((node = etcd_json_next(&rest))) {
///     char *key = etcd_json_text(node, "/key");
///     puts(key);
///     etcd_free(key);
///     etcd_free(node);
/// }
/// etcd_free(nodes);
/// ```
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_json_next(rest: *mut *const c_char) -> *mut c_char {
    guard::pure(null_mut(), || {
        // SAFETY: the header has `rest` point to a place for a pointer, or be NULL.
        let Some(rest) = (unsafe { rest.as_mut() }).filter(|rest| !rest.is_null()) else { return null_mut() };
        // What follows the element is not to be read for each: so only as much is as it takes, found by doubling.
        let mut window = 1 << 10;
        loop {
            // SAFETY: the header has `*rest` point into a string, which ends in NUL.
            let bytes = unsafe { std::slice::from_raw_parts(rest.cast(), argument::length_within(*rest, window)) };
            let is_all = bytes.len() < window;
            match json::next_value(utf8_prefix(bytes)) {
                Some((value, length)) if is_all || length < bytes.len() => {
                    if memory::check(2, value.len()).is_err() {
                        return null_mut();
                    }
                    // SAFETY: `length` bytes of it have just been read.
                    *rest = unsafe { rest.add(length) };
                    return text::copy(value);
                }
                _ if is_all => return null_mut(),
                _ => window *= 2,
            }
        }
    })
}

/// Writes a text as a JSON string, for those who put a transaction together.
///
/// - `text`: must not be NULL, unless `length` is 0. It is UTF-8, in which JSON is written; a NUL in it is a character like
///   others. (What is no text goes into a transaction as base64, as a `value_base64`.)
/// - `length`: how many bytes it has.
///
/// Returns the string with its quotes; NULL if the text is not UTF-8, or no memory is left. The caller owns it and frees it with
/// `etcd_free`.
///
/// ```c
/// char *value = etcd_json_quote("6' 2\"", 5);
/// if (value) printf("{\"success\":[{\"request_put\":{\"key\":\"/size\",\"value\":%s}}]}\n", value);
/// etcd_free(value);
/// ```
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_json_quote(text: *const c_char, length: usize) -> *mut c_char {
    guard::pure(null_mut(), || {
        // SAFETY: the header has so many bytes be there and stay as they are during the call.
        let bytes = unsafe { argument::bytes(text.cast(), length, "text") };
        let quoted = bytes.ok().and_then(|bytes| std::str::from_utf8(bytes).ok()).map(json::quote);
        text::give_or_null(quoted)
    })
}

/// Whether it is one by its beginning. A short text is read whole, which takes no longer.
unsafe fn is_large_result(json: *const c_char) -> bool {
    const LARGE: usize = 4 << 10;
    // SAFETY: as this function's.
    let length = unsafe { argument::length_within(json, LARGE) };
    // SAFETY: so many bytes of it have just been read.
    let beginning = unsafe { std::slice::from_raw_parts(json.cast(), length) };
    length == LARGE && json::begins_as_result(beginning)
}

fn utf8_prefix(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).expect("it is valid up to there"),
    }
}

unsafe fn find<'a>(json: *const c_char, pointer: *const c_char) -> Option<&'a str> {
    // SAFETY: as this function's.
    unsafe { find_at(json, argument::text_to_read(pointer, "pointer").ok()?) }
}

/// What `pointer` leads to. What follows that place is not to be read, so only as much of the text is as it takes.
unsafe fn find_at<'a>(json: *const c_char, pointer: &str) -> Option<&'a str> {
    if json.is_null() {
        return None;
    }
    let mut window = 1 << 10;
    loop {
        // SAFETY: the header has every string end in NUL and stay as it is during the call.
        let bytes = unsafe { std::slice::from_raw_parts(json.cast::<u8>(), argument::length_within(json, window)) };
        let is_all = bytes.len() < window;
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            // A character that is cut off.
            Err(error) if !is_all && error.error_len().is_none() => utf8_prefix(bytes),
            Err(_) => return None,
        };
        // A value that reaches the end of what was read may go on behind it.
        let end = if is_all { text.len() } else { text.len().saturating_sub(1) };
        match json::find(text, pointer).filter(|found| ends_by(found, text, end)) {
            None if !is_all => window *= 8,
            found => return found,
        }
    }
}

/// Whether a part of `text` ends within its first `end` bytes.
fn ends_by(part: &str, text: &str, end: usize) -> bool {
    part.as_ptr().addr() + part.len() <= text.as_ptr().addr() + end
}
