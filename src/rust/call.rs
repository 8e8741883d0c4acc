//! Calls as futures.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::client::Client;
use super::config::Config;
use super::error::Result;
use crate::base::error::Error;
use crate::base::locks::Mutex;
use crate::net::{self, Sleeper};

/// Calls that are made on a thread of the library's, as a future; see [`Client::future`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct Call<T> {
    client: Client,
    stage: Stage<T>,
}

enum Stage<T> {
    /// Nobody has polled it yet.
    New(Calls<T>),
    /// It is on its way, with a client that can be ended by itself.
    Begun(Client, Arc<Shared<T>>),
    Over,
}

type Calls<T> = Box<dyn FnOnce(&Client) -> Result<T> + Send>;

/// What the future and the thread share.
struct Shared<T>(Mutex<State<T>>);

struct State<T> {
    outcome: Option<Outcome<T>>,
    sleeper: Option<Arc<Sleeper>>,
}

/// Of a closure that may panic, as of a thread.
type Outcome<T> = std::result::Result<Result<T>, Box<dyn Any + Send>>;

impl<T: Send + 'static> Call<T> {
    fn begin(&self, calls: impl FnOnce(&Client) -> Result<T> + Send + 'static) -> Result<(Client, Arc<Shared<T>>)> {
        let own = self.client.with(&Config::new())?;
        let shared = Arc::new(Shared(Mutex::new(State { outcome: None, sleeper: None })));
        let (client, wanted) = (own.clone(), Arc::downgrade(&shared));
        let work = move || {
            // Else nobody waits for it any more.
            if let Some(shared) = wanted.upgrade() {
                let outcome = catch_unwind(AssertUnwindSafe(|| calls(&client)));
                drop(client);
                shared.finish(outcome);
            }
        };
        net::call(work).map_err(|why| Error::system_limit(format!("no thread for the call: {why}")))?;
        Ok((own, shared))
    }
}

impl<T> Shared<T> {
    fn finish(&self, outcome: Outcome<T>) {
        let sleeper = {
            let mut state = self.0.lock();
            state.outcome = Some(outcome);
            state.sleeper.take()
        };
        // This thread holds no lock, and nothing waits for it.
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }
}

impl<T: Send + 'static> Future for Call<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        if let Stage::New(_) = &self.stage {
            let Stage::New(calls) = std::mem::replace(&mut self.stage, Stage::Over) else { return Poll::Pending };
            match self.begin(calls) {
                Ok((own, shared)) => self.stage = Stage::Begun(own, shared),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        let Stage::Begun(_, shared) = &self.stage else { panic!("a future that was ready is polled again") };
        let mut state = shared.0.lock();
        let Some(outcome) = state.outcome.take() else {
            let former = state.sleeper.replace(Sleeper::new(context.waker()));
            drop(state);
            drop(former); // outside of the lock, for what it holds
            return Poll::Pending;
        };
        drop(state);
        self.stage = Stage::Over;
        Poll::Ready(outcome.unwrap_or_else(|panic| resume_unwind(panic)))
    }
}

impl<T> Unpin for Call<T> {}

impl<T> Drop for Call<T> {
    fn drop(&mut self) {
        if let Stage::Begun(own, _) = &self.stage {
            own.disconnect();
        }
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("client", &self.client).finish_non_exhaustive()
    }
}

/// # Futures
impl Client {
    /// Makes calls on a thread of the library's, as a future, which wants no runtime. They begin when it is polled first.
    /// The closure is handed a client like this one; what it opens with that, as a lock, may outlive the future. Dropping
    /// the future ends the calls, of which a write may have been carried out or not.
    ///
    /// At most 16 such futures of a process are at it at the same time, on threads named `etcd-call`, which end after 5
    /// idle seconds; others wait for their turn. What waits long without calling, a watch or a lock, has a future of its
    /// own that takes no thread: [`Watch::next_change`](crate::Watch::next_change), [`Lock::held`](crate::Lock::held). A
    /// forked child must not poll its parent's futures.
    ///
    /// What it costs: up to 45 µs more than the call itself, which took 55 to 115 µs (a get of a local server, medians), and a
    /// client like one of [`with`](Client::with), less than 1 KB. A panic in the closure is handed on to who polls.
    ///
    /// Errors: those of the calls, 1009 (this client was disconnected), 1011 (no thread).
    ///
    /// ```
    /// # async fn greet(client: &etcd::Client) -> etcd::Result<()> {
    /// let reply = client.future(|client| client.get("/app/greeting")).await?;
    /// println!("{:?}", reply.value());
    /// # Ok(())
    /// # }
    /// ```
    pub fn future<T: Send + 'static>(&self, calls: impl FnOnce(&Client) -> Result<T> + Send + 'static) -> Call<T> {
        Call { client: self.clone(), stage: Stage::New(Box::new(calls)) }
    }
}
