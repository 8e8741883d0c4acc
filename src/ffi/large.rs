//! Large texts on their way to C: their memory is handed over as it is, for to copy a megabyte takes longer than to check it.
//!
//! `etcd_free` is not told how long a text is, and what a `String` had taken must be given back as that. So where such a
//! text lies is noted here until it is freed. There is no lock: a fork can come at any moment, and a child frees what its
//! parent was given.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::base::memory;

struct Note {
    /// The address with its bits turned over, for leak checkers are to find what a caller has lost; 0: nothing is noted.
    hidden: AtomicUsize,
    capacity: AtomicUsize,
}

/// So many at a time; what is given away beyond is copied.
static NOTES: [Note; 32] = [const { Note { hidden: AtomicUsize::new(0), capacity: AtomicUsize::new(0) } }; 32];
/// How many of them are in use: mostly none, and then nothing is looked for.
static IN_USE: AtomicUsize = AtomicUsize::new(0);

/// In use, and nobody's yet.
const TAKEN: usize = 1;

/// The text with a NUL behind it, without a copy. Else it comes back: it is small, or takes much more memory than it needs,
/// or there are many already.
pub fn give(mut text: String) -> Result<NonNull<u8>, String> {
    let needed = text.len() + 1;
    let is_worth_it = text.len() >= memory::LARGE && text.capacity() <= needed + needed / 8;
    if !is_worth_it || text.try_reserve_exact(1).is_err() {
        return Err(text);
    }
    let is_free = |note: &&Note| note.hidden.compare_exchange(0, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok();
    let Some(note) = NOTES.iter().find(is_free) else { return Err(text) };
    text.push('\0');
    let mut bytes = text.into_bytes();
    let (place, capacity) = (NonNull::from(bytes.as_mut_slice()).cast(), bytes.capacity());
    std::mem::forget(bytes);
    IN_USE.fetch_add(1, Ordering::Relaxed);
    note.capacity.store(capacity, Ordering::Relaxed);
    note.hidden.store(hidden(place), Ordering::Release);
    Ok(place)
}

/// Frees a text that was given away here. False if it was not.
pub unsafe fn take_back(place: NonNull<u8>) -> bool {
    // Who frees a text has been given it, and by that sees what was noted.
    if IN_USE.load(Ordering::Relaxed) == 0 {
        return false;
    }
    let Some(note) = NOTES.iter().find(|note| note.hidden.load(Ordering::Acquire) == hidden(place)) else {
        return false;
    };
    let capacity = note.capacity.load(Ordering::Relaxed);
    // First of all, for as soon as the memory is free another text may lie there.
    note.hidden.store(0, Ordering::Release);
    IN_USE.fetch_sub(1, Ordering::Relaxed);
    // SAFETY: it was a `Vec<u8>` of this capacity, and nobody else frees it.
    drop(unsafe { Vec::from_raw_parts(place.as_ptr(), 0, capacity) });
    true
}

fn hidden(place: NonNull<u8>) -> usize {
    !place.addr().get()
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    fn text(length: usize) -> String {
        let mut text = String::with_capacity(length + 160);
        text.extend(std::iter::repeat_n('x', length));
        text
    }

    fn length(place: NonNull<u8>) -> usize {
        // SAFETY: it ends in NUL.
        unsafe { CStr::from_ptr(place.as_ptr().cast()) }.count_bytes()
    }

    #[test]
    fn a_large_text_is_given_away_where_it_lies_and_freed() {
        let large = text(memory::LARGE);
        let before = large.as_ptr();
        let place = give(large).unwrap();
        assert!(place.as_ptr().cast_const() == before && length(place) == memory::LARGE);
        // SAFETY: given just now, and once.
        assert!(unsafe { take_back(place) });
    }

    #[test]
    fn what_is_small_or_wasteful_comes_back() {
        for (length, capacity) in [(10, 11), (memory::LARGE, 2 * memory::LARGE)] {
            let mut text = text(length);
            text.reserve_exact(capacity - length);
            assert_eq!(give(text).unwrap_err().len(), length);
        }
    }

    #[test]
    fn a_text_without_room_gets_it() {
        let exact = String::from_utf8(vec![b'x'; memory::LARGE]).unwrap();
        let place = give(exact).unwrap();
        assert_eq!(length(place), memory::LARGE);
        // SAFETY: given just now, and once.
        assert!(unsafe { take_back(place) });
    }

    #[test]
    fn threads_that_give_and_free_find_each_their_own() {
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || {
                    for round in 0..50 {
                        let lengths = [0, 1, 2, 3, 4].map(|more| memory::LARGE + thread * 1000 + round * 10 + more);
                        let given: Vec<_> = lengths.iter().map(|length| give(text(*length)).unwrap()).collect();
                        for place in given {
                            assert!(lengths.contains(&length(place)));
                            // SAFETY: given just now, and once.
                            assert!(unsafe { take_back(place) });
                        }
                    }
                });
            }
        });
    }
}
