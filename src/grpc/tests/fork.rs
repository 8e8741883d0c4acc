//! A forked child has its parent's connections, and the locks around them as they were at that moment.

use std::process::Command;
use std::sync::mpsc::channel as queue;

use bytes::Bytes;

use super::server::Server;
use super::*;
use crate::base::process;
use crate::grpc::{Opening, Refused, StreamEnd, StreamHandler, Streams};

struct Deaf;

impl StreamHandler for Deaf {
    fn message(&mut self, _: Bytes) {}
    fn end(&mut self, _: StreamEnd) {}
}

/// In a process of its own, for the others of this one would be in the child's place, too.
#[test]
fn a_child_touches_nothing_of_its_parents() {
    let this = std::env::current_exe().expect("a test program");
    let test = "grpc::tests::fork::as_a_child";
    let output = Command::new(this).args(["--exact", test, "--ignored", "--nocapture"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "run by a_child_touches_nothing_of_its_parents"]
fn as_a_child() {
    const OPENING: Opening<'_> = Opening { path: "/a.Service/Stream", credentials: None, metadata: &[] };
    let (go_on, may_go_on) = queue::<()>();
    let server = Server::start(|peer| {
        peer.echo();
    });
    let stream_server = Server::start(move |peer| {
        peer.next();
        may_go_on.recv().unwrap();
        // Whatever the child may do: not a byte, and not the end of the connection.
        peer.is_silent()
    });
    let channel = channel(server.port);
    let streams =
        Streams::connect(stream(stream_server.port), &origin(stream_server.port), PATIENCE, soon(), &Cancel::new());
    let streams = streams.unwrap();
    let sender = streams.open(OPENING, Box::new(Deaf)).unwrap();
    assert!(channel.call(&call("/a.Service/Method", b"hello".to_vec()), soon(), &Cancel::new()).is_ok());
    // Another thread of the parent's was at it, and is not there in the child to give the locks back.
    let locks = (channel.lock_for_test(), streams.lock_for_test());
    std::mem::forget(locks);

    process::forked();
    let outcome = channel.call(&call("/a.Service/Method", b"hello".to_vec()), soon(), &Cancel::new());
    assert!(matches!(outcome, Err(Failure::Unreachable(_))), "{outcome:?}");
    assert!(!channel.is_usable() && !streams.is_usable());
    assert!(matches!(streams.open(OPENING, Box::new(Deaf)), Err(Failure::Unreachable(_))));
    assert_eq!(sender.send(b"hello"), Err(Refused::Ended));
    streams.join();
    drop((sender, streams, channel));
    go_on.send(()).unwrap();
    assert!(stream_server.end(), "nothing came");
}
