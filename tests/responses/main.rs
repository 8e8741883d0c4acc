//! What real servers never do, done by a fake one. None of it may crash the library, hang it, feed it
//! without end, make it send a write twice, or be taken for a result.

mod answers;
mod connections;
mod errors;
mod framing;
mod limits;

use support::api::{Client, Reply};
use support::fake::FakeServer;

fn client(server: &FakeServer) -> Client {
    Client::connect("127.0.0.1", server.port())
}

fn get(server: &FakeServer) -> Reply {
    client(server).get("/a", 0)
}

fn set(server: &FakeServer) -> Reply {
    client(server).set("/a", "1")
}

/// The codes of a read and of a write that get `answer`.
fn codes(answer: impl AsRef<[u8]>) -> (i32, i32) {
    let server = FakeServer::answering_once(answer);
    let codes = (get(&server).code(), set(&server).code());
    assert_not_repeated(&server, 1, 1);
    codes
}

/// The default of `retry.attempts`.
const ATTEMPTS: usize = 2;

/// So many writes came, each of them once, and so many reads, each of them as often as a read may.
#[track_caller]
fn assert_not_repeated(server: &FakeServer, reads: usize, writes: usize) {
    let (read, written): (Vec<_>, Vec<_>) = server.lines().into_iter().partition(|line| line.starts_with("GET "));
    assert_eq!(written.len(), writes, "{written:?}");
    assert!((reads..=reads * ATTEMPTS).contains(&read.len()), "{read:?}");
}

/// A result as etcd sends it.
const NODE: &str = r#"{"action":"get","node":{"key":"/a","value":"1","modifiedIndex":4,"createdIndex":4}}"#;
/// Another one, which must not be taken for the first.
const FORGED: &str = r#"{"action":"get","node":{"key":"/a","value":"forged","modifiedIndex":4,"createdIndex":4}}"#;
