//! A thread that waits for something of h2's: parked while another drives the connection, or in ppoll(2) itself.

use std::task::Wake;

use crate::base::locks::{Arc, Condvar, Mutex, MutexGuard};
use crate::net::{Bell, Deadline};

pub struct Waiter {
    seat: Mutex<Seat>,
    changed: Condvar,
    /// Of the connection.
    bell: Arc<Bell>,
}

struct Seat {
    is_woken: bool,
    place: Place,
}

#[derive(PartialEq, Eq)]
enum Place {
    Busy,
    Parked,
    Polling,
}

impl Waiter {
    pub fn new(bell: Arc<Bell>) -> Arc<Waiter> {
        let seat = Mutex::new(Seat { is_woken: false, place: Place::Busy });
        Arc::new(Waiter { seat, changed: Condvar::new(), bell })
    }

    /// Whether it was woken since this was last asked.
    pub fn take_woken(&self) -> bool {
        std::mem::take(&mut self.lock().is_woken)
    }

    /// Returns when it is woken, at once if it has been, or at the deadline.
    pub fn park(&self, until: Deadline) {
        let mut seat = self.lock();
        seat.place = Place::Parked;
        while !seat.is_woken {
            let Some(left) = until.left() else { break };
            seat = self.changed.wait_timeout(seat, left);
        }
        seat.place = Place::Busy;
    }

    /// From now on, waking rings the bell. False: it has been woken.
    pub fn begin_polling(&self) -> bool {
        let mut seat = self.lock();
        if !seat.is_woken {
            seat.place = Place::Polling;
        }
        !seat.is_woken
    }

    pub fn end_polling(&self) {
        self.lock().place = Place::Busy;
    }

    pub fn notify(&self) {
        let mut seat = self.lock();
        if std::mem::replace(&mut seat.is_woken, true) {
            return;
        }
        match seat.place {
            Place::Busy => {}
            Place::Parked => self.changed.notify_all(),
            Place::Polling => self.bell.ring(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seat> {
        self.seat.lock()
    }
}

impl Wake for Waiter {
    fn wake(self: Arc<Self>) {
        self.notify();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.notify();
    }
}
