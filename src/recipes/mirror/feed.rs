//! The changes on their way to a reader who fetches them, if there is one. It never makes the mirror wait: one who is too
//! slow is told to begin anew.

use crate::watch::Queue;

pub struct Feed {
    reader: Reader,
    /// The reader knows, or will by what is queued, all changes up to this index.
    told: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// Nobody has asked yet: nothing is queued. Whether there have been changes.
    None {
        has_missed: bool,
    },
    Listening,
    /// There was no more room; nothing is queued until it has begun anew.
    Behind,
}

/// Stands in the queue for a resync, which is made when it is fetched.
const RESYNC: &str = "";

impl Feed {
    /// For readers who know all up to `index`.
    pub fn new(index: u64) -> Feed {
        Feed { reader: Reader::None { has_missed: false }, told: index }
    }

    /// Whether changes are to be told one by one.
    pub fn is_listening(&self) -> bool {
        self.reader == Reader::Listening
    }

    /// There is a reader.
    pub fn begin(&mut self, queue: &Queue) {
        if let Reader::None { has_missed } = self.reader {
            self.reader = if has_missed { Reader::Behind } else { Reader::Listening };
            if has_missed {
                queue.replace(RESYNC);
            }
        }
    }

    /// Tells events, after which the mirror is at `index`.
    pub fn tell(&mut self, events: &[String], index: u64, queue: &Queue) {
        match &mut self.reader {
            Reader::None { has_missed } => *has_missed = true,
            Reader::Behind => {}
            Reader::Listening if events.len() <= queue.room() => {
                // There is room, and nobody else adds any.
                events.iter().for_each(|event| {
                    queue.push(event);
                });
                self.told = index;
            }
            Reader::Listening => {
                let dropped = queue.replace(RESYNC);
                let first = dropped.as_deref().and_then(|event| crate::base::json::find(event, "/node/modifiedIndex"));
                if let Some(first) = first.and_then(|index| index.parse::<u64>().ok()) {
                    self.told = self.told.min(first.saturating_sub(1));
                }
                self.reader = Reader::Behind;
            }
        }
    }

    /// Whether what was fetched stands for a resync.
    pub fn is_resync(event: &str) -> bool {
        event == RESYNC
    }

    /// The reader begins anew with the state of `index`; returns what it knew before.
    pub fn resynced(&mut self, index: u64) -> u64 {
        self.reader = Reader::Listening;
        std::mem::replace(&mut self.told, index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(index: u64) -> String {
        format!(r#"{{"action":"set","node":{{"key":"/a","modifiedIndex":{index}}}}}"#)
    }

    #[test]
    fn nothing_is_queued_for_nobody_and_the_first_who_asks_learns_of_it() {
        let (queue, mut feed) = (Queue::new(4), Feed::new(5));
        feed.begin(&queue);
        assert!(feed.is_listening() && queue.room() == 4, "nothing has happened");
        let mut feed = Feed::new(5);
        feed.tell(&[event(6)], 6, &queue);
        assert_eq!(queue.room(), 4);
        feed.begin(&queue);
        assert!(!feed.is_listening() && Feed::is_resync(&queue.pop(None).unwrap()));
        assert_eq!(feed.resynced(6), 5);
        feed.begin(&queue);
        assert!(feed.is_listening() && queue.room() == 4);
    }

    #[test]
    fn a_reader_who_is_too_slow_begins_anew() {
        let (queue, mut feed) = (Queue::new(3), Feed::new(5));
        feed.begin(&queue);
        feed.tell(&[event(6), event(7)], 7, &queue);
        assert_eq!(queue.pop(None), Some(event(6)));
        feed.tell(&[event(8), event(8), event(8)], 8, &queue);
        feed.tell(&[event(9)], 9, &queue);
        assert!(Feed::is_resync(&queue.pop(None).unwrap()) && queue.room() == 3);
        assert_eq!(feed.resynced(9), 6, "7 was dropped");
        feed.tell(&[event(10)], 10, &queue);
        assert_eq!(queue.pop(None), Some(event(10)));
        let many = Vec::from_iter((0..4).map(|_| event(11)));
        feed.tell(&many, 11, &queue);
        assert_eq!(feed.resynced(11), 10, "nothing waited");
    }
}
