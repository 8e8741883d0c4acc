//! Calls over one connection, each driven by the thread that makes it. Of several, one waits for the socket and does
//! what has come in for all; the others are parked, and the one who leaves hands over.

use std::task::{Context, Poll, Waker};

use super::call::{Call, Origin};
use super::exchange::{Exchange, Outcome};
use super::link::{Link, State};
use super::waiter::Waiter;
use crate::base::failure::Failure;
use crate::base::locks::{Arc, MutexGuard};
use crate::net::{Cancel, Cancelled, Deadline, Stream};

pub struct Channel {
    link: Link,
}

impl Channel {
    /// Begins to speak gRPC on a new connection. Whatever fails here,
    /// nothing was carried out.
    pub fn connect(
        stream: Stream,
        origin: &Origin,
        deadline: Deadline,
        cancel: &Arc<Cancel>,
    ) -> Result<Channel, Failure> {
        Ok(Channel { link: Link::connect(stream, origin, deadline, cancel)? })
    }

    /// One call: the reply's message, or the status that says why there is none. Ends by the deadline, and at once when
    /// it is cancelled; other calls, and later ones, go on. From any number of threads at a time.
    pub fn call(&self, call: &Call, deadline: Deadline, cancel: &Arc<Cancel>) -> Outcome {
        let waiter = Waiter::new(self.link.bell.clone());
        let _hook = {
            let waiter = waiter.clone();
            let hook = cancel.hook(move || waiter.notify());
            hook.map_err(|_: Cancelled| Failure::Cancelled { sent: false })?
        };
        let Some(state) = self.link.lock() else {
            return Err(Failure::Unreachable("the connection belongs to the parent process".to_owned()));
        };
        let exchange = Exchange::new(call, &self.link, waiter.clone(), deadline);
        let mut turn = Turn { link: &self.link, waiter, exchange, state: Some(state), is_leading: false };
        turn.run(deadline, cancel)
    }

    /// Whether new calls can be made, as far as is known: the server had neither closed the connection nor taken leave
    /// when it was last looked at. The next call looks again, before anything is sent.
    pub fn is_usable(&self) -> bool {
        self.link.lock().is_some_and(|mut state| state.is_usable())
    }
}

#[cfg(test)]
impl Channel {
    pub fn lock_for_test(&self) -> MutexGuard<'_, State> {
        self.link.lock().expect("it is this process's")
    }
}

/// A call's turn at the connection. Dropped, it leaves the connection to the others.
struct Turn<'a> {
    link: &'a Link,
    waiter: Arc<Waiter>,
    exchange: Exchange<'a>,
    /// `None` while this thread waits.
    state: Option<MutexGuard<'a, State>>,
    is_leading: bool,
}

impl<'a> Turn<'a> {
    fn run(&mut self, deadline: Deadline, cancel: &Arc<Cancel>) -> Outcome {
        let waker = Waker::from(self.waiter.clone());
        let mut context = Context::from_waker(&waker);
        let link = self.link;
        let state = self.state();
        // A connection that was closed while nobody looked is found with nothing sent.
        if state.is_idle(false) && !link.socket.is_quiet() {
            state.drive(true);
        }
        let mut is_last_look = false;
        loop {
            if cancel.is_cancelled() {
                let (exchange, state) = self.parts();
                return Err(exchange.cancelled(state));
            }
            self.waiter.take_woken();
            let (exchange, state) = self.parts();
            if let Poll::Ready(outcome) = exchange.poll(state, &mut context) {
                return outcome;
            }
            // What it has given to h2 goes out now, which may bring it further.
            state.write();
            if let Some(end) = state.end().map(str::to_owned) {
                if let Poll::Ready(outcome) = exchange.poll(state, &mut context) {
                    return outcome;
                }
                return Err(exchange.cut_off(&end, state));
            }
            if deadline.is_over() {
                if is_last_look {
                    return Err(exchange.timeout(state));
                }
                // What came in time is taken in any case, even if this thread was kept from it.
                is_last_look = true;
                state.drive(true);
                continue;
            }
            self.wait(deadline)?;
        }
    }

    /// Waits for something to do: for all, if nobody else does.
    fn wait(&mut self, deadline: Deadline) -> Result<(), Failure> {
        if !self.is_leading {
            self.is_leading = self.state().try_lead();
        }
        if self.is_leading {
            if !self.waiter.begin_polling() {
                return Ok(());
            }
            self.state = None;
            let found = self.link.wait(deadline);
            self.waiter.end_polling();
            self.state = self.link.lock();
            if found? {
                self.state().read();
            }
        } else {
            let waiter = self.waiter.clone();
            self.state().park(&waiter);
            self.state = None;
            waiter.park(deadline);
            self.state = self.link.lock();
            self.state().unpark(&waiter);
        }
        Ok(())
    }

    fn state(&mut self) -> &mut State {
        self.parts().1
    }

    fn parts(&mut self) -> (&mut Exchange<'a>, &mut State) {
        let state = self.state.as_deref_mut().expect("it is taken back after each wait");
        (&mut self.exchange, state)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // It is in hand, but for a panic.
        let Some(mut state) = self.state.take().or_else(|| self.link.lock()) else { return };
        let is_answered = self.exchange.end(&mut state);
        // After an answer nothing is left to be told to the server that could not wait for the next request.
        if !is_answered || !state.is_idle(self.is_leading) {
            state.write();
        }
        state.hand_over(self.is_leading);
    }
}
