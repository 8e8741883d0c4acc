//! All that is mirrored, sorted as listings are: pages of entries, of which a copy shares what has not changed.

use std::cmp::Ordering;

use super::page::{Entries, Page, pack};
use crate::base::listing::compare;
use crate::base::node::Entry;

#[derive(Debug, Clone, Default)]
pub struct Content {
    /// In order; none is empty.
    pages: Vec<Page>,
}

/// A page is read from its beginning, and copied when it changes: half a microsecond each. What it costs besides its
/// entries is a thirtieth.
const PAGE: usize = 1536;

impl Content {
    /// Of entries in any order.
    pub fn of(mut entries: Vec<Entry<'_>>) -> Content {
        entries.sort_by(|a, b| compare(a.key, b.key));
        let (mut pages, mut bytes) = (Vec::new(), Vec::new());
        for entry in entries {
            let end = bytes.len();
            pack(&entry, &mut bytes);
            if bytes.len() > PAGE && end > 0 {
                pages.push(Page::new(&bytes[..end]));
                bytes.drain(..end);
            }
        }
        if !bytes.is_empty() {
            pages.push(Page::new(&bytes));
        }
        Content { pages }
    }

    pub fn get(&self, key: &[u8]) -> Option<Entry<'_>> {
        let mut entries = self.pages.get(self.page_of(key))?.entries();
        loop {
            // To tell keys that differ costs less than to order them.
            let (here, packed) = entries.next_key()?;
            if here == key {
                return Entries::unpack(here, packed);
            }
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        self.pages.iter().flat_map(Page::entries)
    }

    /// All whose keys begin so: they stand together.
    pub fn that_begin<'a>(&'a self, prefix: &'a [u8]) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let pages = &self.pages[self.page_of(prefix).min(self.pages.len())..];
        let from = pages.iter().flat_map(Page::entries);
        let from = from.skip_while(move |entry| compare(entry.key, prefix) == Ordering::Less);
        from.take_while(move |entry| entry.key.starts_with(prefix))
    }

    pub fn put(&mut self, entry: Entry) {
        self.change(entry.key, Some(entry));
    }

    pub fn remove(&mut self, key: &[u8]) {
        self.change(key, None);
    }

    pub fn remove_that_begin(&mut self, prefix: &[u8]) {
        let from = self.page_of(prefix);
        let mut at = from;
        while let Some(page) = self.pages.get(at) {
            let mut kept = Vec::new();
            let mut is_behind = false;
            let mut entries = page.entries();
            let mut before = entries.left();
            while let Some((key, _)) = entries.next_key() {
                let begin = page.bytes().len() - before;
                before = entries.left();
                if !key.starts_with(prefix) {
                    kept.extend_from_slice(&page.bytes()[begin..page.bytes().len() - before]);
                    is_behind = compare(key, prefix) == Ordering::Greater;
                }
            }
            if kept.is_empty() {
                self.pages.remove(at);
            } else {
                if kept.len() < page.bytes().len() {
                    self.pages[at] = Page::new(&kept);
                }
                at += 1;
            }
            if is_behind {
                break;
            }
        }
        self.merge(from);
    }

    /// The only page that may have a key.
    fn page_of(&self, key: &[u8]) -> usize {
        self.pages.partition_point(|page| compare(page.first(), key) != Ordering::Greater).saturating_sub(1)
    }

    fn change(&mut self, key: &[u8], entry: Option<Entry>) {
        let at = self.page_of(key);
        let old = self.pages.get(at).map_or(&[][..], Page::bytes);
        let (begin, end) = place(old, key);
        if entry.is_none() && begin == end {
            return;
        }
        let mut bytes = Vec::with_capacity(old.len() + 64);
        bytes.extend_from_slice(&old[..begin]);
        if let Some(entry) = entry {
            pack(&entry, &mut bytes);
        }
        bytes.extend_from_slice(&old[end..]);
        let is_last = end == old.len() && at + 1 >= self.pages.len();
        let pieces = match bytes.len() {
            0 => vec![],
            1..=PAGE => vec![Page::new(&bytes)],
            // What grows at its end has full pages.
            _ => match if is_last { begin } else { half(&bytes) } {
                0 => vec![Page::new(&bytes)],
                at => vec![Page::new(&bytes[..at]), Page::new(&bytes[at..])],
            },
        };
        let count = pieces.len();
        self.pages.splice(at..(at + 1).min(self.pages.len()), pieces);
        if count < 2 {
            self.merge(at);
        }
    }

    /// Makes one page of two small neighbours, of which one is at this place.
    fn merge(&mut self, at: usize) {
        for left in [at, at.wrapping_sub(1)] {
            let Some([a, b]) = self.pages.get(left..).and_then(|rest| rest.get(..2)) else { continue };
            if a.bytes().len() + b.bytes().len() <= PAGE / 2 {
                let both = Page::new(&[a.bytes(), b.bytes()].concat());
                self.pages.splice(left..left + 2, [both]);
            }
        }
    }
}

