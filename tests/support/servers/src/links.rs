//! The network between the members of a cluster: each is known to the others by a door of its own, which hands on, holds
//! back, slows or closes what one of the others sends.

use std::collections::HashMap;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::fake::{Conn, FakeServer};

/// What becomes of all that goes between two members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    Open,
    /// It is kept, and arrives once the passage is open again.
    Held,
    /// Connections end, and new ones as soon as they are made.
    Closed,
    /// Each piece takes so long.
    Slow(Duration),
}

/// Dropping it ends all connections.
pub struct Links {
    doors: Vec<FakeServer>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Members by what they call themselves in their requests to each other.
    ids: HashMap<String, usize>,
    /// Only what is not open, the smaller number first.
    passages: HashMap<(usize, usize), Passage>,
    is_over: bool,
}

impl Links {
    /// Doors of members that listen on these ports.
    pub fn start(ports: &[u16]) -> Links {
        let shared = Arc::<Shared>::default();
        let door = |(to, &port): (usize, &u16)| {
            let shared = shared.clone();
            FakeServer::start(move |conn| serve(conn, to, port, &shared))
        };
        Links { doors: ports.iter().enumerate().map(door).collect(), shared }
    }

    /// Where the others find this member.
    pub fn port(&self, member: usize) -> u16 {
        self.doors[member].port()
    }

    /// What a member calls itself, which is new when it has been removed and added. Until it is known all is open.
    pub fn know(&self, member: usize, id: u64) {
        self.shared.lock().ids.insert(format!("{id:x}"), member);
    }

    /// Between two members, both ways.
    pub fn set(&self, one: usize, other: usize, passage: Passage) {
        self.shared.change(|state| match passage {
            Passage::Open => drop(state.passages.remove(&pair(one, other))),
            _ => drop(state.passages.insert(pair(one, other), passage)),
        });
        if passage == Passage::Closed {
            [one, other].iter().for_each(|member| self.doors[*member].cut());
        }
    }

    pub fn open_all(&self) {
        self.shared.change(|state| state.passages.clear());
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        self.shared.change(|state| state.is_over = true);
    }
}

fn pair(one: usize, other: usize) -> (usize, usize) {
    (one.min(other), one.max(other))
}

/// One connection to a member. Who makes it says so in its first request, as etcd's `rafthttp` has it; a few requests, as
/// for the members' versions, come from nobody, and pass.
fn serve(mut conn: Conn, to: usize, port: u16, shared: &Shared) {
    let Some(head) = conn.head() else { return };
    let text = head.text();
    let id = text.split("\r\nX-Server-From: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    if !shared.may_pass(id, to) {
        return;
    }
    // An error: it is not there, or not yet.
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return };
    conn.relay_while(&server, &head.bytes, || shared.may_pass(id, to));
}

impl Shared {
    /// Waits as long as it must. False: it is not to pass.
    fn may_pass(&self, id: Option<&str>, to: usize) -> bool {
        let passage = |state: &State| {
            let from = *state.ids.get(id?)?;
            state.passages.get(&pair(from, to)).copied()
        };
        let is_held = |state: &mut State| !state.is_over && passage(state) == Some(Passage::Held);
        let waited = self.changed.wait_while(self.lock(), is_held);
        let state = waited.unwrap_or_else(PoisonError::into_inner);
        let passage = passage(&state);
        let may_pass = !state.is_over && passage != Some(Passage::Closed);
        drop(state);
        if let Some(Passage::Slow(time)) = passage {
            thread::sleep(time); // slowness is what is asked for
        }
        may_pass
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}
