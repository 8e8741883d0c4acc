//! The JSON readers of the C interface beside serde_json's own values and pointers.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ffi::{CStr, CString, c_char};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::base::code::ETCD_ERROR_BAD_RESPONSE;
use crate::base::json;
use crate::ffi::json::{
    etcd_error_code, etcd_json_bytes, etcd_json_int, etcd_json_length, etcd_json_name, etcd_json_next, etcd_json_text,
};
use crate::ffi::text::take_back;

/// A pointer, and behind a line feed a text.
pub fn json(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (pointer, text) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let (Ok(c_pointer), Ok(c_text)) = (CString::new(pointer), CString::new(text)) else { return };
    let said = Said::of(&c_text, &c_pointer);
    // Of large texts, some are judged by their beginning, and none is read behind the place that is looked for.
    let is_large = text.len() >= 1 << 10;
    let (Ok(pointer), Ok(text)) = (std::str::from_utf8(pointer), std::str::from_utf8(text)) else {
        return assert!(is_large || (said.text.is_none() && said.bytes.is_none() && said.length == -1));
    };
    if let Some(found) = json::find(text, pointer) {
        assert!(json::is_valid(found), "{found}");
    }
    let is_valid = json::is_valid(text);
    let is_believed = is_large && json::begins_as_result(text.as_bytes());
    assert!(is_believed || is_valid || said.code == ETCD_ERROR_BAD_RESPONSE, "{text}");
    match Oracle::read(text) {
        Ok((whole, has_twins)) => {
            assert!(is_valid, "{text}");
            let code = whole.get("errorCode").map(|code| code.to_string().replace("-0.0", "0").parse());
            let expected = code.map_or(0, |code| code.unwrap_or(ETCD_ERROR_BAD_RESPONSE));
            assert!(is_believed || said.code == expected, "{text}");
            said.compare(at(&whole, pointer), at(&whole, &format!("{pointer}_base64")), has_twins);
        }
        // What is no number, character or depth of serde_json's may be JSON all the same.
        Err(error) => {
            let own = ["number out of range", "recursion limit", "surrogate", "hex escape", "unicode code point"];
            let is_own = own.iter().any(|what| error.to_string().contains(what));
            assert!(is_own || !is_valid, "{error}: {text}");
        }
    }
}

/// What the functions of the C interface say of a text and a place in it.
struct Said {
    code: i32,
    text: Option<String>,
    bytes: Option<Vec<u8>>,
    int: Option<i64>,
    length: i64,
    /// Of the members, as long as there is one.
    names: Vec<Option<String>>,
    values: Vec<String>,
}

impl Said {
    fn of(text: &CStr, pointer: &CStr) -> Said {
        let (json, at) = (text.as_ptr(), pointer.as_ptr());
        // SAFETY: C strings, and places of the types that are wanted.
        unsafe {
            let mut byte_count = 0;
            let bytes: *mut u8 = etcd_json_bytes(json, at, &mut byte_count).cast();
            let copy = (!bytes.is_null()).then(|| std::slice::from_raw_parts(bytes, byte_count).to_vec());
            assert!(bytes.is_null() || *bytes.add(byte_count) == 0);
            take_back(bytes.cast());
            let int = etcd_json_int(json, at, 1);
            let length = etcd_json_length(json, at);
            let found = taken(etcd_json_text(json, at));
            let mut values = Vec::new();
            if let Some(found) = found.as_deref().and_then(|found| CString::new(found).ok()).filter(|_| length >= 0) {
                let mut rest = found.as_ptr();
                while let Some(value) = taken(etcd_json_next(&mut rest)) {
                    values.push(value);
                }
            }
            Said {
                code: etcd_error_code(json),
                bytes: copy,
                int: (int == etcd_json_int(json, at, 2)).then_some(int),
                length,
                names: (0..length).map(|position| taken(etcd_json_name(json, at, position))).collect(),
                text: found,
                values,
            }
        }
    }

    /// With the value that is there, and the one where base64 would be. `has_twins`: some object has a name twice.
    fn compare(&self, value: Option<&Value>, base64: Option<&Value>, has_twins: bool) {
        let bytes = match (value, base64) {
            (Some(Value::String(text)), _) => Some(text.clone().into_bytes()),
            (None, Some(Value::String(text))) => json::decode_base64(text).ok(),
            _ => None,
        };
        assert_eq!(self.bytes, bytes);
        let Some(value) = value else {
            return assert_eq!((&self.text, self.int, self.length), (&None, None, -1));
        };
        let text = self.text.as_deref().expect("there is a value");
        match value {
            Value::String(string) if !string.contains('\0') => assert_eq!(text, string),
            value => assert_eq!(read(text), *value),
        }
        // -0, which serde_json has as a fraction, is a whole number.
        let int = if text == "-0" && value.is_number() { Some(0) } else { value.as_i64() };
        assert_eq!(self.int, int, "{text}");
        match value {
            Value::Array(elements) => {
                assert_eq!(self.length, elements.len() as i64);
                assert!(self.names.iter().all(Option::is_none));
                assert!(self.values.iter().map(|value| read(value)).eq(elements.iter().cloned()), "{text}");
            }
            Value::Object(members) => {
                assert_eq!(self.values.len(), self.names.len());
                assert!(has_twins || self.length == members.len() as i64, "{text}");
                let names = BTreeSet::from_iter(self.names.iter().flatten().map(String::as_str));
                assert!(names.into_iter().eq(members.keys().map(String::as_str).filter(|name| !name.contains('\0'))));
                for (name, value) in self.names.iter().zip(&self.values).filter(|_| !has_twins) {
                    let Some(name) = name else { continue };
                    assert_eq!(read(value), members[name], "{text}");
                }
            }
            _ => assert!(self.length == -1 && self.names.is_empty()),
        }
    }
}

/// A text of the library's, given back.
fn taken(given: *mut c_char) -> Option<String> {
    if given.is_null() {
        return None;
    }
    // SAFETY: the library gave it.
    let text = unsafe { CStr::from_ptr(given) }.to_str().expect("all that is given is UTF-8").to_owned();
    // SAFETY: the same; it is given back once.
    unsafe { take_back(given) };
    Some(text)
}

fn read(text: &str) -> Value {
    Oracle::read(text).expect("it is a piece of JSON").0
}

/// serde_json's pointer, which takes a "~" that stands for nothing as it is.
fn at<'a>(whole: &'a Value, pointer: &str) -> Option<&'a Value> {
    let is_wrong = pointer.split('~').skip(1).any(|after| !after.starts_with(['0', '1']));
    if is_wrong { None } else { whole.pointer(pointer) }
}

/// Reads a value, in which the first of two members of a name counts, and notes if there were two.
#[derive(Clone, Copy)]
struct Oracle<'a>(&'a Cell<bool>);

impl Oracle<'_> {
    fn read(text: &str) -> serde_json::Result<(Value, bool)> {
        let has_twins = Cell::new(false);
        let mut reader = serde_json::Deserializer::from_str(text);
        let value = Oracle(&has_twins).deserialize(&mut reader)?;
        reader.end()?;
        Ok((value, has_twins.get()))
    }
}

impl<'de> DeserializeSeed<'de> for Oracle<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Oracle<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(element) = elements.next_element_seed(self)? {
            all.push(element);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self)?;
            if all.contains_key(&name) {
                self.0.set(true);
            } else {
                all.insert(name, value);
            }
        }
        Ok(Value::Object(all))
    }
}
