//! The futures of the Rust interface, with executors and wakers of all kinds; and what of it a forked child has.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use etcd::codes::{ETCD_ERROR_CANCELLED, ETCD_ERROR_KEY_NOT_FOUND};
use etcd::{ApiVersion, Client, Config, Lease, Lock, Mirror, Txn, Watch, WatchLoop};
use support::child::fork;
use support::etcd::Etcd;
use support::fake::{FakeServer, echo};
use support::{PATIENCE, wait_until};

const HOUR: Duration = Duration::from_secs(3600);

/// Of a fake server, whose `/held` is answered when it is released.
fn client_of(server: &FakeServer) -> Client {
    let config = Config::new().endpoints([server.url()]).api(ApiVersion::V2).request_timeout(HOUR);
    config.set("retry.attempts", "1").connect().unwrap()
}

fn v3() -> Client {
    Config::new().endpoints([Etcd::shared()[0].url()]).api(ApiVersion::V3).connect().unwrap()
}

/// All of an executor that a future needs.
struct Unparker(Thread);

impl Wake for Unparker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unparker(thread::current())));
    let mut future = pin!(future);
    loop {
        match poll(future.as_mut(), &waker) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

/// Counts how often it was woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Count {
    fn is_woken(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

/// A task that is polled by its own waker, and dropped there with all that it holds once it is ready.
struct Inline(Mutex<Option<Task>>, Count);

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Wake for Inline {
    fn wake(self: Arc<Self>) {
        let mut task = self.0.lock().unwrap();
        let is_ready = task.as_mut().is_some_and(|task| poll(task.as_mut(), &self.clone().into()).is_ready());
        if is_ready {
            *task = None;
            self.1.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Inline {
    fn begin(task: impl Future<Output = ()> + Send + 'static) -> Arc<Inline> {
        let inline = Arc::new(Inline(Mutex::new(Some(Box::pin(task))), Count::default()));
        inline.clone().wake();
        assert!(!inline.1.is_woken(), "it waits");
        inline
    }
}

#[test]
fn a_call_begins_when_it_is_polled_and_ends_when_it_is_dropped() {
    let server = FakeServer::start(echo);
    let client = client_of(&server);
    let (said, heard) = channel();
    let mut call = client.future(move |client| {
        said.send(client.get("/held").map_err(|error| error.code).err()).unwrap();
        Ok(())
    });
    assert!(server.requests().is_empty(), "it does nothing unless it is awaited");
    assert!(poll(Pin::new(&mut call), Waker::noop()).is_pending());
    server.wait_for_requests(1);
    drop(call);
    assert_eq!(heard.recv().unwrap(), Some(ETCD_ERROR_CANCELLED));
    assert!(client.get("/a").is_ok(), "its client goes on");
}

#[test]
fn more_calls_than_threads_are_all_made_and_woken() {
    let server = FakeServer::start(echo);
    let client = client_of(&server);
    let mut calls = Vec::from_iter((0..40).map(|n| client.future(move |client| client.get(&format!("/{n}")))));
    let counts = Vec::from_iter(calls.iter().map(|_| Arc::new(Count::default())));
    let mut open = Vec::new();
    for (call, count) in calls.iter_mut().zip(&counts) {
        let waker = Waker::from(count.clone());
        match poll(Pin::new(call), &waker) {
            Poll::Ready(reply) => drop(reply.unwrap()),
            Poll::Pending => open.push((call, count)),
        }
    }
    for (call, count) in open {
        wait_until(PATIENCE, "it is woken", || count.is_woken());
        assert!(matches!(poll(Pin::new(call), Waker::noop()), Poll::Ready(Ok(_))));
    }
}

#[test]
fn the_last_waker_is_woken_and_a_wait_that_is_dropped_takes_nothing() {
    let client = v3();
    let key = "/futures/wakers";
    let mut watch = client.watch(key).unwrap();
    let (first, second) = (Arc::new(Count::default()), Arc::new(Count::default()));
    {
        let mut wait = watch.next_change();
        assert!(poll(Pin::new(&mut wait), &first.clone().into()).is_pending());
        assert!(poll(Pin::new(&mut wait), &second.clone().into()).is_pending());
        client.set(key, "1", None).unwrap();
        wait_until(PATIENCE, "the second is woken", || second.is_woken());
        assert!(!first.is_woken());
    }
    assert_eq!(block_on(watch.next_change()).unwrap().unwrap().value(), Some("1"));
    drop(watch.next_change());
    client.set(key, "2", None).unwrap();
    assert_eq!(watch.next().unwrap().unwrap().value(), Some("2"));
    client.disconnect();
    assert!(block_on(watch.next_change()).is_none());
}

#[test]
fn all_who_wait_for_a_lock_are_woken_with_it_and_with_its_loss() {
    let client = v3();
    let (name, minute) = ("/futures/lock", Duration::from_secs(60));
    let first = client.lock(name, "", minute).unwrap();
    let second = client.lock_open(name, "", minute).unwrap();
    thread::scope(|scope| {
        let waiting = [(); 2].map(|()| scope.spawn(|| block_on(second.held())));
        let mut lost = second.lost();
        assert!(poll(Pin::new(&mut lost), Waker::noop()).is_pending());
        drop(first);
        for thread in waiting {
            thread.join().unwrap().unwrap();
        }
        assert!(poll(Pin::new(&mut lost), Waker::noop()).is_pending());
        let losing = scope.spawn(|| block_on(lost));
        client.delete(&second.state().unwrap().key).unwrap();
        assert_eq!(losing.join().unwrap().code, ETCD_ERROR_KEY_NOT_FOUND);
    });
}

#[test]
fn a_lease_says_that_it_is_lost_or_made_again() {
    let client = v3();
    let key = "/futures/registered";
    let here = client.register(key, "", Duration::from_secs(60)).unwrap();
    client.delete(key).unwrap();
    let renewed = || block_on(here.changed()).unwrap().renewals;
    while renewed() == 0 {}
    assert!(client.exists(key).unwrap());
}

#[test]
fn a_waker_may_poll_and_drop_what_wakes_it() {
    let client = v3();
    // Shorter than the patience: what cannot be given back at once ends by itself.
    let (name, key, ttl) = ("/futures/inline", "/futures/seen", Duration::from_secs(20));
    let first = client.lock(name, "", ttl).unwrap();
    let second = client.lock_open(name, "", ttl).unwrap();
    let registered = client.register("/futures/lost", "", ttl).unwrap();
    let (mut watch, mirror) = (client.watch(key).unwrap(), client.mirror(key).unwrap());
    let tasks = [
        Inline::begin(async move { second.held().await.unwrap() }),
        Inline::begin(async move { drop(registered.changed().await.unwrap()) }),
        Inline::begin(async move { drop(watch.next_change().await.unwrap().unwrap()) }),
        Inline::begin(async move { drop(mirror.next_change().await.unwrap().unwrap()) }),
    ];
    drop(first);
    client.delete("/futures/lost").unwrap();
    client.set(key, "1", None).unwrap();
    for task in tasks {
        wait_until(PATIENCE, "it is dropped", || task.1.is_woken());
    }
    drop(client.lock(name, "", ttl).unwrap()); // nobody else is in line
}

#[test]
fn to_a_forked_child_what_its_parent_has_opened_is_over() {
    let client = v3();
    let minute = Duration::from_secs(60);
    let lock = client.lock("/futures/forked", "", minute).unwrap();
    let lease = client.register("/futures/forked/lease", "", minute).unwrap();
    let (watch, mirror) = (client.watch("/futures/forked/key").unwrap(), client.mirror("/futures/forked/key").unwrap());
    let held = Mutex::new(Some((lock, lease, watch, mirror)));
    fork(|| {
        let (lock, lease, mut watch, mirror) = held.lock().unwrap().take().ok_or("nothing")?;
        let is_over = !lock.is_held()
            && lease.remaining().is_zero()
            && watch.next().is_none()
            && mirror.get("/futures/forked/key").is_err_and(|error| error.code == ETCD_ERROR_CANCELLED);
        drop((lock, lease, watch, mirror));
        client.set("/futures/child", "1", None).map_err(|error| error.to_string())?;
        if is_over { Ok(()) } else { Err("it goes on".to_owned()) }
    })
    .ends_well();
    let held = held.lock().unwrap().take().unwrap();
    assert!(held.0.is_held() && client.exists("/futures/forked/lease").unwrap(), "the child has ended nothing");
}

#[test]
fn all_may_be_sent_to_another_thread_and_shared() {
    fn is_sent<T: Send>(_: fn() -> T) {}
    fn is_shared<T: Send + Sync>() {}
    is_shared::<(Client, Config, etcd::Error, Lease, Lock, Mirror, Txn, Watch, WatchLoop)>();
    is_sent(|| -> etcd::Call<()> { unreachable!() });
    is_sent(|| -> etcd::Wait<'static, ()> { unreachable!() });
}

#[test]
fn a_panic_goes_on_where_the_future_is_polled() {
    let client = client_of(&FakeServer::start(echo));
    let call = client.future(|_| -> etcd::Result<()> { panic!("the closure's") });
    let caught = catch_unwind(AssertUnwindSafe(|| block_on(call)));
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"the closure's"));
}
