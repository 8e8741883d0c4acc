//! A fake server, plain or TLS: it runs a script for each connection and remembers what it was sent.
//!
//! A script is a function that gets the connection, on a thread of its own. Dropping the server ends all of them: its
//! sockets are shut down, and scripts that wait go on.

mod conn;
mod relay;
mod tls;

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};

use rustls::ServerConfig;

pub use self::conn::{Conn, Request};
pub use self::relay::Pass;
pub use self::tls::{TLS12, TLS13, Tls};
use crate::PATIENCE;
use crate::port;

pub struct FakeServer {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    requests: Vec<Request>,
    /// How often something was said.
    said: usize,
    connections: Vec<Weak<TcpStream>>,
    /// Connections whose script has ended.
    ended: usize,
    handshakes: usize,
    /// Of these, the ones that went on with an earlier one's keys.
    resumed: usize,
    panicked: bool,
    released: bool,
    stopped: bool,
}

/// A whole response, JSON by its type.
pub fn response(status: u16, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head =
        format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A script: answers each request with its own target, like `/v2/keys/a`; one with `/held` in it when it is released.
pub fn echo(mut conn: Conn) {
    while let Some(request) = conn.request() {
        if request.line().contains("/held") {
            conn.wait_for_release();
        }
        conn.say(echoed(&request));
    }
}

pub fn echoed(request: &Request) -> Vec<u8> {
    let target = request.target();
    response(200, format!(r#"{{"action":"get","node":{{"key":"{target}"}}}}"#))
}

impl FakeServer {
    /// Listens on a port that no other server of this program gets, even when this one has gone.
    pub fn start(script: impl Fn(Conn) + Send + Sync + 'static) -> FakeServer {
        FakeServer::start_on(port::listen(), "http", None, script)
    }

    /// The same under TLS: the script begins when the handshake is done.
    pub fn start_tls(tls: &Tls, script: impl Fn(Conn) + Send + Sync + 'static) -> FakeServer {
        FakeServer::start_on(port::listen(), "https", Some(tls.config()), script)
    }

    /// Decrypts, and hands on to this plain port.
    pub fn terminating(tls: &Tls, port: u16) -> FakeServer {
        FakeServer::start_tls(tls, move |conn| conn.relay(port))
    }

    /// Answers each request with `bytes`, on connections that stay open.
    pub fn answering(bytes: impl AsRef<[u8]>) -> FakeServer {
        FakeServer::answering_on(port::listen(), bytes)
    }

    /// The same at the address of this listener.
    pub fn answering_on(listener: TcpListener, bytes: impl AsRef<[u8]>) -> FakeServer {
        let bytes = bytes.as_ref().to_vec();
        let script = move |mut conn: Conn| while conn.request().is_some() && conn.say(&bytes) {};
        FakeServer::start_on(listener, "http", None, script)
    }

    /// Answers each connection's first request with `bytes`, then closes.
    pub fn answering_once(bytes: impl AsRef<[u8]>) -> FakeServer {
        let bytes = bytes.as_ref().to_vec();
        FakeServer::start(move |mut conn| {
            if conn.request().is_some() {
                conn.say(&bytes);
            }
        })
    }

    /// Takes all that comes and never answers.
    pub fn silent() -> FakeServer {
        FakeServer::start(|mut conn| _ = conn.wait_for_close())
    }

    /// Closes each connection after its first request.
    pub fn closing() -> FakeServer {
        FakeServer::start(|mut conn| drop(conn.request()))
    }

    /// A script at the address of this listener.
    pub fn serving_on(listener: TcpListener, script: impl Fn(Conn) + Send + Sync + 'static) -> FakeServer {
        FakeServer::start_on(listener, "http", None, script)
    }

    fn start_on(
        listener: TcpListener,
        scheme: &'static str,
        tls: Option<Arc<ServerConfig>>,
        script: impl Fn(Conn) + Send + Sync + 'static,
    ) -> FakeServer {
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::<Shared>::default();
        let acceptor = thread::spawn({
            let shared = shared.clone();
            move || accept(&listener, &shared, tls.as_ref(), &Arc::new(script))
        });
        FakeServer { address, scheme, shared, acceptor: Some(acceptor) }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// What came so far, in its order.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().requests.clone()
    }

    /// The first lines of what came so far.
    pub fn lines(&self) -> Vec<String> {
        self.requests().iter().map(Request::line).collect()
    }

    /// How many connections came so far.
    pub fn connections(&self) -> usize {
        self.shared.lock().connections.len()
    }

    /// How many of them completed a TLS handshake.
    pub fn handshakes(&self) -> usize {
        self.shared.lock().handshakes
    }

    /// How many of these went on with an earlier one's keys.
    pub fn resumed(&self) -> usize {
        self.shared.lock().resumed
    }

    #[track_caller]
    pub fn wait_for_requests(&self, count: usize) {
        self.shared.wait(&format!("{count} requests"), |state| state.requests.len() >= count);
    }

    #[track_caller]
    pub fn wait_for_connections(&self, count: usize) {
        self.shared.wait(&format!("{count} connections"), |state| state.connections.len() >= count);
    }

    /// Waits until scripts have said something so many times: the client's kernel has it then.
    #[track_caller]
    pub fn wait_for_answers(&self, count: usize) {
        self.shared.wait(&format!("{count} answers"), |state| state.said >= count);
    }

    /// Waits until no connection is open any more.
    #[track_caller]
    pub fn wait_until_all_closed(&self) {
        self.shared.wait("all connections to end", |state| state.ended == state.connections.len());
    }

    /// Lets every script go on that waits in `Conn::wait_for_release`, now or later.
    pub fn release(&self) {
        self.shared.lock().released = true;
        self.shared.changed.notify_all();
    }

    /// Ends the connections that are open now.
    pub fn cut(&self) {
        for stream in self.shared.lock().connections.iter().filter_map(Weak::upgrade) {
            let _ = stream.shutdown(Shutdown::Both); // an error: the client was faster
        }
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.release();
        // Wakes `accept`, which sees that it is over.
        let woken = TcpStream::connect(self.address);
        self.cut();
        let ended = self.acceptor.take().map(JoinHandle::join);
        if !thread::panicking() {
            assert!(woken.is_ok() && matches!(ended, Some(Ok(()))), "the server ends well");
            self.wait_until_all_closed();
            assert!(!self.shared.lock().panicked, "a script panicked");
        }
    }
}

fn accept(
    listener: &TcpListener,
    shared: &Arc<Shared>,
    tls: Option<&Arc<ServerConfig>>,
    script: &Arc<impl Fn(Conn) + Send + Sync + 'static>,
) {
    loop {
        let (stream, _) = listener.accept().expect("a listener accepts");
        let stream = Arc::new(stream);
        let mut state = shared.lock();
        if state.stopped {
            return;
        }
        let number = state.connections.len();
        state.connections.push(Arc::downgrade(&stream));
        drop(state);
        shared.changed.notify_all();
        let conn = Conn::new(number, stream, tls, shared.clone());
        let script = script.clone();
        // Not joined, for until then it would keep its stack; `Conn` records how it ended.
        thread::spawn(move || conn.shake_hands().map(|conn| script(conn)));
    }
}

impl Shared {
    #[track_caller]
    fn wait(&self, what: &str, happened: impl Fn(&State) -> bool) {
        let waiting = self.changed.wait_timeout_while(self.lock(), PATIENCE, |state| !happened(state));
        let (state, _) = waiting.unwrap_or_else(PoisonError::into_inner);
        assert!(happened(&state), "waited {PATIENCE:?} for {what} in vain");
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}
