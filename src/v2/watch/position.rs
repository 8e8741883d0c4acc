//! Where a watch stands in the store's history, and what each reply proves about it.

use crate::header::Header;

/// Indexes count the changes of the whole store, so a watch sees gaps in them that mean nothing, and has
/// to tell them from gaps that do.
#[derive(Debug, Default)]
pub struct Position {
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

impl Position {
    /// From the change `index` on; 0: from now on.
    pub fn from(index: u64) -> Position {
        Position { next: (index > 0).then_some(index), ..Position::default() }
    }

    /// Where to ask from: what is not proven is asked for again, as long as the history surely reaches back to it; then
    /// what was silent only once.
    pub fn next(&self) -> Option<u64> {
        let is_far = |next: u64| self.silent_before.saturating_sub(next) > ASKED_AGAIN;
        self.next.map(|next| if is_far(next) { next.max(self.twice_silent_before) } else { next })
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

    /// The history no longer reaches back to what is proven: what was silent twice must do. False if that is no further.
    pub fn believe_the_silence(&mut self) -> bool {
        let is_further = self.next().is_some_and(|asked| self.twice_silent_before > asked);
        if is_further {
            self.next = Some(self.twice_silent_before);
        }
        is_further
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

/// Half of what etcd remembers: the other half may go by while the poll is under way.
const ASKED_AGAIN: u64 = 500;

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
        let mut position = Position::from(5);
        position.nothing_until(&at(100));
        assert_eq!(position.next(), Some(101));
        position.nothing_until(&at(50));
        assert_eq!(position.next(), Some(101));
    }

    #[test]
    fn silence_moves_it_only_where_the_history_might_not_reach() {
        let mut position = Position::from(5);
        position.silent_until(&at(400));
        assert_eq!(position.next(), Some(5), "asked for again");
        position.silent_until(&at(600));
        assert_eq!(position.next(), Some(401), "what was silent once is asked for again, too");
        position.silent_until(&at(900));
        assert_eq!(position.next(), Some(601));
        assert!(!position.believe_the_silence(), "it was asked from there already");
        assert_eq!(position.jump(&at(2000)), Some((600, 2001)), "no more is missed than what was not silent twice");

        let mut position = Position::from(5);
        position.silent_until(&at(400));
        assert!(!position.believe_the_silence(), "once is not enough");
        position.silent_until(&at(400));
        assert!(position.believe_the_silence());
        assert_eq!((position.next(), position.believe_the_silence()), (Some(401), false));

        let mut position = Position::from(0);
        position.silent_until(&at(7));
        assert_eq!(position.next(), Some(8), "the beginning");
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
