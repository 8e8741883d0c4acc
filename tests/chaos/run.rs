//! One run: clients, watches and faults on a cluster of three, and whether what they saw can be true.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use support::api::Client;
use support::toolchain::target_dir;
use support::version::Version;

use crate::clients::{self, BEGIN, Book, END, Wrong};
use crate::faults::Field;
use crate::feeds::{self, Feed, Seen};
use crate::history::{Answer, Asked, Call, Listing, Value, written};
use crate::holders::{self, Hold};
use crate::linear::{self, Verdict};
use crate::registrations::{self, Look, Stay};
use crate::watches::{self, End};

const CALLERS: usize = 5;
const HOLDERS: usize = 3;
const REGISTERED: usize = 2;
/// The number of the client that writes first and last.
const WRITER: usize = 99;
/// How long a cluster may need to be well again, and a watch to deliver all: longer than any took, by a factor of ten.
const RECOVERY: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub version: Version,
    pub api: &'static str,
    pub time: Duration,
    pub seed: u64,
    pub faults: Faults,
    pub wrong: Option<Wrong>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Faults {
    None,
    /// But for members that lose their data, which takes tens of seconds each.
    Short,
    All,
}

/// What was seen.
pub struct Outcome {
    plan: Plan,
    calls: Vec<Call>,
    listings: Vec<Listing>,
    feeds: Vec<Feed>,
    tokens: BTreeMap<Value, u64>,
    holds: Vec<Hold>,
    stays: Vec<Stay>,
    looks: Vec<Look>,
    faults: Vec<String>,
    first: u64,
    /// The index of the very last write. `None`: the cluster did not come back in time.
    last: Option<u64>,
    /// Of the feeds, those that did not come to the end.
    unfinished: Vec<String>,
}

/// What cannot be true, and the smallest part of the history that shows it.
#[derive(Debug)]
pub struct Untrue {
    pub what: String,
    part: Vec<Call>,
}

pub fn run(plan: Plan) -> Outcome {
    let mut rng = Rng::with_seed(plan.seed);
    let (field, book, end) = (&Field::start(plan.version, plan.api), &Book::new(plan.wrong), &End::default());
    let writer = field.client(0);
    let first = write(book, &writer, BEGIN).expect("a cluster that was just started takes a write").0 + 1;
    let watchers = [(true, field.client(0)), (false, field.client(1)), (true, field.client_of_one(2))]
        .map(|(is_pushed, client)| (watches::begin(&client, is_pushed, first), client));
    let (feeds, last) = thread::scope(|scope| {
        let followers = Vec::from_iter(watchers.into_iter().enumerate().map(|(number, (watcher, client))| {
            let drops = number == 0 && book.is_wrong(Wrong::Drop);
            scope.spawn(move || {
                let _client = client; // as long as its watch
                watches::follow(&watcher, format!("watch {number}"), end, drops)
            })
        }));
        let mut working = Vec::new();
        for me in 0..CALLERS {
            let (client, rng) = (field.client(me), rng.fork());
            working.push(scope.spawn(move || clients::call(book, &client, me, rng)));
        }
        let client = field.client(1);
        working.push(scope.spawn(move || clients::list(book, &client)));
        for me in CALLERS..CALLERS + HOLDERS {
            let (client, rng) = (field.client(me), rng.fork());
            working.push(scope.spawn(move || holders::hold(book, &client, me, plan.api, rng)));
        }
        for who in 0..REGISTERED {
            let (client, rng) = (field.client(who), rng.fork());
            working.push(scope.spawn(move || registrations::register(book, &client, who, rng)));
        }
        // One that is stuck does not keep the other from looking.
        for first in 0..2 {
            let client = field.client(first);
            working.push(scope.spawn(move || registrations::look(book, &client)));
        }
        if plan.faults != Faults::None {
            let (one, other) = (rng.fork(), rng.fork());
            working.push(scope.spawn(move || field.disturb_members(book, one, plan.faults == Faults::All)));
            working.push(scope.spawn(move || field.disturb_network(book, other)));
        }
        book.goes_on(plan.time);
        book.end();
        let ends = Vec::from_iter(working.into_iter().map(|worker| worker.join()));
        field.heal();
        let last = write(book, &writer, END).filter(|_| ends.iter().all(Result::is_ok));
        end.last.store(last.map_or(0, |(_, value)| value), Ordering::SeqCst);
        let began = Instant::now();
        while last.is_some() && began.elapsed() < RECOVERY && !followers.iter().all(|one| one.is_finished()) {
            thread::sleep(Duration::from_millis(20));
        }
        end.is_given_up.store(true, Ordering::SeqCst);
        let feeds = Vec::from_iter(followers.into_iter().map(|one| one.join().expect("a watch goes on")));
        ends.into_iter().for_each(|end| end.expect("a client or a fault panicked"));
        (feeds, last.map(|(index, _)| index))
    });
    let unfinished = feeds.iter().filter(|(_, is_finished)| last.is_some() && !is_finished);
    let unfinished = unfinished.map(|(feed, _)| feed.name.clone()).collect();
    let feeds = feeds.into_iter().map(|(feed, _)| feed).collect();
    let tokens = book.tokens.lock().expect("no panic").iter().map(|(value, token)| (*value, *token)).collect();
    let listings = book.listings.lock().expect("no panic").clone();
    let holds = book.holds.lock().expect("no panic").clone();
    let stays = book.stays.lock().expect("no panic").clone();
    let looks = book.looks.lock().expect("no panic").clone();
    let (calls, faults) = (book.calls(), field.log());
    Outcome { plan, calls, listings, feeds, tokens, holds, stays, looks, faults, first, last, unfinished }
}

