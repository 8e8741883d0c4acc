//! Messages as JSON, both ways: the members of each are listed once, and read and written by that list.
//!
//! The JSON is etcd's own made regular: names in snake_case, zero values filled in, numbers as numbers, ids as decimal
//! strings, enumerations by name, bytes as text or base64.

use super::place::Place;
use super::writer::Writer;
use crate::base::error::Result;
use crate::base::json;

/// A message whose members are listed: see `table`.
pub trait Fields: Default {
    /// Writes all members.
    fn write(&self, out: &mut Writer);

    /// Reads a member into the field that it belongs to, and names that; `None` if there is no such field.
    fn read(&mut self, name: &str, json: &str, place: &Place) -> Result<Option<&'static str>>;

    /// What the members are called.
    fn names() -> Vec<&'static str>;

    /// What only all members together can say: the fields that were given, at the message's place.
    fn check(&mut self, given: &[&str], place: &Place) -> Result<()>;
}

/// How a field of type `T` is spelled.
pub trait Kind<T> {
    fn write(value: &T, name: &'static str, out: &mut Writer);

    /// Reads the member called `name` if it is this field's, whose own name is `own`; whether it is.
    fn read(value: &mut T, own: &'static str, name: &str, json: &str, place: &Place) -> Result<bool>;

    fn names(own: &'static str) -> Vec<&'static str> {
        vec![own]
    }
}

/// A message as JSON; with `base64`, bytes are that also where they are text.
pub fn to_json(message: &impl Fields, base64: bool) -> String {
    let mut out = Writer::new(base64);
    out.object(|out| message.write(out));
    out.finish()
}

/// The message that a caller's JSON stands for. `name` is the parameter's.
pub fn from_json<M: Fields>(text: &str, name: &str) -> Result<M> {
    let place = Place::whole(name);
    if let Some(why) = json::why_not(text) {
        return Err(place.error(format_args!("must be JSON: {why}")));
    }
    read(text, &place)
}

/// The message that stands at a place.
pub fn read<M: Fields>(json: &str, place: &Place) -> Result<M> {
    if place.depth() > MAX_DEPTH {
        return Err(
            place.error(format_args!("nested too deeply; at most {MAX_DEPTH} names and indexes lead to a place"))
        );
    }
    let members = json::members(json).ok_or_else(|| place.error("must be an object"))?;
    let mut message = M::default();
    let mut given = Vec::new();
    for (quoted, value) in members {
        let name = json::unquote(quoted).ok_or_else(|| place.error("has a member whose name is not Unicode"))?;
        let here = place.member(&name);
        match message.read(&name, value, &here)? {
            Some(field) if given.contains(&field) => return Err(here.error("given twice, or in two ways")),
            Some(field) => given.push(field),
            None if M::names().is_empty() => return Err(here.error("no such member; there are none")),
            None => return Err(here.error(format_args!("no such member; there are {}", M::names().join(", ")))),
        }
    }
    message.check(&given, place)?;
    Ok(message)
}

/// A transaction within a transaction is three further; prost reads replies of 100 messages one in the other.
const MAX_DEPTH: usize = 100;

/// A field's name as it is in JSON.
pub fn plain(name: &'static str) -> &'static str {
    name.strip_prefix("r#").unwrap_or(name)
}

/// The names of a field, whose type and kind the arguments stand for.
pub fn names_of<M, T, K: Kind<T>>(
    _: fn(&M) -> &T,
    _: std::marker::PhantomData<K>,
    own: &'static str,
) -> Vec<&'static str> {
    K::names(own)
}
