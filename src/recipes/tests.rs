//! Locks and registrations on a store whose answers are written down.

use std::collections::VecDeque;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use super::Store;
use super::household::{Household, Leasing};
use super::lease::Lease;
use super::lock::{Lock, Standing};
use crate::api::holding::{self, Answers, Claim, Ear, Holding, Keeper, Kept, Leader, Turn};
use crate::api::{EventSource, Listener};
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::base::locks::{Arc, Condvar, Mutex, Weak};
use crate::grpc;
use crate::http::{Request, Response};
use crate::messages::kv::TxnRequest;
use crate::net::{Cancel, Deadline};
use crate::operation::{Key, Operation, Watch};
use crate::transport::{Server, Transport};
use crate::watch::{Receiver, Watcher};

#[derive(Default)]
struct Fake {
    script: Mutex<Script>,
    changed: Condvar,
}

#[derive(Default)]
struct Script {
    turns: VecDeque<Result<Turn>>,
    checks: VecDeque<Result<Option<u64>>>,
    claims: VecDeque<Result<()>>,
    /// Where there is none, it is done.
    releases: VecDeque<Result<()>>,
    /// Of each call, who makes it.
    callers: Vec<ThreadId>,
    /// What was done, in order.
    done: Vec<String>,
    listener: Option<Weak<dyn Listener>>,
    has_news: bool,
    /// How many of those who listen are refused.
    refusals: usize,
}

struct Nobody;

impl Server for Nobody {
    fn send(&self, request: &Request) -> Result<Response> {
        panic!("{request:?}")
    }

    fn call(&self, call: &grpc::Call) -> Result<grpc::Reply> {
        panic!("{}", call.path)
    }
}

struct FakeEar(Arc<Fake>);

impl Ear for FakeEar {
    fn has_heard(&mut self) -> Result<bool> {
        let mut script = self.0.script.lock();
        if script.refusals > 0 {
            script.refusals -= 1;
            return unreachable();
        }
        Ok(std::mem::take(&mut script.has_news))
    }
}

struct Silent;

impl Keeper for Silent {
    fn ask(&mut self, _: u64, _: &[Kept], _: Deadline) -> Result<()> {
        Ok(())
    }

    fn doubt(&mut self) {}
}

/// What recipes are handed.
struct Handed(Arc<Fake>);

impl Handed {
    fn done(&self, what: String) {
        self.0.script.lock().done.push(what);
        self.0.changed.notify_all();
    }
}

impl Store for Handed {
    fn run(&self, operation: &Operation) -> Result<String> {
        panic!("{operation:?}")
    }

    fn keeps_directories(&self) -> Result<bool> {
        panic!("nobody mirrors")
    }

    fn queue_size(&self) -> usize {
        panic!("nobody mirrors")
    }

    fn watch(&self, _: Watch, _: Box<dyn Receiver>) -> Result<Arc<Watcher>> {
        panic!("there are ears")
    }

    fn start(&self, _: Box<dyn EventSource>, _: Box<dyn Receiver>, _: bool) -> Result<Arc<Watcher>> {
        panic!("nobody watches")
    }
}

impl Leasing for Handed {
    fn call(&self, _: &Arc<Cancel>, _: Duration) -> Box<dyn Server + '_> {
        self.0.script.lock().callers.push(thread::current().id());
        Box::new(Nobody)
    }

    fn holding(&self, _: &dyn Server) -> Result<&dyn Holding> {
        Ok(self)
    }

    fn keeper(&self, _: &Arc<Cancel>, _: Arc<dyn Answers>) -> Result<Box<dyn Keeper>> {
        Ok(Box::new(Silent))
    }

    fn listen(
        &self,
        name: &[u8],
        after: u64,
        _: &Arc<Cancel>,
        listener: &Weak<dyn Listener>,
    ) -> Result<Option<Box<dyn Ear>>> {
        let is_refused = {
            let mut script = self.0.script.lock();
            script.listener = Some(listener.clone());
            script.refusals > 0
        };
        if is_refused {
            listener.upgrade().expect("somebody listens").hear();
        }
        self.done(format!("listen {} {after}", String::from_utf8_lossy(name)));
        Ok(Some(Box::new(FakeEar(self.0.clone()))))
    }

    fn events(&self, _: Watch, _: &Arc<Cancel>) -> Result<Box<dyn EventSource>> {
        panic!("nobody watches")
    }
}

impl Holding for Handed {
    fn grant(&self, ttl: u64, _: &dyn Server) -> Result<holding::Lease> {
        Ok(holding::Lease { id: 7, ttl })
    }

    fn release(&self, _: holding::Lease, _: Option<&Claim>, _: &dyn Server) -> Result<()> {
        self.0.script.lock().releases.pop_front().unwrap_or(Ok(()))?;
        self.done("release".to_owned());
        Ok(())
    }