/// Writes until it is done; the index and the value. `None`: the cluster does not come back.
fn write(book: &Book, client: &Client, key: usize) -> Option<(u64, Value)> {
    let began = Instant::now();
    while began.elapsed() < RECOVERY {
        let value = book.value();
        if let Some(reply) = book.ask(client, WRITER, key, Asked::Set(value), 0) {
            return Some((reply.int("/node/modifiedIndex") as u64, value));
        }
    }
    None
}

impl Outcome {
    /// What is true of it, in short; or what cannot be.
    pub fn judge(&self) -> Result<String, Untrue> {
        let mut keys: BTreeMap<usize, Vec<Call>> = BTreeMap::new();
        self.calls.iter().for_each(|call| keys.entry(call.key).or_default().push(*call));
        let mut undecided = 0;
        for (key, calls) in &keys {
            match linear::check(calls) {
                Verdict::Fits => {}
                Verdict::Undecided => undecided += 1,
                Verdict::DoesNotFit(part) => {
                    return Err(Untrue { what: format!("the calls on key {key} are not linearizable"), part });
                }
            }
        }
        let seen = feeds::check(&self.calls, &self.listings, &self.feeds, self.first..=self.last()).map_err(untrue)?;
        feeds::no_two_hold(&seen.changes, |value| self.tokens.get(&value).copied()).map_err(untrue)?;
        holders::no_two_at_once(&self.holds).map_err(untrue)?;
        // Without faults there is a quorum all the time.
        let close = if self.plan.faults == Faults::None { Duration::MAX } else { registrations::CLOSE };
        let missing = registrations::none_stays_missing(&self.stays, &self.looks, close).map_err(untrue)?;
        match &self.unfinished[..] {
            [] => Ok(self.summary(&seen, keys.len(), undecided, missing)),
            feeds => Err(untrue(format!("{feeds:?} did not deliver the last write within {RECOVERY:?}"))),
        }
    }

    /// What all feeds have come to.
    fn last(&self) -> u64 {
        let last = |feed: &Feed| match feed.items.last() {
            Some(feeds::Item::Change(change)) => change.index,
            Some(feeds::Item::Gap { before, .. }) => before - 1,
            None => self.first - 1,
        };
        self.last.unwrap_or_else(|| self.feeds.iter().map(last).min().unwrap_or(0))
    }

    fn summary(&self, seen: &Seen, keys: usize, undecided: usize, missing: Duration) -> String {
        let count = |is_so: fn(&Call) -> bool| self.calls.iter().filter(|call| is_so(call)).count();
        let Plan { version, api, seed, .. } = self.plan;
        let mut said = format!("etcd {version} over {api}, seed {seed}: {} calls on {keys} keys, ", self.calls.len());
        let unknown = count(|call| call.answer == Answer::Unknown);
        let refused = count(|call| call.answer == Answer::NotCarriedOut);
        _ = write!(said, "{unknown} of unknown outcome, of which {} were carried out, ", seen.late);
        _ = write!(said, "{refused} not carried out; {} changes seen, ", seen.changes.len());
        _ = write!(said, "{} listings, ", self.listings.len());
        _ = write!(said, "{} gaps told; the lock held {} times, ", seen.gaps, self.holds.len());
        _ = write!(said, "{} writes by holders; ", self.tokens.len());
        _ = write!(said, "{} registrations, missing for {missing:.1?} at most ", self.stays.len());
        _ = write!(said, "by {} looks; ", self.looks.len());
        _ = write!(said, "{} faults", self.faults.len() / 2);
        if undecided > 0 {
            _ = write!(said, "; of {undecided} keys it takes too long to say whether their calls are linearizable");
        }
        if self.last.is_none() {
            said += "; the cluster did not come back in time, so the ends of the watches were not compared";
        }
        said
    }

    /// Writes all that was seen to a file, the part that cannot be true first; where that is.
    fn write(&self, untrue: &Untrue) -> PathBuf {
        let folder = target_dir().join("chaos");
        fs::create_dir_all(&folder).expect("the target folder is ours");
        let path = folder.join(format!("{}-{}-{}.txt", self.plan.api, self.plan.version, self.plan.seed));
        let part = |name: &str, text: &str| format!("==== {name}\n{text}\n");
        let mut text = part(&untrue.what, &written(&untrue.part));
        text += &part("plan", &format!("{:?}", self.plan));
        text += &part("faults, in ms", &self.faults.join("\n"));
        text += &part("calls: began and ended, in ms", &written(&self.calls));
        let listings = Vec::from_iter(self.listings.iter().map(|listing| format!("{listing:?}")));
        text += &part("listings", &listings.join("\n"));
        for feed in &self.feeds {
            let items = Vec::from_iter(feed.items.iter().map(|item| format!("{item:?}")));
            text += &part(&feed.name, &items.join("\n"));
        }
        text += &part("holders, by what they wrote", &format!("{:?}", self.tokens));
        text += &part("holders, by when", &format!("{:#?}", self.holds));
        text += &part("registrations", &format!("{:#?}", self.stays));
        let looks = Vec::from_iter(self.looks.iter().map(|look| format!("{look:?}")));
        text += &part("who was registered, by looks", &looks.join("\n"));
        fs::write(&path, text).expect("there is room");
        path
    }

    /// Prints what was seen; panics if it cannot be true.
    #[track_caller]
    pub fn is_true(&self) {
        match self.judge() {
            Ok(summary) => println!("{summary}"),
            Err(untrue) => {
                let path = self.write(&untrue);
                panic!("{}:\n{}all of it is in {}", untrue.what, written(&untrue.part), path.display());
            }
        }
    }
}

fn untrue(what: String) -> Untrue {
    Untrue { what, part: Vec::new() }
}