/// Where an entry is, or where it would be.
fn place(bytes: &[u8], key: &[u8]) -> (usize, usize) {
    let mut entries = Entries::of(bytes);
    loop {
        let begin = bytes.len() - entries.left();
        match entries.next_key().map(|(here, _)| compare(here, key)) {
            Some(Ordering::Less) => {}
            Some(Ordering::Equal) => return (begin, bytes.len() - entries.left()),
            Some(Ordering::Greater) | None => return (begin, begin),
        }
    }
}

/// Where to divide entries: about the middle of them. 0 if there is only one.
fn half(bytes: &[u8]) -> usize {
    let mut entries = Entries::of(bytes);
    let mut cut = 0;
    while entries.next_key().is_some() {
        let end = bytes.len() - entries.left();
        if end == bytes.len() || cut > 0 && end > bytes.len() / 2 {
            break;
        }
        cut = end;
    }
    cut
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn entry<'a>(key: &'a str, value: &'a str) -> Entry<'a> {
        Entry { key: key.as_bytes(), value: value.as_bytes(), created: 3, modified: 7 }
    }

    fn keys(content: &Content) -> Vec<String> {
        content.iter().map(|entry| String::from_utf8_lossy(entry.key).into_owned()).collect()
    }

    #[test]
    fn it_is_sorted_by_names_and_what_begins_alike_stands_together() {
        let names = ["a/b/c", "a-b", "a", "a/b", "a/", "b", "a/b.d/x", "a/b-c"];
        let content = Content::of(names.iter().map(|name| entry(name, "v")).collect());
        assert_eq!(keys(&content), ["a", "a/", "a/b", "a/b/c", "a/b-c", "a/b.d/x", "a-b", "b"]);
        assert_eq!(content.that_begin(b"a/b/").count(), 1);
        assert_eq!(content.that_begin(b"a/").count(), 5);
        assert_eq!(content.that_begin(b"").count(), 8);
        assert_eq!(content.that_begin(b"c").count(), 0);
        assert_eq!(content.get(b"a/b"), Some(entry("a/b", "v")));
        assert_eq!((content.get(b"a/x"), Content::default().get(b"a")), (None, None));
    }

    #[test]
    fn it_holds_what_a_map_holds_whatever_is_done() {
        let mut random = fastrand::Rng::with_seed(7);
        let (mut content, mut map) = (Content::default(), BTreeMap::<String, String>::new());
        let mut copies = Vec::new();
        for round in 0..if cfg!(miri) { 100 } else { 4_000 } {
            let key = format!("d{}/k{}", random.u32(0..20), random.u32(0..200));
            match random.u32(0..100) {
                0 => {
                    let prefix = format!("{}/", key.split_once('/').unwrap().0);
                    content.remove_that_begin(prefix.as_bytes());
                    map.retain(|key, _| !key.starts_with(&prefix));
                }
                1..40 => {
                    content.remove(key.as_bytes());
                    map.remove(&key);
                }
                _ => {
                    let value = "v".repeat(random.usize(0..if round % 50 == 0 { 5000 } else { 60 }));
                    content.put(entry(&key, &value));
                    map.insert(key, value);
                }
            }
            if round % 500 == 0 {
                copies.push((content.clone(), map.clone()));
            }
        }
        copies.push((content, map));
        for (content, map) in copies {
            let mut sorted = Vec::from_iter(map.iter());
            sorted.sort_by(|a, b| compare(a.0.as_bytes(), b.0.as_bytes()));
            let held = content.iter().map(|entry| (entry.key.to_vec(), entry.value.to_vec()));
            assert!(held.eq(sorted.iter().map(|(key, value)| (key.as_bytes().to_vec(), value.as_bytes().to_vec()))));
            for (key, value) in &map {
                assert_eq!(content.get(key.as_bytes()), Some(entry(key, value)));
            }
            assert!(content.pages.iter().all(|page| page.entries().next().is_some()));
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "it fills a map of ten thousand keys, which takes Miri many minutes")]
    fn it_takes_little_more_than_its_keys_and_values() {
        let names = Vec::from_iter((0..10_000).map(|i| format!("app/key{i:05}")));
        let taken = |content: &Content| -> usize { content.pages.iter().map(|page| page.bytes().len() + 48).sum() };
        let bytes = 10_000 * (13 + 8);
        let at_once = Content::of(names.iter().map(|name| entry(name, "12345678")).collect());
        let (mut grown, mut mixed) = (Content::default(), Content::default());
        names.iter().for_each(|name| grown.put(entry(name, "12345678")));
        let mut shuffled = names.clone();
        fastrand::Rng::with_seed(7).shuffle(&mut shuffled);
        shuffled.iter().for_each(|name| mixed.put(entry(name, "12345678")));
        for (content, most) in [(&at_once, 130), (&grown, 130), (&mixed, 200)] {
            assert_eq!(content.iter().count(), 10_000);
            assert!(taken(content) * 100 < bytes * most, "{} of {bytes}", taken(content));
        }
        names.iter().for_each(|name| mixed.remove(name.as_bytes()));
        assert_eq!(mixed.pages.len(), 0);
    }
}