    fn claim(&self, _: holding::Lease, key: &Key, _: &str, _: &dyn Server) -> Result<Claim> {
        self.0.script.lock().claims.pop_front().expect("a claim")?;
        self.done("claim".to_owned());
        Ok(Claim { key: key.clone(), name: b"own".to_vec(), created: 5, index: 5 })
    }

    fn check(&self, _: holding::Lease, _: &Claim, _: &dyn Server) -> Result<Option<u64>> {
        self.0.script.lock().checks.pop_front().expect("a check")
    }

    fn join(&self, _: holding::Lease, line: &Key, _: &str, _: &dyn Server) -> Result<Claim> {
        Ok(Claim { key: line.clone(), name: b"own".to_vec(), created: 5, index: 5 })
    }

    fn leave(&self, _: holding::Lease, _: &Key, _: &dyn Server) -> Result<()> {
        panic!("all that join are in the line")
    }

    fn turn(&self, _: &Key, _: &Claim, _: &dyn Server) -> Result<Turn> {
        self.0.script.lock().turns.pop_front().expect("a turn")
    }

    fn leader(&self, _: &Key, _: &dyn Server) -> Result<(Option<Leader>, u64)> {
        panic!("nobody asks who leads")
    }

    fn proclaim(&self, _: holding::Lease, _: &Claim, value: &str, _: &dyn Server) -> Result<String> {
        Ok(value.to_owned())
    }

    fn guarded(&self, _: &Claim, _: &TxnRequest, _: &dyn Server) -> Result<String> {
        Ok("done".to_owned())
    }

    fn keeper(&self, _: &Arc<Transport>, _: &Arc<Cancel>, _: Arc<dyn Answers>) -> Box<dyn Keeper> {
        panic!("there is no transport")
    }

    fn listen(
        &self,
        _: &[u8],
        _: u64,
        _: &Arc<Transport>,
        _: &Arc<Cancel>,
        _: &Weak<dyn Listener>,
    ) -> Result<Option<Box<dyn Ear>>> {
        panic!("there is no transport")
    }
}

impl Fake {
    /// Something has happened to what is listened to; these are the answers of the look that follows.
    fn happens(&self, plan: impl FnOnce(&mut Script)) {
        let mut script = self.script.lock();
        plan(&mut script);
        script.has_news = true;
        let listener = script.listener.take().and_then(|listener| listener.upgrade()).expect("somebody listens");
        drop(script);
        listener.hear();
    }

    /// Waits until this has been done, and forgets all that was.
    #[track_caller]
    fn does(&self, what: &str) {
        let until = Deadline::after(Duration::from_secs(60));
        let mut script = self.script.lock();
        while !script.done.iter().any(|done| done == what) {
            let left = until.left().unwrap_or_else(|| panic!("not {what}: {:?}", script.done));
            script = self.changed.wait_timeout(script, left);
        }
        script.done.clear();
    }
}

/// What is handed lives as long as the first of these.
fn household() -> (Arc<dyn Leasing>, Arc<Household>, Arc<Fake>) {
    let fake = Arc::<Fake>::default();
    let store: Arc<dyn Leasing> = Arc::new(Handed(fake.clone()));
    let household = Household::new(Arc::downgrade(&store), Cancel::new());
    (store, household, fake)
}

