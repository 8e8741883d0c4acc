//! Refusals by a server, or by what stands before it, that are a status and nothing else: what is asked again, and what
//! is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::api::Reply;
use support::fake::{Conn, FakeServer};

use crate::servers::client_of;

/// HTTP/2 (RFC 9113): what a client says first, the kinds of frames, and their flags.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Answers each call with a status, in a head that is all there is, and counts them.
struct Refusing {
    server: FakeServer,
    calls: Arc<AtomicUsize>,
}

impl Refusing {
    fn start(status: u8, message: &'static str) -> Refusing {
        let calls = Arc::<AtomicUsize>::default();
        let server = FakeServer::start({
            let calls = calls.clone();
            move |mut conn| _ = refuse(&mut conn, status, message, &calls)
        });
        Refusing { server, calls }
    }

    fn take_calls(&self) -> usize {
        self.calls.swap(0, Ordering::SeqCst)
    }
}

fn refuse(conn: &mut Conn, status: u8, message: &str, calls: &AtomicUsize) -> Option<()> {
    conn.take(PREFACE.len()).filter(|first| first == PREFACE)?;
    conn.say(frame(SETTINGS, 0, &[0; 4], &[]));
    let fields =
        [("content-type", "application/grpc"), ("grpc-status", &status.to_string()), ("grpc-message", message)];
    let mut head = vec![0x88]; // :status 200 (RFC 7541, appendix A)
    for (name, value) in fields {
        // Without an index, its name new, neither of them compressed (section 6.2.2).
        head.push(0);
        for text in [name, value] {
            head.push(u8::try_from(text.len()).expect("a short text"));
            head.extend(text.as_bytes());
        }
    }
    loop {
        let begin = conn.take(9)?;
        let (kind, flags, stream) = (begin[3], begin[4], &begin[5..]);
        let payload = conn.take(usize::from(begin[1]) << 8 | usize::from(begin[2]))?;
        match kind {
            SETTINGS if flags & ACK == 0 => _ = conn.say(frame(SETTINGS, ACK, stream, &[])),
            PING if flags & ACK == 0 => _ = conn.say(frame(PING, ACK, stream, &payload)),
            DATA | HEADERS if flags & END_STREAM != 0 => {
                calls.fetch_add(1, Ordering::SeqCst);
                conn.say(frame(HEADERS, END_HEADERS | END_STREAM, stream, &head));
            }
            _ => {}
        }
    }
}

fn frame(kind: u8, flags: u8, stream: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&[0, length[0], length[1], kind, flags][..], stream, payload].concat()
}

#[test]
fn a_status_alone_tells_what_may_be_asked_again() {
    const ROUNDS: usize = 3;
    for (status, message, (asked, read), (sent, write)) in [
        // A proxy's words, which prove nothing.
        (14, "upstream connect error or disconnect/reset before headers", (ROUNDS, 300), (1, 1004)),
        (14, "", (ROUNDS, 300), (1, 1004)),
        (14, "etcdserver: leader changed", (ROUNDS, 301), (1, 1004)),
        // Found before anything is done.
        (14, "etcdserver: no leader", (ROUNDS, 301), (ROUNDS, 301)),
        (8, "etcdserver: too many requests", (ROUNDS, 300), (ROUNDS, 300)),
        // Nothing mends by asking again.
        (8, "etcdserver: mvcc: database space exceeded", (1, 300), (1, 300)),
        (8, "quota exceeded", (1, 1005), (1, 1005)),
        (8, "grpc: received message larger than max (3 vs. 2)", (1, 1006), (1, 209)),
        // It has been carried out.
        (8, "grpc: trying to send message larger than max (3 vs. 2)", (1, 1006), (1, 1004)),
    ] {
        let refusing = Refusing::start(status, message);
        let pairs =
            [("retry.attempts", &*ROUNDS.to_string()), ("retry.max_delay_ms", "10"), ("timeout.request_ms", "60000")];
        let client = client_of(&[refusing.server.url()], &pairs);
        let reply = client.get("/a", 0).fails(read);
        assert_eq!(refusing.take_calls(), asked, "a read, {status} {message:?}: {reply}");
        let writes: [&dyn Fn() -> Reply; 3] =
            [&|| client.set("/a", "1"), &|| client.update("/a", "1"), &|| client.delete("/a")];
        for call in writes {
            let reply = call().fails(write);
            assert_eq!(refusing.take_calls(), sent, "a write, {status} {message:?}: {reply}");
            assert!(message.is_empty() || reply.raw().contains(message), "the cause is told: {reply}");
        }
    }
}
