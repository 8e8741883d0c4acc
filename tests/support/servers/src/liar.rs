//! A server that lies: it hands on a real server's answers, and changes some of them, by chance from a seed.

mod dice;
mod frames;
mod pieces;

use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::thread;

use self::dice::Dice;
use self::frames::Frames;
use self::pieces::Pieces;
use crate::fake::{Conn, FakeServer, Pass};

/// Dropping it ends all its connections.
pub struct Liar {
    front: FakeServer,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// The port on loopback of the server behind; 0: there is none yet.
    server: AtomicU16,
    answers: AtomicUsize,
    lies: AtomicUsize,
}

/// What becomes of answers.
trait Tongue: Send {
    /// How many answers of the server are in this piece, and how many lies in what is said for it.
    fn change(&mut self, dice: &mut Dice, piece: &[u8]) -> (Saying, usize, usize);
}

/// What the client gets.
struct Saying {
    bytes: Vec<u8>,
    then: Pass,
    /// In tiny packets.
    dribbled: bool,
}

impl Saying {
    fn of(bytes: Vec<u8>) -> Saying {
        Saying { bytes, then: Pass::On, dribbled: false }
    }
}

impl Liar {
    /// In front of no server yet, so that the server may be told to name this port for its own.
    pub fn new(seed: u64) -> Liar {
        let shared = Arc::<Shared>::default();
        let front = FakeServer::start({
            let shared = shared.clone();
            move |conn| serve(conn, &shared, seed)
        });
        Liar { front, shared }
    }

    pub fn turn_to(&self, server: u16) {
        self.shared.server.store(server, Ordering::SeqCst);
    }

    pub fn url(&self) -> String {
        self.front.url()
    }

    /// How many answers the server gave, and how many lies were told in their place.
    pub fn told(&self) -> (usize, usize) {
        (self.shared.answers.load(Ordering::SeqCst), self.shared.lies.load(Ordering::SeqCst))
    }
}

fn serve(conn: Conn, shared: &Shared, seed: u64) {
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, shared.server.load(Ordering::SeqCst))) else { return };
    let mut dice = Dice::new(seed ^ (conn.number as u64) << 20);
    let mut tongue: Option<Box<dyn Tongue>> = None;
    conn.relay_by(&server, |client, piece| {
        // HTTP/2 begins with a frame, whose first byte is that of a length below 16 MiB.
        let tongue = tongue.get_or_insert_with(|| match piece.starts_with(b"H") {
            true => Box::<Pieces>::default(),
            false => Box::<Frames>::default(),
        });
        let (saying, answers, lies) = tongue.change(&mut dice, piece);
        shared.answers.fetch_add(answers, Ordering::Relaxed);
        shared.lies.fetch_add(lies, Ordering::Relaxed);
        say(client, &saying)
    });
}

fn say(mut client: &TcpStream, saying: &Saying) -> Pass {
    let (slowly, rest) = saying.bytes.split_at(if saying.dribbled { saying.bytes.len().min(100) } else { 0 });
    for byte in slowly.chunks(1) {
        if client.write_all(byte).is_err() {
            return Pass::Close;
        }
        thread::yield_now();
    }
    if client.write_all(rest).is_ok() { saying.then } else { Pass::Close }
}