fn unreachable<T>() -> Result<T> {
    Err(Error::new(code::ETCD_ERROR_UNAVAILABLE, "nobody answers", ""))
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

const LONG: u64 = 600;

#[test]
fn a_lock_that_waits_looks_until_it_has_an_answer_and_then_listens_to_its_own_key() {
    let (_store, household, fake) = household();
    let before = |name: &[u8], index| Ok(Turn::After { name: name.to_vec(), index });
    fake.script.lock().turns.extend([before(b"a", 6), before(b"a", 7)]);
    let lock = Lock::open(&household, key("/l"), "", LONG, false).unwrap();
    fake.does("listen a 7");
    assert_eq!((lock.wait(Some(Deadline::now())), lock.token()), (Standing::Waiting, None));
    // The stream breaks off, and for a while nobody answers; then another one is before.
    fake.happens(|script| script.turns.extend([unreachable(), unreachable(), before(b"b", 9)]));
    fake.does("listen b 9");
    fake.happens(|script| script.turns.extend([Ok(Turn::First { index: 12 })]));
    fake.does("listen own 12");
    assert_eq!((lock.wait(None), lock.token()), (Standing::Held, Some(5)));
    assert_eq!(lock.txn(&TxnRequest::default()).unwrap(), "done");
    fake.happens(|script| script.turns.extend([unreachable(), Ok(Turn::Gone)]));
    fake.does("release");
    assert_eq!((lock.wait(None), lock.token()), (Standing::Over, None));
    assert_eq!(lock.txn(&TxnRequest::default()).unwrap_err().code, 101);
    assert_eq!(lock.proclaim("x").unwrap_err().code, 101);
}

#[test]
fn a_lock_that_is_only_tried_leaves_its_place_if_another_is_before() {
    let (_store, household, fake) = household();
    fake.script.lock().turns.push_back(Ok(Turn::After { name: b"a".to_vec(), index: 6 }));
    let refused = Lock::open(&household, key("/l"), "", LONG, true).err().unwrap();
    assert_eq!(refused.code, 105);
    fake.does("release");
    fake.script.lock().turns.push_back(unreachable());
    assert_eq!(Lock::open(&household, key("/l"), "", LONG, true).err().unwrap().code, 1002);
    fake.does("release");
}

/// Which is what one deadline is for.
#[test]
fn what_fails_to_open_is_one_call_and_what_it_could_not_give_back_is_given_back_later() {
    let (_store, household, fake) = household();
    let is_one_call = |open: &dyn Fn() -> Option<Error>| {
        fake.script.lock().releases.push_back(unreachable());
        assert_eq!(open().map(|error| error.code), Some(code::ETCD_ERROR_UNAVAILABLE));
        fake.does("release");
        let callers = std::mem::take(&mut fake.script.lock().callers);
        assert!(callers.len() == 2 && callers[0] == thread::current().id() && callers[1] != callers[0], "{callers:?}");
    };
    is_one_call(&|| {
        fake.script.lock().claims.push_back(unreachable());
        Lease::register(&household, key("/s"), "v", LONG).err()
    });
    is_one_call(&|| {
        fake.script.lock().turns.push_back(unreachable());
        Lock::open(&household, key("/l"), "", LONG, true).err()
    });
}

#[test]
fn a_registration_is_looked_after_until_it_is_there_again() {
    let (_store, household, fake) = household();
    fake.script.lock().claims.push_back(Ok(()));
    fake.script.lock().checks.push_back(Ok(Some(6)));
    let here = Lease::register(&household, key("/s"), "v", LONG).unwrap();
    fake.does("listen own 6");
    assert!(here.state().contains(r#""state":"alive""#));
    let taken = || Err(Error { index: 8, ..Error::new(code::ETCD_ERROR_KEY_EXISTS, "taken", "/s") });
    fake.happens(|script| {
        script.checks.extend([unreachable(), Ok(None)]);
        script.claims.extend([unreachable(), taken()]);
    });
    fake.does("listen own 8");
    let state = here.state();
    assert!(state.contains(r#""state":"lost""#) && here.remaining().is_zero(), "{state}");
    fake.happens(|script| {
        script.claims.extend([unreachable(), Ok(())]);
        script.checks.push_back(Ok(Some(10)));
    });
    fake.does("listen own 10");
    let state = here.state();
    assert!(state.contains(r#""state":"alive""#) && state.contains(r#""renewals":1"#), "{state}");
    here.free();
    fake.does("release");
    assert!(here.state().contains(r#""state":"revoked""#));
}

#[test]
fn who_may_look_and_not_listen_looks_ever_more_seldom() {
    let (_store, household, fake) = household();
    let began = Instant::now();
    {
        let mut script = fake.script.lock();
        script.refusals = 4;
        // With the first of them it is opened.
        script.turns.extend((1..=6).map(|index| Ok(Turn::After { name: b"a".to_vec(), index })));
    }
    let lock = Lock::open(&household, key("/l"), "", LONG, false).unwrap();
    fake.does("listen a 6");
    // Half of 50, 100, 200 and 400 ms at the least.
    assert!(began.elapsed() >= Duration::from_millis(375), "{:?}", began.elapsed());
    assert_eq!(lock.wait(Some(Deadline::now())), Standing::Waiting);

    fake.script.lock().refusals = 2;
    fake.script.lock().claims.push_back(Ok(()));
    fake.script.lock().checks.extend([Ok(Some(7)), Ok(Some(8)), Ok(Some(9))]);
    let here = Lease::register(&household, key("/s"), "v", LONG).unwrap();
    fake.does("listen own 9");
    assert!(here.state().contains(r#""state":"alive""#), "{}", here.state());
}

#[test]
fn a_registration_whose_lease_ran_out_does_not_wait_for_what_it_heard_of_its_former_key() {
    let (_store, household, fake) = household();
    fake.script.lock().claims.extend([Ok(()), Ok(()), Ok(()), Ok(())]);
    fake.script.lock().checks.extend([Ok(Some(6)), Ok(Some(7)), Ok(Some(8)), Ok(Some(9))]);
    let began = Instant::now();
    let here = Lease::register(&household, key("/s"), "v", 1).unwrap();
    fake.does("listen own 6");
    fake.does("listen own 7");
    // The ttl, and not the time after which one looks though nothing was heard.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    here.free();
}
