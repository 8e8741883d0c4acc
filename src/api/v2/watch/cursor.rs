//! Where a watch stands in the store's history, and what each reply proves about it.

use crate::base::header::Header;

/// Indexes count the changes of the whole store, so a watch sees gaps in them that mean nothing, and has
/// to tell them from gaps that do.
#[derive(Debug, Default)]
pub struct Cursor {
    /// The first index not yet dealt with; `None` until the server has been reached.
    next: Option<u64>,
    /// Before this index nothing came in the last poll, though there was time for it. That is no proof: what the
    /// history held may have been late, or lost on its way.
    silent_before: u64,
    /// Before this index that has been so in two polls, each with a connection of its own.
    twice_silent_before: u64,
    /// The furthest that any reply has been; a server must not fall behind it.
    seen: Header,
}

impl Cursor {
    /// From the change `index` on; 0: from now on.
    pub fn from(index: u64) -> Cursor {
        Cursor { next: (index > 0).then_some(index), ..Cursor::default() }
    }

    /// Where to ask from: what was silent only once is asked for again.
    pub fn next(&self) -> Option<u64> {
        self.next.map(|next| next.max(self.twice_silent_before))
    }

    /// Whether that change is one of those dealt with.
    pub fn is_behind(&self, index: u64) -> bool {
        self.next.is_some_and(|next| index < next)
    }

    /// What follows the state that `header` tells of is wanted.
    pub fn begin_after(&mut self, header: &Header) {
        // An error reply has index 0, which says nothing.
        if let Some(index) = header.etcd_index.filter(|index| *index > 0) {
            self.next = Some(index.saturating_add(1));
            self.see(header);
        }
    }

    /// A poll that began with `header` brought nothing in all its time. That keeps the watch of a quiet key from
    /// falling out of the history of a busy store.
    pub fn silent_until(&mut self, header: &Header) {
        if self.next.is_none() {
            self.begin_after(header);
        }
        if let Some(index) = header.etcd_index {
            self.twice_silent_before = self.silent_before;
            self.silent_before = self.silent_before.max(index.saturating_add(1));
        }
        self.see(header);
    }

    /// Whether a server that answers so has another history than the one known, or only a part of it.
    pub fn contradicts(&self, header: &Header) -> bool {
        fn fell<T: PartialOrd>(now: &Option<T>, before: &Option<T>) -> bool {
            matches!((now, before), (Some(now), Some(before)) if now < before)
        }
        let seen = &self.seen;
        matches!((&header.cluster_id, &seen.cluster_id), (Some(now), Some(before)) if now != before)
            // The 0 of an error reply says nothing.
            || fell(&header.etcd_index.filter(|index| *index > 0), &seen.etcd_index)
            || fell(&header.raft_index, &seen.raft_index)
            || fell(&header.raft_term, &seen.raft_term)
    }

    /// A poll that began with `header` brought an event from after its index: up to there the history has none.
    pub fn nothing_until(&mut self, header: &Header) {
        if let Some(index) = header.etcd_index {
            self.next = Some(self.next.unwrap_or(0).max(index.saturating_add(1)));
        }
        self.see(header);
    }

    /// Whether nothing can have been passed over before the event `index`, which came with `header`: it comes from
    /// the history, or it is the very next change of the store.
    pub fn is_proven(&self, index: u64, header: &Header) -> bool {
        let Some(registered) = header.etcd_index else { return true };
        index <= registered || index == self.next.unwrap_or(0).max(registered.saturating_add(1))
    }

    /// Goes on behind an event. False if it was dealt with before.
    pub fn take(&mut self, index: u64, header: &Header) -> bool {
        self.see(header);
        let is_new = self.next.is_none_or(|next| index >= next);
        if is_new {
            self.next = Some(index + 1);
            self.seen.etcd_index = self.seen.etcd_index.max(Some(index));
        }
        is_new
    }

    /// Goes on behind the state that `header` tells of, whatever was before. The changes strictly between
    /// the two indexes that come back are unknown.
    pub fn jump(&mut self, header: &Header) -> Option<(u64, u64)> {
        let now = header.etcd_index?;
        let after = self.next.map_or(0, |next| next.max(self.twice_silent_before).saturating_sub(1));
        let next = now.saturating_add(1);
        (self.next, self.silent_before, self.twice_silent_before) = (Some(next), 0, 0);
        self.seen = header.clone();
        Some((after, next))
    }

