//! A cluster in a network of its own, and what is done to both: members are killed, frozen, restarted and wiped, links
//! between them and doors for clients held, closed and slowed.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use support::admin::Admin;
use support::api::*;
use support::cluster::Cluster;
use support::etcd::Etcd;
use support::links::Passage;
use support::proxy::{Mode, Proxy};
use support::version::Version;

use crate::clients::Book;

const MEMBERS: usize = 3;
/// etcd takes no change of its members until all have been connected for 5 s; longer than that is in vain.
const CHANGE: Duration = Duration::from_secs(15);

/// Where clients, members and faults meet.
pub struct Field {
    cluster: Cluster,
    /// By which clients reach each member.
    doors: Vec<Proxy>,
    api: &'static str,
    /// What was done, and when.
    log: Mutex<Vec<String>>,
    /// Had while the network is disturbed: no member joins meanwhile.
    network: Mutex<()>,
}

impl Field {
    pub fn start(version: Version, api: &'static str) -> Field {
        // Small steps, so that members catch up by snapshots, too.
        let cluster = Cluster::start_linked(version, &["--snapshot-count=500"]);
        let doors = cluster.members.iter().map(|member| Proxy::start(member.port(), Mode::Pass)).collect();
        Field { cluster, doors, api, log: Mutex::default(), network: Mutex::default() }
    }

    /// A client that asks this member first.
    pub fn client(&self, first: usize) -> Client {
        let mut urls = Vec::from_iter(self.doors.iter().map(Proxy::url));
        urls.rotate_left(first % MEMBERS);
        self.client_of(&urls)
    }

    /// A client that asks this member only.
    pub fn client_of_one(&self, member: usize) -> Client {
        self.client_of(&[self.doors[member].url()])
    }

    fn client_of(&self, urls: &[String]) -> Client {
        let soon = [("timeout.request_ms", "2500"), ("timeout.connect_ms", "500"), ("retry.max_delay_ms", "100")];
        Client::of(urls, &[&[("api", self.api), ("watch.poll_ms", "2000")], &soon[..]].concat())
    }

    /// Past the doors.
    fn administrator(&self) -> Client {
        Client::of(&self.cluster.urls(), &[("api", self.api), ("timeout.request_ms", "3000")])
    }

    pub fn log(&self) -> Vec<String> {
        lock(&self.log).clone()
    }

    fn note(&self, book: &Book, what: &str) {
        lock(&self.log).push(format!("{:12.3}  {what}", book.now() as f64 / 1e6));
    }

    /// Kills, freezes and wipes members until it is over; then all are there.
    pub fn disturb_members(&self, book: &Book, mut rng: Rng, may_wipe: bool) {
        while book.goes_on(Duration::from_millis(rng.u64(300..2500))) {
            let (number, pause) = (rng.usize(..MEMBERS), Duration::from_millis(rng.u64(100..4000)));
            let member = &self.cluster.members[number];
            // One that did not come up: its port was another's for a moment.
            self.cluster.members.iter().filter(|member| member.has_ended()).for_each(Etcd::restart_alone);
            match rng.usize(..12) {
                0..4 => {
                    self.note(book, &format!("member {number} is killed"));
                    member.kill();
                    book.goes_on(pause);
                    member.restart_alone();
                }
                4..8 => {
                    self.note(book, &format!("member {number} is frozen"));
                    member.freeze();
                    book.goes_on(pause);
                    member.thaw();
                }
                8..10 => {
                    self.note(book, "all are killed");
                    self.cluster.members.iter().for_each(Etcd::kill);
                    self.cluster.members.iter().for_each(Etcd::restart_alone);
                }
                10 if self.api == "v3" => self.compact(book),
                _ if may_wipe => self.wipe(book, number),
                _ => continue,
            }
            self.note(book, "it is there again");
        }
    }

