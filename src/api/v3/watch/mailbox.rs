//! What has come in for one watch and not been taken yet. It is bounded: the stream that all watches share is read on,
//! however slow one of them is.

use std::collections::VecDeque;

use super::few::Few;
use super::stream::Incoming;
use crate::api::Listener;
use crate::base::locks::{Condvar, Mutex, MutexGuard, Weak};

#[derive(Default)]
pub struct Mailbox {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    /// Which creation the messages are of; those of earlier ones are dropped.
    generation: u32,
    /// The watches on the stream, as the server numbers them.
    ids: Few,
    messages: VecDeque<(Incoming, usize)>,
    bytes: usize,
    /// The last word on progress, of which there is one for all watches of a stream.
    progress: u64,
    is_cancelled: bool,
    /// Who is told when something has come in, where nobody waits here.
    listener: Option<Weak<dyn Listener>>,
}

/// Counts what a message takes besides.
const OVERHEAD: usize = 128;
const MAX_BYTES: usize = 4 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    Taken,
    /// It is of an earlier creation.
    Stale,
    /// There is no more room; all further ones are dropped, and the reader is told when it comes there.
    Overrun,
}

impl Mailbox {
    /// Has `listener` told of what comes in from now on.
    pub fn attach(&self, listener: &Weak<dyn Listener>) {
        self.lock().listener = Some(listener.clone());
    }

    /// Begins anew, empty; the watches that there were are to be cancelled.
    pub fn begin(&self) -> (u32, Few) {
        let mut state = self.lock();
        state.generation += 1;
        state.messages.clear();
        state.bytes = 0;
        (state.generation, std::mem::take(&mut state.ids))
    }

    /// Remembers a watch's number; false: it is of an earlier creation, and to be cancelled.
    pub fn register(&self, generation: u32, id: i64) -> bool {
        let mut state = self.lock();
        let is_current = state.generation == generation;
        if is_current {
            state.ids.push(id);
        }
        is_current
    }

    /// To be announced. `is_whole`: no piece of a larger message, which is better taken to its end.
    pub fn push(&self, generation: u32, message: Incoming, bytes: usize, is_whole: bool) -> Pushed {
        let mut state = self.lock();
        if state.generation != generation {
            return Pushed::Stale;
        }
        let is_full = is_whole && state.bytes > MAX_BYTES;
        if is_full {
            // The next creation is another generation.
            state.generation += 1;
            state.messages.push_back((Incoming::Overrun, 0));
        } else {
            state.bytes += bytes + OVERHEAD;
            state.messages.push_back((message, bytes + OVERHEAD));
        }
        if is_full { Pushed::Overrun } else { Pushed::Taken }
    }

    /// The same word is heard once, however many watches of this mailbox it is for. False: it was.
    pub fn push_progress(&self, generation: u32, serial: u64, revision: i64) -> bool {
        let is_new = std::mem::replace(&mut self.lock().progress, serial) != serial;
        is_new && self.push(generation, Incoming::Progress(revision), 0, true) != Pushed::Stale
    }

    /// What came first.
    pub fn take(&self) -> Option<Incoming> {
        self.lock().pop()
    }

    /// The same, as soon as something is there; `None`: cancelled.
    pub fn wait(&self) -> Option<Incoming> {
        let mut state = self.lock();
        while state.messages.is_empty() && !state.is_cancelled {
            state = self.arrived.wait(state);
        }
        state.pop()
    }

    /// Ends every wait, now and later.
    pub fn cancel(&self) {
        self.lock().is_cancelled = true;
        self.announce();
    }

    /// Not under any lock: it is the reader that is told.
    pub fn announce(&self) {
        let listener = self.lock().listener.clone();
        match listener {
            Some(listener) => listener.upgrade().map(Listener::hear).unwrap_or_default(),
            None => self.arrived.notify_all(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl State {
    fn pop(&mut self) -> Option<Incoming> {
        let (message, bytes) = self.messages.pop_front()?;
        self.bytes -= bytes;
        if self.messages.is_empty() {
            // Most of the time it is, and there may be thousands.
            self.messages = VecDeque::new();
        }
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(message: Option<Incoming>) -> Option<i64> {
        match message {
            Some(Incoming::Progress(number)) => Some(number),
            None => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn messages_come_in_order_and_those_of_earlier_watches_not_at_all() {
        let mailbox = Mailbox::default();
        let (first, _) = mailbox.begin();
        assert_eq!(mailbox.push(first, Incoming::Progress(1), 0, true), Pushed::Taken);
        mailbox.push(first, Incoming::Progress(2), 0, true);
        assert_eq!(number(mailbox.take()), Some(1));
        assert!(mailbox.register(first, 7));
        let (second, ids) = mailbox.begin();
        assert_eq!((&ids[..], number(mailbox.take())), (&[7][..], None));
        assert_eq!(mailbox.push(first, Incoming::Progress(3), 0, true), Pushed::Stale);
        assert!(!mailbox.register(first, 8) && mailbox.register(second, 9));
    }

    #[test]
    fn a_slow_reader_is_told_where_it_was_overrun() {
        let mailbox = Mailbox::default();
        let (generation, _) = mailbox.begin();
        let push = |is_whole| mailbox.push(generation, Incoming::Progress(1), 1 << 20, is_whole);
        assert!((0..4).all(|_| push(true) == Pushed::Taken));
        assert_eq!(push(false), Pushed::Taken, "a piece");
        assert_eq!((push(true), push(true)), (Pushed::Overrun, Pushed::Stale));
        assert!((0..5).all(|_| number(mailbox.take()) == Some(1)));
        assert!(matches!(mailbox.take(), Some(Incoming::Overrun)));
    }

    #[test]
    fn one_word_on_progress_is_heard_once() {
        let mailbox = Mailbox::default();
        let (generation, _) = mailbox.begin();
        assert_eq!([1, 1, 2].map(|serial| mailbox.push_progress(generation, serial, 5)), [true, false, true]);
        assert_eq!(number(mailbox.take()), Some(5));
        assert_eq!(number(mailbox.take()), Some(5));
        assert_eq!(number(mailbox.take()), None);
    }

    #[test]
    fn a_reader_that_waits_is_woken() {
        let mailbox = Mailbox::default();
        let (generation, _) = mailbox.begin();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| (number(mailbox.wait()), number(mailbox.wait())));
            mailbox.push(generation, Incoming::Progress(1), 0, true);
            mailbox.announce();
            mailbox.cancel();
            assert_eq!(reader.join().unwrap(), (Some(1), None));
        });
    }
}
