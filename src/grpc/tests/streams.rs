//! Streams: what comes in and goes out, how they end, and that none keeps another waiting.

use std::sync::mpsc::{Receiver, Sender, channel as queue};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::Instant;

use bytes::Bytes;

use super::server::*;
use super::*;
use crate::grpc::message::framed;
use crate::grpc::{Opening, Refused, Status, StreamEnd, StreamHandler, StreamSender, Streams};

const OPENING: Opening<'_> =
    Opening { path: "/a.Service/Stream", credentials: Some("to.ken"), metadata: &[("hasleader", "true")] };

/// Hands on what comes.
struct Relay(Sender<Event>);

#[derive(Debug, PartialEq, Eq)]
enum Event {
    Message(Vec<u8>),
    End(StreamEnd),
}

impl StreamHandler for Relay {
    fn message(&mut self, message: Bytes) {
        let _ = self.0.send(Event::Message(message.to_vec())); // an error: the test has seen enough
    }

    fn end(&mut self, end: StreamEnd) {
        let _ = self.0.send(Event::End(end));
    }
}

fn try_open(streams: &Streams) -> Result<(StreamSender, Receiver<Event>), Failure> {
    let (sender, events) = queue();
    streams.open(OPENING, Box::new(Relay(sender))).map(|stream| (stream, events))
}

fn open(streams: &Streams) -> (StreamSender, Receiver<Event>) {
    try_open(streams).expect("there is room for a stream")
}

fn streams(port: u16, patience: Duration, cancel: &Arc<Cancel>) -> Streams {
    Streams::connect(stream(port), &origin(port), patience, soon(), cancel).expect("it speaks gRPC")
}

fn patient(port: u16) -> Streams {
    streams(port, PATIENCE, &Cancel::new())
}

#[track_caller]
fn next(events: &Receiver<Event>) -> Event {
    events.recv_timeout(PATIENCE).expect("something happens")
}

