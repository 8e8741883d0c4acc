//! Where a watch stands in the store's history, and what each reply proves about it.

use crate::header::Header;

/// Indexes count the changes of the whole store, so a watch sees gaps in them that mean nothing, and has
/// to tell them from gaps that do.
#[derive(Debug, Default)]
pub struct Position {
    /// The first index not yet dealt with; `None` until the server has been reached.
    next: Option<u64>,
    /// The furthest that any reply has been; a server must not fall behind it.
    seen: Header,
}

impl Position {
    /// From the change `index` on; 0: from now on.
    pub fn from(index: u64) -> Position {
        Position { next: (index > 0).then_some(index), seen: Header::default() }
    }

    pub fn next(&self) -> Option<u64> {
        self.next
    }

    /// What follows the state that `header` tells of is wanted.
    pub fn begin_after(&mut self, header: &Header) {
        // An error reply has index 0, which says nothing.
        if let Some(index) = header.etcd_index.filter(|index| *index > 0) {
            self.next = Some(index + 1);
            self.see(header);
        }
    }

    /// Whether a server that answers so has another history than the one known, or only a part of it.
    pub fn contradicts(&self, header: &Header) -> bool {
        fn fell<T: PartialOrd>(now: &Option<T>, before: &Option<T>) -> bool {
            matches!((now, before), (Some(now), Some(before)) if now < before)
        }
        let seen = &self.seen;
        matches!((&header.cluster_id, &seen.cluster_id), (Some(now), Some(before)) if now != before)
            || fell(&header.etcd_index, &seen.etcd_index)
            || fell(&header.raft_index, &seen.raft_index)
            || fell(&header.raft_term, &seen.raft_term)
    }

    /// A poll that began with `header` brought no event: up to its index there is none. That keeps the
    /// watch of a quiet key from falling out of the history of a busy store.
    pub fn nothing_until(&mut self, header: &Header) {
        if let Some(index) = header.etcd_index {
            self.next = Some(self.next.unwrap_or(0).max(index + 1));
        }
        self.see(header);
    }

    /// Whether nothing can have been passed over before the event `index`, which came with `header`: it comes from
    /// the history, or it is the very next change of the store.
    pub fn is_proven(&self, index: u64, header: &Header) -> bool {
        let Some(registered) = header.etcd_index else { return true };
        index <= registered || index == self.next.unwrap_or(0).max(registered + 1)
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
        let after = self.next.unwrap_or(now + 1) - 1;
        self.next = Some(now + 1);
        self.seen = header.clone();
        Some((after, now + 1))
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
    fn a_quiet_poll_moves_it_to_where_the_store_was() {
        let mut position = Position::from(5);
        position.nothing_until(&at(100));
        assert_eq!(position.next(), Some(101));
        position.nothing_until(&at(50));
        assert_eq!(position.next(), Some(101), "never back");
    }

    #[test]
    fn it_begins_now_only_where_the_server_says_when_that_is() {
        let mut position = Position::from(0);
        position.begin_after(&at(0));
        assert_eq!(position.next(), None);
        position.begin_after(&at(7));
        assert_eq!(position.next(), Some(8));
    }

    #[test]
    fn an_event_counts_once() {
        let mut position = Position::from(5);
        assert!(position.take(9, &at(9)));
        assert!(!position.take(9, &at(9)));
        assert!(!position.take(8, &at(9)));
        assert!(position.take(10, &at(9)));
        assert_eq!(position.next(), Some(11));
    }

    #[test]
    fn a_live_event_behind_a_gap_proves_nothing() {
        let position = Position::from(5);
        assert!(position.is_proven(7, &at(9)), "from the history");
        assert!(position.is_proven(10, &at(9)), "the very next");
        assert!(!position.is_proven(12, &at(9)), "10 and 11 are unknown");
        assert!(position.is_proven(5, &at(3)), "the one waited for, on a server behind it");
        assert!(!position.is_proven(6, &at(3)));
        assert!(position.is_proven(12, &Header::default()), "no index to judge by");
    }

    #[test]
    fn a_server_that_falls_behind_or_changes_its_cluster_contradicts() {
        let mut position = Position::from(0);
        assert!(!position.contradicts(&at(1)), "nothing is known yet");
        position.nothing_until(&at(100));
        assert!(!position.contradicts(&at(100)));
        assert!(position.contradicts(&at(99)));
        assert!(position.contradicts(&Header { cluster_id: Some("d".into()), ..at(200) }));
        assert!(position.contradicts(&Header { raft_term: Some(1), ..at(200) }));
        assert!(!position.contradicts(&Header::default()), "says nothing");
        assert!(!Position::from(1000).contradicts(&at(3)), "a future index is no contradiction");
    }

    #[test]
    fn a_jump_tells_the_gap_exactly() {
        let mut position = Position::from(5);
        assert_eq!(position.jump(&at(2000)), Some((4, 2001)));
        assert_eq!(position.next(), Some(2001));
        assert_eq!(position.jump(&at(10)), Some((2000, 11)), "backwards, too");
        assert!(!position.contradicts(&at(10)));
        assert_eq!(position.jump(&Header::default()), None);
    }
}
