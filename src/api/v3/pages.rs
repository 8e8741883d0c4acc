//! What is below a directory or in any range, in pages at one revision: a consistent snapshot, however many keys it has.
//!
//! One level of a large tree is read without what is below its directories: when a page ends inside one, the next begins
//! behind it.

use super::errors::Refused;
use super::session::Session;
use super::tree::Place;
use super::txn;
use crate::base::listing::too_large;
use crate::base::memory;
use crate::messages::kv::{KeyValue, RangeRequest, RangeResponse, SortOrder};
use crate::messages::txn::prefix_end;

pub struct Pages {
    /// All that is wanted.
    range: RangeRequest,
    /// How long the name of a directory is of which only one level is wanted.
    level: Option<usize>,
    /// How many keys are wanted.
    most: usize,
    /// How many keys a page may have.
    limit: i64,
    /// Whether the revision is that of another answer, which a server may be behind.
    is_pinned: bool,
}

const FIRST: i64 = 500;
/// Behind a directory that was left: as likely as not there is another.
const PROBE: i64 = 10;
const MOST: i64 = 5000;
/// About as much as a page is to bring: a server before 3.4.17 sends no more than 4 MiB.
const BYTES: usize = 1 << 20;
/// How often a snapshot is begun again because the history was compacted in the midst of it.
const ATTEMPTS: u32 = 5;

/// What `snapshot` reads, begun again where the history was compacted meanwhile.
pub fn insist<T>(snapshot: impl Fn() -> Result<T, Refused>) -> Result<T, Refused> {
    for _ in 1..ATTEMPTS {
        match snapshot() {
            Err(refused) if refused.is_compacted() => {}
            done => return done,
        }
    }
    snapshot()
}

impl Pages {
    /// What is below a directory; not what is below its directories, unless that is wanted.
    pub fn below(place: &Place, quorum: bool, recursive: bool) -> Pages {
        let range = RangeRequest { range_end: place.end.clone(), serializable: !quorum, ..txn::get(&place.begin()) };
        Pages { level: (!recursive).then_some(place.marker.len()), ..Pages::of(range) }
    }

    /// A range, sorted by key or not at all. Its limit, if it has one, is how many keys there may be.
    pub fn of(range: RangeRequest) -> Pages {
        let most = usize::try_from(range.limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
        Pages { range, level: None, most, limit: FIRST, is_pinned: false }
    }

    /// At the revision of another answer.
    pub fn at(mut self, revision: i64) -> Pages {
        (self.range.revision, self.is_pinned) = (revision, true);
        self
    }

    /// After a page that was too large; false if one key alone is.
    fn shrink(&mut self) -> bool {
        let can = self.limit > 1;
        self.limit = (self.limit / 2).max(1);
        can
    }

    /// The first page, and at its revision, where none is given, all that follow it.
    pub fn read(mut self, session: &Session) -> Result<RangeResponse, Refused> {
        let mut reply = self.next(session, 0)?;
        if self.range.revision == 0 {
            self.range.revision = reply.header.map_or(0, |header| header.revision);
        }
        self.is_pinned = true;
        let (mut page_begins, mut total) = (0, 0);
        while let Some(last) = reply.kvs.last().filter(|_| reply.more && reply.kvs.len() < self.most) {
            let child = self.child_directory(&last.key);
            let page = &reply.kvs[page_begins..];
            self.limit = match child {
                Some(_) => PROBE,
                None => next_limit(page.len(), page.iter().map(size).sum()),
            };
            match child {
                Some(directory) => self.range.key = prefix_end(directory),
                None if self.range.sort_order == SortOrder::Descend as i32 => self.range.range_end = last.key.to_vec(),
                None => self.range.key = [&last.key[..], &[0]].concat(),
            }
            total += page.iter().map(size).sum::<usize>();
            if total > session.client.max_reply {
                return Err(too_large(session.client.max_reply).into());
            }
            // As they are, and as JSON.
            memory::check(3, total)?;
            page_begins = reply.kvs.len();
            let next = self.next(session, page_begins)?;
            // A page without a key would be asked for again and again.
            reply.more = next.more && !next.kvs.is_empty();
            reply.kvs.extend(next.kvs);
        }
        Ok(reply)
    }

    fn next(&mut self, session: &Session, before: usize) -> Result<RangeResponse, Refused> {
        loop {
            match session.ask(&self.page(before)) {
                Err(refused) if refused.is_reply_too_large() && self.shrink() => {}
                // Another server than the one before, and behind it. It catches up for a linearizable read.
                Err(refused) if refused.is_future_revision() && self.is_pinned && self.range.serializable => {
                    self.range.serializable = false
                }
                done => return done,
            }
        }
    }

    /// The page after so many keys.
    fn page(&self, before: usize) -> RangeRequest {
        let left = i64::try_from(self.most - before).unwrap_or(i64::MAX);
        RangeRequest { limit: self.limit.min(left), ..self.range.clone() }
    }

    /// The marker of the directory, one level down, that a key lies in.
    fn child_directory<'k>(&self, key: &'k [u8]) -> Option<&'k [u8]> {
        let base = self.level?;
        let slash = key.get(base..)?.iter().position(|byte| *byte == b'/')?;
        key.get(..=base + slash)
    }
}

fn size(kv: &KeyValue) -> usize {
    kv.key.len() + kv.value.len()
}

/// Larger pages where keys are small, smaller ones where they are large.
fn next_limit(keys: usize, bytes: usize) -> i64 {
    let fit = keys.saturating_mul(BYTES) / bytes.max(1);
    i64::try_from(fit).unwrap_or(MOST).clamp(1, (keys as i64 * 4).clamp(PROBE, MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_grow_where_keys_are_small_and_shrink_where_they_are_large() {
        assert_eq!(next_limit(500, 50_000), 2000);
        assert_eq!(next_limit(5000, 500_000), 5000);
        assert_eq!(next_limit(10, 100), 40);
        assert_eq!(next_limit(500, 500 << 20), 1);
        assert_eq!(next_limit(1, 2 << 20), 1);
    }
}