    /// Has the history forgotten, so that watches that lag find a gap.
    fn compact(&self, book: &Book) {
        let client = self.administrator();
        let now = client.get("/", ETCD_QUORUM).int("/header/etcdIndex");
        let request = c(&format!(r#"{{"revision":{now}}}"#));
        let reply = unsafe { Reply::take(etcd_call(client.raw(), c("kv/compaction").as_ptr(), request.as_ptr())) };
        self.note(book, &format!("the history is compacted at {now}: {}", reply.code()));
    }

    /// Has it removed, its data lost, and added again: a member without a memory, and with another id.
    fn wipe(&self, book: &Book, number: usize) {
        let _calm = lock(&self.network);
        let (member, client) = (&self.cluster.members[number], self.administrator());
        let admin = Admin::of(client.raw());
        let began = book.elapsed();
        let goes_on = || book.goes_on(Duration::from_millis(200)) && book.elapsed() - began < CHANGE;
        let is_gone = |reply: Reply| reply.code() == 0 || matches!(reply.int("/status"), 404 | 410);
        let id = |client: &Client| {
            let members = client.members();
            let found =
                members.json().as_object()?.iter().find(|(_, one)| one["peerURLs"][0] == member.peer_url())?.0.clone();
            (members.code() == 0).then_some(found)
        };
        let Some(old) = id(&client) else { return };
        while !is_gone(admin.member_remove(&old)) && id(&client).as_ref() == Some(&old) {
            if !goes_on() {
                return;
            }
        }
        self.note(book, &format!("member {number}, {old}, is removed"));
        member.kill();
        // From here on it should come back, for two are left; where they do not take it, it stays away.
        let mut new = None;
        while new.is_none() && book.elapsed() - began < 4 * CHANGE {
            admin.member_add(&member.peer_url());
            new = id(&client).filter(|new| *new != old);
            thread::sleep(Duration::from_millis(200)); // before the next try
        }
        let Some(new) = new else { return };
        self.cluster.links().know(number, u64::from_str_radix(&new, 16).expect("an id is hexadecimal"));
        self.note(book, &format!("member {number} is added as {new}"));
        member.restart_empty();
        while goes_on() {
            if member.has_ended() {
                member.restart_empty();
            }
            if client_of(member, self.api).get("/", 0).code() == 0 {
                return;
            }
        }
    }

    /// Holds, closes and slows what goes between members, and between clients and members, until it is over.
    pub fn disturb_network(&self, book: &Book, mut rng: Rng) {
        let links = self.cluster.links();
        while book.goes_on(Duration::from_millis(rng.u64(300..3000))) {
            let _calm = lock(&self.network);
            let (number, pause) = (rng.usize(..MEMBERS), Duration::from_millis(rng.u64(100..4000)));
            let other = (number + 1) % MEMBERS;
            let passage = match rng.usize(..5) {
                0..2 => Passage::Held,
                2..4 => Passage::Closed,
                _ => Passage::Slow(Duration::from_millis(rng.u64(1..150))),
            };
            match rng.usize(..10) {
                0..3 => {
                    self.note(book, &format!("member {number} is cut off: {passage:?}"));
                    (0..MEMBERS).filter(|other| *other != number).for_each(|other| links.set(number, other, passage));
                }
                3..5 => {
                    self.note(book, &format!("members {number} and {other} are cut off from each other: {passage:?}"));
                    links.set(number, other, passage);
                }
                5 => {
                    self.note(book, &format!("all are cut off from each other: {passage:?}"));
                    (0..MEMBERS).for_each(|member| links.set(member, (member + 1) % MEMBERS, passage));
                }
                _ => {
                    let mode = self.any_mode(&mut rng);
                    self.note(book, &format!("clients of member {number}: {mode:?}"));
                    self.doors[number].switch(mode);
                }
            }
            book.goes_on(pause);
            links.open_all();
            self.doors.iter().for_each(|door| door.switch(Mode::Pass));
            self.note(book, "the network is whole");
        }
    }

    /// What a network, or a gateway where the API has such, does to a client.
    fn any_mode(&self, rng: &mut Rng) -> Mode {
        match rng.usize(..if self.api == "v2" { 6 } else { 4 }) {
            0 => Mode::BlackHole,
            1 => Mode::Close,
            2 => Mode::Delay(Duration::from_millis(rng.u64(1..200))),
            3 => Mode::Truncate(rng.usize(50..5000)),
            4 => Mode::Lose([500, 502, 503, 504][rng.usize(..4)]),
            _ => Mode::Refuse([500, 502, 503, 504][rng.usize(..4)]),
        }
    }

    /// Nothing is disturbed any more.
    pub fn heal(&self) {
        self.cluster.links().open_all();
        self.doors.iter().for_each(|door| door.switch(Mode::Pass));
        self.cluster.members.iter().filter(|member| member.has_ended()).for_each(Etcd::restart_alone);
    }
}

fn client_of(member: &Etcd, api: &str) -> Client {
    Client::of(&[member.url()], &[("api", api), ("timeout.request_ms", "1000")])
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
