//! Reading a reply
//!
//! Enough to do without a JSON library. A place in a text is named by an RFC 6901 pointer: `/node/value`,
//! `/node/nodes/0/key`; "" is the whole.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

use super::{argument, guard, text};
use crate::code::{ETCD_ERROR_BAD_RESPONSE, ETCD_ERROR_INTERNAL, ETCD_ERROR_INVALID_ARGUMENT};
use crate::json;

/// Tells whether a text that the library returned is a result or an error.
///
/// - `json`: such a text. NULL counts as error 1001, what is no JSON as 1006.
///
/// Returns 0 for a result, else the error's code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_error_code(json: *const c_char) -> c_int {
    guard::plain(ETCD_ERROR_INTERNAL, || {
        // SAFETY: the header's conventions on strings.
        let Ok(text) = (unsafe { argument::text(json, "json") }) else { return ETCD_ERROR_INVALID_ARGUMENT };
        if !json::is_valid(text) {
            return ETCD_ERROR_BAD_RESPONSE;
        }
        json::find(text, "/errorCode").map_or(0, |code| code.parse().unwrap_or(ETCD_ERROR_BAD_RESPONSE))
    })
}

/// Reads one value as text.
///
/// - `json`: a JSON text; NULL has no values.
/// - `pointer`: where it stands; NULL is nowhere.
///
/// Returns a string without quotes and escapes, any other value as JSON; NULL if there is none. A string that
/// C could not tell from a shorter one, because it holds U+0000, stays JSON, with its quotes. The caller
/// owns the text and frees it with `etcd_free`.
///
///     char *value = etcd_json_text(reply, "/node/value");
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_json_text(json: *const c_char, pointer: *const c_char) -> *mut c_char {
    guard::plain(null_mut(), || {
        // SAFETY: the header's conventions on strings.
        unsafe { find(json, pointer) }.map_or(null_mut(), |found| {
            let plain = json::unquote(found).filter(|text| !text.contains('\0'));
            text::give(plain.unwrap_or_else(|| found.to_owned()))
        })
    })
}

/// Reads one whole number: an index, a ttl. Values of keys are strings, also those that look like numbers; for them
/// there is `etcd_json_text`.
///
/// - `json`: a JSON text; NULL has no values.
/// - `pointer`: where it stands; NULL is nowhere.
/// - `fallback`: what to return if there is none, or if it is no whole number that fits.
///
/// Returns the number, or `fallback`.
///
///     int64_t index = etcd_json_int(reply, "/node/modifiedIndex", 0);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_json_int(json: *const c_char, pointer: *const c_char, fallback: i64) -> i64 {
    guard::plain(fallback, || {
        // SAFETY: the header's conventions on strings.
        unsafe { find(json, pointer) }.and_then(|found| found.parse().ok()).unwrap_or(fallback)
    })
}

/// Counts the elements of an array, or the members of an object.
///
/// - `json`: a JSON text; NULL has no values.
/// - `pointer`: where it stands; NULL is nowhere.
///
/// Returns how many there are; -1 if there is no value, or neither array nor object.
///
///     int64_t children = etcd_json_length(reply, "/node/nodes");
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_json_length(json: *const c_char, pointer: *const c_char) -> i64 {
    guard::plain(-1, || {
        // SAFETY: the header's conventions on strings.
        let Some(found) = (unsafe { find(json, pointer) }) else { return -1 };
        let count = json::elements(found).map(Iterator::count).or_else(|| Some(json::members(found)?.count()));
        count.and_then(|count| i64::try_from(count).ok()).unwrap_or(-1)
    })
}

/// Reads the name of one member of an object: of the members of a cluster, say, the ids.
///
/// - `json`: a JSON text; NULL has no values.
/// - `pointer`: where the object stands; NULL is nowhere.
/// - `position`: which member, from 0 to `etcd_json_length` less 1.
///
/// Returns the name without quotes and escapes; NULL if there is no such member. The caller owns the text and frees it
/// with `etcd_free`.
///
///     char *id = etcd_json_name(members, "", 0);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_json_name(json: *const c_char, pointer: *const c_char, position: i64) -> *mut c_char {
    guard::plain(null_mut(), || {
        // SAFETY: the header's conventions on strings.
        let object = unsafe { find(json, pointer) }.and_then(json::members);
        let position = usize::try_from(position).ok();
        let member = object.zip(position).and_then(|(mut members, position)| members.nth(position));
        let name = member.and_then(|(name, _)| json::unquote(name)).filter(|name| !name.contains('\0'));
        name.map_or(null_mut(), text::give)
    })
}

/// Takes the next element of an array, or value of an object. However many there are, each is read once, where a pointer
/// for each would have all before it read again.
///
/// - `rest`: must not be NULL. It points to what is left of the text: at first to the array's or object's own, which must
///   stay as it is meanwhile; this call moves it on.
///
/// Returns the element's JSON; NULL if there is none any more. The caller owns the text and frees it with `etcd_free`.
///
///     char *nodes = etcd_json_text(reply, "/node/nodes"), *node;
///     const char *rest = nodes;
///     while ((node = etcd_json_next(&rest))) {
///         char *key = etcd_json_text(node, "/key");
///         puts(key);
///         etcd_free(key);
///         etcd_free(node);
///     }
///     etcd_free(nodes);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_json_next(rest: *mut *const c_char) -> *mut c_char {
    guard::plain(null_mut(), || {
        // SAFETY: the header has `rest` point to a place for a pointer, or be NULL.
        let Some(rest) = (unsafe { rest.as_mut() }).filter(|rest| !rest.is_null()) else { return null_mut() };
        // What follows the element is not to be read for each: so only as much is as it takes, found by doubling.
        let mut window = 1 << 10;
        loop {
            // SAFETY: the header has `*rest` point into a string, which ends in NUL.
            let bytes = unsafe { std::slice::from_raw_parts(rest.cast(), libc::strnlen(*rest, window)) };
            let is_all = bytes.len() < window;
            match json::next_value(utf8_prefix(bytes)) {
                Some((value, length)) if is_all || length < bytes.len() => {
                    // SAFETY: `length` bytes of it have just been read.
                    *rest = unsafe { rest.add(length) };
                    return text::give(value.to_owned());
                }
                _ if is_all => return null_mut(),
                _ => window *= 2,
            }
        }
    })
}

fn utf8_prefix(bytes: &[u8]) -> &str {
    match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => str::from_utf8(&bytes[..error.valid_up_to()]).expect("it is valid up to there"),
    }
}

unsafe fn find<'a>(json: *const c_char, pointer: *const c_char) -> Option<&'a str> {
    // SAFETY: as this function's.
    let (json, pointer) = unsafe { (argument::text(json, "json").ok()?, argument::text(pointer, "pointer").ok()?) };
    json::find(json, pointer)
}
