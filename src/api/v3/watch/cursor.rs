//! Where a watch stands in the store's history, range by range, and what each message proves about it.

use super::few::Few;
use crate::messages::ResponseHeader;

#[derive(Debug, Default)]
pub struct Cursor {
    /// For each range the first revision not yet dealt with; 0 until a server has been reached.
    next: Few,
    /// What a server said when it was asked how far it is. It is believed when it has been asked again: what was still
    /// on its way then has come since.
    said: i64,
    /// The furthest that any server has been.
    seen: ResponseHeader,
}

impl Cursor {
    /// From the change `revision` on; 0: from now on, whenever that is known.
    pub fn from(revision: i64) -> Cursor {
        let mut cursor = Cursor::default();
        cursor.next.push(revision);
        cursor
    }

    /// Where each of so many ranges is to begin.
    pub fn begin(&mut self, ranges: usize) -> &[i64] {
        let first = self.first();
        while self.next.len() < ranges {
            self.next.push(first);
        }
        self.said = 0;
        &self.next
    }

    /// What follows the state that `header` tells of is wanted.
    pub fn begin_after(&mut self, header: &ResponseHeader) {
        self.next.iter_mut().for_each(|next| *next = header.revision.saturating_add(1));
        self.see(header);
    }

    /// Whether a change was dealt with before.
    pub fn is_behind(&self, range: usize, revision: i64) -> bool {
        self.next.get(range).is_some_and(|next| revision < *next)
    }

    /// All of a range's changes up to `revision` have been dealt with.
    pub fn pass(&mut self, range: usize, revision: i64) {
        if let Some(next) = self.next.get_mut(range) {
            *next = (*next).max(revision.saturating_add(1));
        }
    }

    /// The server was as far as that, of all ranges.
    pub fn hear(&mut self, revision: i64) {
        let believed = self.said;
        self.said = believed.max(revision);
        if believed > 0 {
            (0..self.next.len()).for_each(|range| self.pass(range, believed));
        }
    }

    /// Whether a server that answers so has another history than the one known, or only a part of it.
    pub fn is_contradicted_by(&self, header: &ResponseHeader) -> bool {
        let seen = &self.seen;
        // A message about a compaction has no revision.
        let is_fallen = header.revision > 0 && header.revision < seen.revision;
        seen.cluster_id != 0 && header.cluster_id != seen.cluster_id || is_fallen || header.raft_term < seen.raft_term
    }

    pub fn see(&mut self, header: &ResponseHeader) {
        self.seen = ResponseHeader {
            cluster_id: header.cluster_id,
            member_id: header.member_id,
            revision: header.revision.max(self.seen.revision),
            raft_term: header.raft_term.max(self.seen.raft_term),
        };
    }

    /// Goes on behind the state that `header` tells of, whatever was before. The changes strictly between the two
    /// revisions that come back are unknown.
    pub fn jump(&mut self, header: &ResponseHeader) -> (i64, i64) {
        let after = (self.first() - 1).max(0);
        let next = header.revision.saturating_add(1);
        self.next.iter_mut().for_each(|at| *at = next);
        (self.said, self.seen) = (0, *header);
        (after, next)
    }

    fn first(&self) -> i64 {
        self.next.iter().copied().min().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(revision: i64) -> ResponseHeader {
        ResponseHeader { cluster_id: 1, member_id: 2, revision, raft_term: 3 }
    }

    #[test]
    fn what_is_dealt_with_moves_it_and_never_back() {
        let mut cursor = Cursor::from(5);
        cursor.pass(0, 9);
        cursor.pass(0, 7);
        assert_eq!(cursor.begin(1), [10]);
        assert!(cursor.is_behind(0, 9) && !cursor.is_behind(0, 10));
    }

    #[test]
    fn each_of_two_ranges_has_its_own_place() {
        let mut cursor = Cursor::from(5);
        cursor.pass(0, 9);
        assert_eq!(cursor.begin(2), [10, 10], "both begin where the one was");
        cursor.pass(1, 20);
        assert_eq!(cursor.begin(2), [10, 21]);
        assert_eq!(cursor.jump(&at(30)), (9, 31), "the gap is the longer one");
    }

    #[test]
    fn what_a_server_says_of_itself_is_believed_when_it_is_asked_again() {
        let mut cursor = Cursor::from(5);
        cursor.hear(100);
        assert_eq!(cursor.begin(1), [5], "events may be on their way, and a new stream begins anew");
        cursor.hear(100);
        cursor.hear(120);
        assert_eq!(cursor.begin(1), [101]);
    }

    #[test]
    fn a_server_that_falls_behind_or_is_of_another_cluster_contradicts() {
        let mut cursor = Cursor::from(5);
        assert!(!cursor.is_contradicted_by(&at(1)), "a future revision is no contradiction");
        cursor.see(&at(100));
        assert!(!cursor.is_contradicted_by(&at(100)) && cursor.is_contradicted_by(&at(99)));
        assert!(!cursor.is_contradicted_by(&at(0)), "says nothing");
        assert!(cursor.is_contradicted_by(&ResponseHeader { cluster_id: 7, ..at(200) }));
        assert!(cursor.is_contradicted_by(&ResponseHeader { raft_term: 2, ..at(200) }));
    }

    #[test]
    fn a_jump_tells_the_gap_exactly_backwards_too() {
        let mut cursor = Cursor::from(5);
        assert_eq!(cursor.jump(&at(2000)), (4, 2001));
        assert_eq!(cursor.jump(&at(10)), (2000, 11));
        assert!(!cursor.is_contradicted_by(&at(10)) && cursor.begin(1) == [11]);
        assert_eq!(Cursor::from(0).jump(&at(10)), (0, 11), "nothing was known");
    }
}
