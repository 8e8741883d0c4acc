//! Entries, packed: a few hundred bytes of them one after the other in one piece of memory, for an allocation for each
//! would cost more than most keys and values.

use crate::base::locks::Arc;
use crate::base::node::Entry;

/// Entries in the order of their keys. Shared by all who read them, and so never changed.
#[derive(Debug, Clone)]
pub struct Page(Arc<[u8]>);

impl Page {
    pub fn new(bytes: &[u8]) -> Page {
        Page(bytes.into())
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn entries(&self) -> Entries<'_> {
        Entries { rest: &self.0 }
    }

    /// The key of the first one. No page is empty.
    pub fn first(&self) -> &[u8] {
        self.entries().next_key().map_or(&[], |(key, _)| key)
    }
}

/// Appends an entry.
pub fn pack(entry: &Entry, out: &mut Vec<u8>) {
    let mut numbers = Vec::with_capacity(2 * MAX_NUMBER);
    put_number(&mut numbers, entry.modified as u64);
    // Mostly none, or small.
    put_number(&mut numbers, entry.modified.wrapping_sub(entry.created) as u64);
    put_number(out, entry.key.len() as u64);
    put_number(out, (numbers.len() + entry.value.len()) as u64);
    for piece in [entry.key, &numbers, entry.value] {
        out.extend_from_slice(piece);
    }
}

#[derive(Debug, Clone)]
pub struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Entries<'a> {
    pub fn of(bytes: &'a [u8]) -> Entries<'a> {
        Entries { rest: bytes }
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next one's key, and what else there is of it, packed.
    pub fn next_key(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let mut rest = self.rest;
        let key = take_number(&mut rest)? as usize;
        let others = take_number(&mut rest)? as usize;
        let (key, rest) = rest.split_at_checked(key)?;
        let (others, rest) = rest.split_at_checked(others)?;
        self.rest = rest;
        Some((key, others))
    }

    pub fn unpack(key: &'a [u8], mut packed: &'a [u8]) -> Option<Entry<'a>> {
        let modified = take_number(&mut packed)? as i64;
        let age = take_number(&mut packed)? as i64;
        Some(Entry { key, value: packed, created: modified.wrapping_sub(age), modified })
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let (key, packed) = self.next_key()?;
        Entries::unpack(key, packed)
    }
}

/// The most bytes that a number takes: seven bits in each.
const MAX_NUMBER: usize = 10;

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for (i, byte) in bytes.iter().enumerate().take(MAX_NUMBER) {
        number |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            *bytes = &bytes[i + 1..];
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_out_as_they_went_in() {
        let long = [b'x'; 300];
        let entries = [
            Entry { key: b"a", value: b"", created: 5, modified: 5 },
            Entry { key: b"a/", value: b"", created: 1, modified: i64::MAX },
            Entry { key: &long, value: b"\xff\0v", created: i64::MAX, modified: 1 },
            Entry { key: b"", value: &long, created: 0, modified: 0 },
        ];
        let mut bytes = Vec::new();
        entries.iter().for_each(|entry| pack(entry, &mut bytes));
        let page = Page::new(&bytes);
        assert_eq!(Vec::from_iter(page.entries()), entries);
        assert_eq!(page.first(), b"a");
    }

    #[test]
    fn what_is_cut_off_ends_the_walk() {
        let mut bytes = Vec::new();
        pack(&Entry { key: b"abc", value: b"value", created: 1000, modified: 2000 }, &mut bytes);
        for length in 0..bytes.len() {
            assert_eq!(Entries::of(&bytes[..length]).count(), 0, "{length}");
        }
    }
}
