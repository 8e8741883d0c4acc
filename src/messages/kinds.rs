//! How fields are spelled in JSON, by their types: plainly, or as ids, enumerations, one of several.

use bytes::Bytes;

use super::fields::{Fields, Kind, read};
use super::place::Place;
use super::writer::Writer;
use crate::base::error::Result;
use crate::base::json;

/// Numbers as numbers, texts as texts, messages as objects.
pub struct Plain;

/// 64 bits that are a name, not a quantity: a decimal string, for readers whose numbers have 53.
pub struct Id;

/// An enumeration, by the names of its values.
pub struct Name<E>(std::marker::PhantomData<E>);

/// One of several members.
pub struct OneOf;

pub trait Names: 'static {
    const NAMES: &'static [(&'static str, i32)];
}

/// `Enumeration { NAME = Variant, … }`
macro_rules! names {
    ($($of:ident { $($name:ident = $variant:ident),* $(,)? })*) => {$(
        impl $crate::messages::kinds::Names for $of {
            const NAMES: &'static [(&'static str, i32)] = &[$((stringify!($name), $of::$variant as i32)),*];
        }
    )*};
}

pub(super) use names;

/// What can be a member, and an element of a list, too.
pub trait Element: Default {
    fn put(&self, out: &mut Writer);
    fn take(json: &str, place: &Place) -> Result<Self>;
}

impl<M: Fields> Element for M {
    fn put(&self, out: &mut Writer) {
        out.object(|out| self.write(out));
    }

    fn take(json: &str, place: &Place) -> Result<M> {
        read(json, place)
    }
}

impl Element for String {
    fn put(&self, out: &mut Writer) {
        out.text(self);
    }

    fn take(json: &str, place: &Place) -> Result<String> {
        json::unquote(json).ok_or_else(|| place.error("must be a string, of Unicode characters"))
    }
}

impl Element for bool {
    fn put(&self, out: &mut Writer) {
        out.raw(if *self { "true" } else { "false" });
    }

    fn take(json: &str, place: &Place) -> Result<bool> {
        match json {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(place.error("must be true or false")),
        }
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Element for $number {
            fn put(&self, out: &mut Writer) {
                out.number(*self);
            }

            fn take(json: &str, place: &Place) -> Result<$number> {
                let digits = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or(json);
                digits.parse().map_err(|_| {
                    let (least, most) = (<$number>::MIN, <$number>::MAX);
                    place.error(format_args!("must be a whole number from {least} to {most}, as such or as a string"))
                })
            }
        }

        impl Kind<$number> for Id {
            fn write(value: &$number, name: &'static str, out: &mut Writer) {
                out.name(name);
                out.raw("\"");
                out.number(*value);
                out.raw("\"");
            }

            fn read(value: &mut $number, own: &'static str, name: &str, json: &str, place: &Place) -> Result<bool> {
                Plain::read(value, own, name, json, place)
            }
        }
    )*};
}

numbers! { i64 u64 }

impl Element for u32 {
    fn put(&self, out: &mut Writer) {
        out.number(*self);
    }

    fn take(json: &str, place: &Place) -> Result<u32> {
        u64::take(json, place)?.try_into().map_err(|_| place.error(format_args!("must be at most {}", u32::MAX)))
    }
}

impl<T: Element> Kind<T> for Plain {
    fn write(value: &T, name: &'static str, out: &mut Writer) {
        out.name(name);
        value.put(out);
    }

    fn read(value: &mut T, own: &'static str, name: &str, json: &str, place: &Place) -> Result<bool> {
        let is_own = own == name;
        if is_own {
            *value = T::take(json, place)?;
        }
        Ok(is_own)
    }
}

impl<T: Element> Kind<Option<T>> for Plain {
    fn write(value: &Option<T>, name: &'static str, out: &mut Writer) {
        if let Some(value) = value {
            Plain::write(value, name, out);
        }
    }

    fn read(value: &mut Option<T>, own: &'static str, name: &str, json: &str, place: &Place) -> Result<bool> {
        let is_own = own == name;
        if is_own {
            *value = Some(T::take(json, place)?);
        }
        Ok(is_own)
    }
}

impl<T: Element> Kind<Vec<T>> for Plain {
    fn write(value: &Vec<T>, name: &'static str, out: &mut Writer) {
        out.name(name);
        out.list(value, |out, element| element.put(out));
    }

    fn read(value: &mut Vec<T>, own: &'static str, name: &str, json: &str, place: &Place) -> Result<bool> {
        if own != name {
            return Ok(false);
        }
        let elements = json::elements(json).ok_or_else(|| place.error("must be an array"))?;
        for (index, element) in elements.enumerate() {
            value.push(T::take(element, &place.element(index))?);
        }
        Ok(true)
    }
}

macro_rules! bytes {
    ($($bytes:ty)*) => {$(
        impl Kind<$bytes> for Plain {
            fn write(value: &$bytes, name: &'static str, out: &mut Writer) {
                out.bytes(name, value);
            }

            fn read(value: &mut $bytes, own: &'static str, name: &str, json: &str, place: &Place) -> Result<bool> {
                let found = match name.strip_prefix(own) {
                    Some("") => String::take(json, place)?.into_bytes(),
                    Some(json::BASE64_SUFFIX) => decode(&String::take(json, place)?, place)?,
                    _ => return Ok(false),
                };
                *value = found.into();
                Ok(true)
            }
        }
    )*};
}

bytes! { Vec<u8> Bytes }

impl Kind<Vec<Vec<u8>>> for Plain {
    fn write(value: &Vec<Vec<u8>>, name: &'static str, out: &mut Writer) {
        out.many_bytes(name, value);
    }

    fn read(value: &mut Vec<Vec<u8>>, own: &'static str, name: &str, json: &str, place: &Place) -> Result<bool> {
        let mut texts = Vec::<String>::new();
        let is_own = Plain::read(&mut texts, own, name, json, place)?;
        value.extend(texts.into_iter().map(String::into_bytes));
        Ok(is_own)
    }
}

impl<E: Names> Kind<i32> for Name<E> {
    fn write(value: &i32, name: &'static str, out: &mut Writer) {
        out.name(name);
        match E::NAMES.iter().find(|(_, known)| known == value) {
            Some((named, _)) => out.text(named),
            // Of a later version.
            None => out.number(*value),
        }
    }

    fn read(value: &mut i32, own: &'static str, name: &str, json: &str, place: &Place) -> Result<bool> {
        if own != name {
            return Ok(false);
        }
        let given = json::unquote(json).unwrap_or_default();
        let Some((_, number)) = E::NAMES.iter().find(|(known, _)| *known == given) else {
            let names = Vec::from_iter(E::NAMES.iter().map(|(name, _)| format!("\"{name}\"")));
            return Err(place.error(format_args!("must be one of {}", names.join(", "))));
        };
        *value = *number;
        Ok(true)
    }
}

fn decode(text: &str, place: &Place) -> Result<Vec<u8>> {
    json::decode_base64(text).map_err(|error| place.error(format_args!("must be base64: {error}")))
}