#[track_caller]
fn failure(events: &Receiver<Event>) -> Failure {
    match next(events) {
        Event::End(StreamEnd::Failure(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

fn message(text: &[u8]) -> Event {
    Event::Message(text.to_vec())
}

/// Reads the head of a stream's request.
fn opened(peer: &mut Peer) -> u32 {
    let head = peer.next().expect("a stream");
    assert_eq!((head.kind, head.flags & END_STREAM), (HEADERS, 0), "{head:?}");
    head.stream
}

#[test]
fn messages_go_both_ways_and_the_status_ends_it() {
    let server = Server::start(|peer| {
        let stream = opened(peer);
        let data = peer.next().unwrap();
        assert_eq!((data.kind, data.stream, &data.payload[..]), (DATA, stream, &framed(b"hello")[..]));
        peer.head(stream);
        for i in 0..1000_u32 {
            peer.data(stream, &framed(&i.to_be_bytes()));
        }
        peer.trailers(stream, &[("grpc-status", "5"), ("grpc-message", "gone")]);
        peer.await_end();
    });
    let streams = patient(server.port);
    let (sender, events) = open(&streams);
    sender.send(b"hello").unwrap();
    for i in 0..1000_u32 {
        assert_eq!(next(&events), message(&i.to_be_bytes()));
    }
    let status = Status { code: 5, message: "gone".to_owned() };
    assert_eq!(next(&events), Event::End(StreamEnd::Status(status)));
    // It was the last one: thread and connection have ended.
    streams.join();
    server.end();
    assert!(!streams.is_usable());
    assert_eq!(sender.send(b"more"), Err(Refused::Ended));
    assert!(matches!(try_open(&streams), Err(Failure::Unreachable(_))));
    assert!(events.recv().is_err(), "the end is the end");
}

#[test]
fn a_stream_is_closed_at_once_and_the_others_go_on() {
    let server = Server::start(|peer| {
        let (first, second) = (opened(peer), opened(peer));
        assert_eq!(peer.reset(first), 8, "CANCEL");
        peer.data(first, b"late");
        peer.head(second);
        peer.data(second, &framed(b"and on"));
        assert_eq!(peer.reset(second), 8);
        peer.await_end();
    });
    let streams = patient(server.port);
    let (first, first_events) = open(&streams);
    let (second, second_events) = open(&streams);
    let closed = Instant::now();
    first.close();
    assert_eq!(next(&first_events), Event::End(StreamEnd::Closed));
    assert!(closed.elapsed() < Duration::from_millis(500), "{:?}", closed.elapsed());
    assert_eq!(first.send(b"more"), Err(Refused::Ended));
    assert_eq!(next(&second_events), message(b"and on"));
    assert!(streams.is_usable());
    drop(second);
    assert_eq!(next(&second_events), Event::End(StreamEnd::Closed));
    streams.join();
    server.end();
}

#[test]
fn a_stream_ends_with_its_failure() {
    type Script = fn(&mut Peer, u32);
    let ended = |script: Script| {
        let server = Server::start(move |peer| {
            let stream = opened(peer);
            script(peer, stream);
        });
        let (_sender, events) = open(&patient(server.port));
        let failure = failure(&events);
        server.end();
        failure
    };
    let unreachable: [Script; 2] = [
        |peer, stream| {
            peer.rst(stream, 7);
            peer.await_end();
        },
        |peer, _| {
            peer.goaway(0, 0);
            peer.await_end();
        },
    ];
    for script in unreachable {
        let failure = ended(script);
        assert!(matches!(failure, Failure::Unreachable(_)), "{failure:?}");
    }
    let no_answer: [Script; 2] = [
        |_, _| {},
        |peer, stream| {
            peer.rst(stream, 2);
            peer.await_end();
        },
    ];
    for script in no_answer {
        let failure = ended(script);
        assert!(matches!(failure, Failure::NoAnswer(_)), "{failure:?}");
    }
    let truncated: [Script; 3] = [
        |peer, stream| peer.head(stream),
        |peer, stream| {
            peer.head(stream);
            peer.rst(stream, 8);
            peer.await_end();
        },
        |peer, stream| {
            peer.head(stream);
            peer.frame(DATA, END_STREAM, stream, b"");
            peer.await_end();
        },
    ];
    for script in truncated {
        let failure = ended(script);
        assert!(matches!(failure, Failure::Truncated(_)), "{failure:?}");
    }
    let malformed: [Script; 3] = [
        |peer, stream| {
            peer.frame(HEADERS, END_HEADERS, stream, &headers(&[(":status", "404")]));
            peer.await_end();
        },
        |peer, stream| {
            peer.head(stream);
            peer.data(stream, &[1, 0, 0, 0, 1, 0]);
            peer.await_end();
        },
        |peer, stream| {
            peer.head(stream);
            peer.frame(PING, 0, stream, b"");
            peer.await_end();
        },
    ];
    for script in malformed {
        let failure = ended(script);
        assert!(matches!(failure, Failure::Malformed(_)), "{failure:?}");
    }
    let too_large = ended(|peer, stream| {
        peer.head(stream);
        peer.data(stream, &[0, 0xff, 0, 0, 0]);
        peer.await_end();
    });
    assert_eq!(too_large, Failure::TooLarge(MAX_MESSAGE));
}

#[test]
fn a_silent_server_is_noticed_and_one_that_answers_is_not() {
    let patience = Duration::from_millis(300);
    let server = Server::start(|peer| {
        opened(peer);
        let ping = peer.next().unwrap();
        assert_eq!((ping.kind, ping.flags), (PING, 0));
        peer.await_end();
    });
    let began = Instant::now();
    let (_sender, events) = open(&streams(server.port, patience, &Cancel::new()));
    let failure = failure(&events);
    assert!(matches!(failure, Failure::Timeout(_)), "{failure:?}");
    assert!(began.elapsed() >= patience && began.elapsed() < 10 * patience, "{:?}", began.elapsed());
    server.end();

    let server = Server::start(move |peer| {
        let stream = opened(peer);
        let ping = peer.next().unwrap();
        assert_eq!(ping.kind, PING);
        peer.frame(PING, ACK, 0, &ping.payload);
        thread::sleep(2 * patience);
        peer.head(stream);
        peer.data(stream, &framed(b"still here"));
        peer.await_end();
    });
    let (sender, events) = open(&streams(server.port, patience, &Cancel::new()));
    assert_eq!(next(&events), message(b"still here"));
    sender.close();
    assert_eq!(next(&events), Event::End(StreamEnd::Closed));
    server.end();
}

#[test]
fn a_cancellation_ends_all_streams_at_once() {
    let server = Server::start(|peer| {
        let stream = opened(peer);
        peer.head(stream);
        peer.data(stream, &framed(b"hello"));
        peer.await_end();
    });
    let cancel = Cancel::new();
    let streams = streams(server.port, PATIENCE, &cancel);
    let (_first, first_events) = open(&streams);
    let (_second, second_events) = open(&streams);
    assert_eq!(next(&first_events), message(b"hello"));
    let cancelled = Instant::now();
    cancel.cancel();
    for events in [first_events, second_events] {
        assert_eq!(failure(&events), Failure::Cancelled { sent: true });
    }
    streams.join();
    assert!(cancelled.elapsed() < Duration::from_millis(500), "{:?}", cancelled.elapsed());
    server.end();
    assert!(matches!(try_open(&streams), Err(Failure::Cancelled { sent: false })));
}

#[test]
fn what_the_server_does_not_take_is_kept_to_a_limit() {
    let (go_on, may_go_on) = queue::<()>();
    let server = Server::start(move |peer| {
        let stream = opened(peer);
        may_go_on.recv().unwrap();
        peer.window_update(0, 64 << 20);
        peer.window_update(stream, 64 << 20);
        let mut received = Vec::new();
        while let Some(frame) = peer.next() {
            if frame.kind == DATA {
                received.extend(frame.payload);
                if received.ends_with(b"the last") {
                    peer.head(stream);
                    peer.data(stream, &framed(b"all of it"));
                }
            }
        }
        received
    });
    let streams = patient(server.port);
    let (sender, events) = open(&streams);
    let text = [7; 1000];
    let mut sent = Vec::new();
    let refused = loop {
        match sender.send(&text) {
            Ok(()) => sent.extend_from_slice(&framed(&text)),
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused, Refused::Full);
    assert!((1 << 20..2 << 20).contains(&sent.len()), "{}", sent.len());
    go_on.send(()).unwrap();
    while sender.send(b"the last") == Err(Refused::Full) {
        thread::yield_now();
    }
    sent.extend_from_slice(&framed(b"the last"));
    assert_eq!(next(&events), message(b"all of it"));
    drop(sender);
    streams.join();
    assert!(server.end() == sent, "in order, and each once");
}

#[test]
fn a_burst_of_small_messages_is_taken() {
    // As many as the first window holds: more would have to wait until it opens.
    let count = (1 << 20) / framed(&[0; 4]).len() as u32;
    let server = Server::start(move |peer| {
        let stream = opened(peer);
        peer.head(stream);
        let frames = (0..count).flat_map(|i| frame(DATA, 0, stream, &framed(&i.to_be_bytes())));
        peer.raw(&Vec::from_iter(frames));
        peer.trailers(stream, &[("grpc-status", "0")]);
        peer.await_end();
    });
    let (_sender, events) = open(&patient(server.port));
    for i in 0..count {
        assert_eq!(next(&events), message(&i.to_be_bytes()));
    }
    assert_eq!(next(&events), Event::End(StreamEnd::Status(Status { code: 0, message: String::new() })));
    server.end();
}

#[test]
fn a_handler_may_send_open_and_close_streams() {
    struct Busy {
        streams: Arc<Streams>,
        own: Arc<OnceLock<StreamSender>>,
        other: Mutex<Option<StreamSender>>,
        events: Sender<Event>,
    }
    impl StreamHandler for Busy {
        fn message(&mut self, _: Bytes) {
            let (other, _) = open(&self.streams);
            other.send(b"from the other").unwrap();
            *self.other.lock().unwrap() = Some(other);
            let own = self.own.get().unwrap();
            own.send(b"from its own").unwrap();
            own.close();
        }

        fn end(&mut self, end: StreamEnd) {
            self.other.lock().unwrap().take();
            self.events.send(Event::End(end)).unwrap();
        }
    }
    let (go_on, may_go_on) = queue::<()>();
    let server = Server::start(move |peer| {
        let stream = opened(peer);
        may_go_on.recv().unwrap();
        peer.head(stream);
        peer.data(stream, &framed(b"go"));
        let other = opened(peer);
        assert_eq!(peer.next().unwrap().payload, framed(b"from the other"));
        assert_eq!(peer.next().unwrap().payload, framed(b"from its own"));
        assert_eq!((peer.reset(stream), peer.reset(other)), (8, 8));
        peer.await_end();
    });
    let streams = Arc::new(patient(server.port));
    let own = Arc::new(OnceLock::new());
    let (events, seen) = queue();
    let busy = Busy { streams: streams.clone(), own: own.clone(), other: Mutex::default(), events };
    assert!(own.set(streams.open(OPENING, Box::new(busy)).unwrap()).is_ok());
    go_on.send(()).unwrap();
    assert_eq!(next(&seen), Event::End(StreamEnd::Closed));
    streams.join();
    server.end();
}

/// Says when it is asked what is due, and wants to be asked again after that time.
struct Ticking(Sender<Instant>, Duration);

impl StreamHandler for Ticking {
    fn message(&mut self, _: Bytes) {}

    fn tick(&mut self, now: Instant) -> Option<Instant> {
        let _ = self.0.send(now); // an error: the test has seen enough
        Some(now + self.1)
    }

    fn end(&mut self, _: StreamEnd) {}
}

#[test]
fn a_handler_is_asked_what_is_due_in_time_and_when_it_is_woken() {
    let server = Server::start(|peer| {
        opened(peer);
        opened(peer);
        peer.await_end();
    });
    let streams = patient(server.port);
    let (pause, hour) = (Duration::from_millis(20), Duration::from_secs(3600));
    let ticking = |pause| {
        let (sender, ticks) = queue();
        (streams.open(OPENING, Box::new(Ticking(sender, pause))).expect("there is room"), ticks)
    };
    let tick = |ticks: &Receiver<Instant>| ticks.recv_timeout(PATIENCE).expect("it is asked");
    let ((closed, often), (woken, seldom)) = (ticking(pause), ticking(hour));
    tick(&seldom);
    let times = Vec::from_iter((0..5).map(|_| tick(&often)));
    assert!(times.windows(2).all(|pair| pair[1] > pair[0]), "{times:?}");
    let pauses = times.windows(2).filter(|pair| pair[1] - pair[0] >= pause).count();
    assert!(pauses >= 2, "once more for what came in when it began: {times:?}");
    while seldom.try_recv().is_ok() {}
    woken.wake();
    tick(&seldom);
    drop((closed, woken));
    streams.join();
    server.end();
}

#[test]
fn streams_beyond_the_servers_limit_are_refused() {
    let (go_on, may_go_on) = queue::<()>();
    let server = Server::start_with(&[(MAX_CONCURRENT_STREAMS, 1)], move |peer| {
        let stream = opened(peer);
        may_go_on.recv().unwrap();
        peer.trailers(stream, &[(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "0")]);
        peer.await_end();
    });
    let streams = patient(server.port);
    let (sender, events) = open(&streams);
    let refused = try_open(&streams).err();
    assert!(matches!(&refused, Some(Failure::Unreachable(cause)) if cause.contains("all 1 streams")), "{refused:?}");
    go_on.send(()).unwrap();
    assert!(matches!(next(&events), Event::End(StreamEnd::Status(_))));
    drop(sender);
    streams.join();
    server.end();
}