    fn see(&mut self, header: &Header) {
        let seen = &mut self.seen;
        seen.cluster_id = header.cluster_id.clone().or(seen.cluster_id.take());
        seen.etcd_index = seen.etcd_index.max(header.etcd_index);
        seen.raft_index = seen.raft_index.max(header.raft_index);
        seen.raft_term = seen.raft_term.max(header.raft_term);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(index: u64) -> Header {
        Header {
            cluster_id: Some("c".into()),
            etcd_index: Some(index),
            raft_index: Some(index * 2),
            raft_term: Some(2),
        }
    }

    #[test]
    fn what_is_proven_moves_it_and_never_back() {
        let mut cursor = Cursor::from(5);
        cursor.nothing_until(&at(100));
        assert_eq!(cursor.next(), Some(101));
        cursor.nothing_until(&at(50));
        assert_eq!(cursor.next(), Some(101));
    }

    #[test]
    fn silence_moves_it_once_two_polls_were_silent() {
        let mut cursor = Cursor::from(5);
        cursor.silent_until(&at(400));
        assert_eq!(cursor.next(), Some(5), "asked for again");
        cursor.silent_until(&at(600));
        assert_eq!(cursor.next(), Some(401), "what was silent once is asked for again, too");
        cursor.silent_until(&at(900));
        assert_eq!(cursor.next(), Some(601));
        assert_eq!(cursor.jump(&at(2000)), Some((600, 2001)), "no more is missed than what was not silent twice");

        let mut cursor = Cursor::from(0);
        cursor.silent_until(&at(7));
        assert_eq!(cursor.next(), Some(8), "the beginning");
    }

    #[test]
    fn it_begins_now_only_where_the_server_says_when_that_is() {
        let mut cursor = Cursor::from(0);
        cursor.begin_after(&at(0));
        assert_eq!(cursor.next(), None);
        cursor.begin_after(&at(7));
        assert_eq!(cursor.next(), Some(8));
    }

    #[test]
    fn an_event_counts_once() {
        let mut cursor = Cursor::from(5);
        assert!(cursor.take(9, &at(9)));
        assert!(!cursor.take(9, &at(9)));
        assert!(!cursor.take(8, &at(9)));
        assert!(cursor.take(10, &at(9)));
        assert_eq!(cursor.next(), Some(11));
    }

    #[test]
    fn a_live_event_behind_a_gap_proves_nothing() {
        let cursor = Cursor::from(5);
        assert!(cursor.is_proven(7, &at(9)), "from the history");
        assert!(cursor.is_proven(10, &at(9)), "the very next");
        assert!(!cursor.is_proven(12, &at(9)), "10 and 11 are unknown");
        assert!(cursor.is_proven(5, &at(3)), "the one waited for, on a server behind it");
        assert!(!cursor.is_proven(6, &at(3)));
        assert!(cursor.is_proven(12, &Header::default()), "no index to judge by");
    }

    #[test]
    fn a_server_that_falls_behind_or_changes_its_cluster_contradicts() {
        let mut cursor = Cursor::from(0);
        assert!(!cursor.contradicts(&at(1)), "nothing is known yet");
        cursor.nothing_until(&at(100));
        assert!(!cursor.contradicts(&at(100)));
        assert!(cursor.contradicts(&at(99)));
        assert!(cursor.contradicts(&Header { cluster_id: Some("d".into()), ..at(200) }));
        assert!(cursor.contradicts(&Header { raft_term: Some(1), ..at(200) }));
        assert!(!cursor.contradicts(&Header::default()), "says nothing");
        assert!(!Cursor::from(1000).contradicts(&at(3)), "a future index is no contradiction");
    }

    #[test]
    fn a_jump_tells_the_gap_exactly() {
        let mut cursor = Cursor::from(5);
        assert_eq!(cursor.jump(&at(2000)), Some((4, 2001)));
        assert_eq!(cursor.next(), Some(2001));
        assert_eq!(cursor.jump(&at(10)), Some((2000, 11)), "backwards, too");
        assert!(!cursor.contradicts(&at(10)));
        assert_eq!(cursor.jump(&Header::default()), None);
    }
}
