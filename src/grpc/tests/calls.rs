//! What becomes of a call, whatever the server does.

use std::io::Write;
use std::sync::mpsc::channel as queue;
use std::thread;
use std::time::Instant;

use super::server::*;
use super::*;
use crate::grpc::Status;
use crate::grpc::exchange::Outcome;
use crate::grpc::message::framed;
use crate::grpc::probe::PROBE;

const PATH: &str = "/a.Service/Method";

fn ask(channel: &Channel, message: &[u8]) -> Outcome {
    ask_within(channel, message, PATIENCE)
}

fn ask_within(channel: &Channel, message: &[u8], time: Duration) -> Outcome {
    channel.call(&call(PATH, message.to_vec()), Deadline::after(time), &Cancel::new())
}

/// The outcome of one call to a server with that script.
fn outcome(script: impl FnOnce(&mut Peer) + Send + 'static) -> Outcome {
    let server = Server::start(script);
    let outcome = ask(&channel(server.port), b"hello");
    server.end();
    outcome
}

fn is_unreachable(outcome: &Outcome) -> bool {
    matches!(outcome, Err(Failure::Unreachable(_)))
}

fn is_no_answer(outcome: &Outcome) -> bool {
    matches!(outcome, Err(Failure::NoAnswer(_)))
}

fn is_truncated(outcome: &Outcome) -> bool {
    matches!(outcome, Err(Failure::Truncated(_)))
}

fn is_malformed(outcome: &Outcome) -> bool {
    matches!(outcome, Err(Failure::Malformed(_)))
}

fn answered(message: &[u8]) -> Outcome {
    Ok(Ok(message.to_vec().into()))
}

#[test]
fn a_goaway_tells_which_calls_were_not_begun() {
    for code in [0, 2, 11] {
        let before = outcome(move |peer| {
            peer.request();
            peer.goaway(0, code);
            peer.await_end();
        });
        assert!(is_unreachable(&before), "{before:?}");
        let in_the_midst = outcome(move |peer| {
            let (stream, _) = peer.request();
            peer.goaway(stream, code);
            peer.close();
        });
        assert!(is_no_answer(&in_the_midst), "{in_the_midst:?}");
        for step in 0..3 {
            let later = outcome(move |peer| {
                let (stream, _) = peer.request();
                peer.head(stream);
                if step > 0 {
                    peer.data(stream, &framed(b"hel"));
                }
                peer.goaway(stream, code);
                if step > 1 {
                    peer.ok(stream);
                }
                peer.close();
            });
            match step {
                2 => assert_eq!(later, answered(b"hel")),
                _ => assert!(is_truncated(&later), "{later:?}"),
            }
        }
    }
}

#[test]
fn a_server_that_takes_leave_gets_nothing_new() {
    let server = Server::start(|peer| {
        let (stream, _) = peer.request();
        peer.goaway(0x7fff_ffff, 0); // as Go's gRPC does first
        peer.goaway(stream, 0);
        peer.reply(stream, b"bye");
        peer.next()
    });
    let channel = channel(server.port);
    assert!(channel.is_usable());
    assert_eq!(ask(&channel, b"hello"), answered(b"bye"));
    assert!(!channel.is_usable());
    let refused = ask(&channel, b"again");
    assert!(is_unreachable(&refused), "{refused:?}");
    drop(channel);
    assert!(server.end().is_none_or(|frame| frame.kind == GOAWAY), "nothing was sent");
}

#[test]
fn an_end_that_came_unseen_is_found_with_nothing_sent() {
    for takes_leave in [true, false] {
        let (done, is_done) = queue();
        let server = Server::start(move |peer| {
            let (stream, _) = peer.request();
            peer.reply(stream, b"1");
            if takes_leave {
                peer.goaway(stream, 0);
            } else {
                peer.close();
            }
            done.send(()).unwrap();
            peer.next()
        });
        let channel = channel(server.port);
        assert_eq!(ask(&channel, b"hello"), answered(b"1"));
        is_done.recv().unwrap();
        let refused = ask(&channel, b"again");
        assert!(is_unreachable(&refused), "{refused:?}");
        assert!(!channel.is_usable());
        drop(channel);
        assert!(server.end().is_none_or(|frame| frame.kind == GOAWAY), "nothing was sent");
    }
}

#[test]
fn a_server_that_gives_up_at_the_deadline_has_not_answered_in_time() {
    const CANCEL: u32 = 8;
    let (arrived, has_arrived) = queue();
    let (give_up, may_give_up) = queue::<()>();
    let server = Server::start(move |peer| {
        let (stream, _) = peer.request();
        arrived.send(()).unwrap();
        may_give_up.recv().unwrap();
        peer.rst(stream, CANCEL);
        peer.await_end();
    });
    let channel = channel(server.port);
    let deadline = Deadline::after(Duration::from_millis(300));
    thread::scope(|scope| {
        let late = scope.spawn(|| channel.call(&call(PATH, vec![]), deadline, &Cancel::new()));
        has_arrived.recv().unwrap();
        // The thread is kept from its own clock: it sees the reset, and that it is late, at once.
        let kept = channel.lock_for_test();
        give_up.send(()).unwrap();
        thread::sleep(deadline.left().unwrap_or_default() + Duration::from_millis(1));
        drop(kept);
        let late = late.join().unwrap();
        assert!(matches!(late, Err(Failure::Timeout(_))), "{late:?}");
    });
    drop(channel);
    server.end();
}

#[test]
fn a_reset_leaves_the_outcome_open_but_for_a_refusal() {
    const REFUSED_STREAM: u32 = 7;
    let codes = Vec::from_iter((0..=13).chain([99, u32::MAX]));
    let server = Server::start({
        let codes = codes.clone();
        move |peer| {
            for code in codes {
                for step in 0..4 {
                    let (stream, _) = peer.request();
                    if step > 0 {
                        peer.head(stream);
                    }
                    if step > 1 {
                        peer.data(stream, &framed(b"hello"));
                    }
                    if step > 2 {
                        peer.ok(stream);
                    }
                    peer.rst(stream, code);
                }
            }
            peer.echo();
        }
    });
    let channel = channel(server.port);
    for code in codes {
        let outcomes = [(); 4].map(|()| ask(&channel, b"hello"));
        match code {
            REFUSED_STREAM => assert!(outcomes[..3].iter().all(is_unreachable), "{outcomes:?}"),
            _ => {
                assert!(is_no_answer(&outcomes[0]), "{code}: {outcomes:?}");
                assert!(outcomes[1..3].iter().all(is_truncated), "{code}: {outcomes:?}");
            }
        }
        // After the trailers it is no failure.
        assert_eq!(outcomes[3], answered(b"hello"), "{code}");
        assert!(channel.is_usable());
    }
    assert_eq!(ask(&channel, b"and on"), answered(b"and on"));
    drop(channel);
    server.end();
}

#[test]
fn a_message_may_be_cut_anywhere() {
    let whole = framed(b"a message");
    for length in 0..=whole.len() {
        let piece = whole.slice(..length);
        let ended = outcome({
            let piece = piece.clone();
            move |peer| {
                let (stream, _) = peer.request();
                peer.head(stream);
                peer.data(stream, &piece);
                peer.close();
            }
        });
        assert!(is_truncated(&ended), "{length}: {ended:?}");
        let in_due_form = outcome({
            let piece = piece.clone();
            move |peer| {
                let (stream, _) = peer.request();
                peer.head(stream);
                peer.data(stream, &piece);
                peer.ok(stream);
                peer.await_end();
            }
        });
        match length {
            0 => assert!(is_malformed(&in_due_form), "{in_due_form:?}"),
            _ if length == whole.len() => assert_eq!(in_due_form, answered(b"a message")),
            _ => assert!(is_truncated(&in_due_form), "{length}: {in_due_form:?}"),
        }
        let (whole, piece_by_piece) = (whole.clone(), piece);
        let in_pieces = outcome(move |peer| {
            let (stream, _) = peer.request();
            peer.head(stream);
            peer.data(stream, &piece_by_piece);
            peer.data(stream, &whole[length..]);
            peer.ok(stream);
            peer.await_end();
        });
        assert_eq!(in_pieces, answered(b"a message"), "{length}");
    }
}

/// The outcome of a call whose reply has that as its data.
fn outcome_of_data(data: Vec<u8>) -> Outcome {
    outcome(move |peer| {
        let (stream, _) = peer.request();
        peer.head(stream);
        peer.data(stream, &data);
        peer.ok(stream);
        peer.await_end();
    })
}

#[test]
fn data_that_is_no_message_is_refused() {
    let max = (MAX_MESSAGE as u32).to_be_bytes();
    let above = (MAX_MESSAGE as u32 + 1).to_be_bytes();
    let with_length = |length: [u8; 4]| [&[0][..], &length, b"x"].concat();
    assert_eq!(outcome_of_data(with_length(above)), Err(Failure::TooLarge(MAX_MESSAGE)));
    assert_eq!(outcome_of_data(with_length([0xff; 4])), Err(Failure::TooLarge(MAX_MESSAGE)));
    assert!(is_truncated(&outcome_of_data(with_length(max))));
    for data in [
        [&[1][..], &framed(b"compressed")[1..]].concat(),
        [&[2][..], &framed(b"no flag")[1..]].concat(),
        [framed(b"one"), framed(b"two")].concat(),
        [&framed(b"one")[..], b"\x02more"].concat(),
    ] {
        let outcome = outcome_of_data(data.clone());
        assert!(is_malformed(&outcome), "{data:?}: {outcome:?}");
    }
    let rest = outcome_of_data([&framed(b"one")[..], b"\0"].concat());
    assert!(is_truncated(&rest), "{rest:?}");
}

#[test]
fn what_is_not_asked_for_ends_its_call_and_not_the_connection() {
    let server = Server::start(|peer| {
        let (stream, _) = peer.request();
        peer.head(stream);
        peer.data(stream, &[0, 0xff, 0xff, 0xff, 0xff, 1]);
        peer.reset(stream);
        // What was under way already.
        peer.data(stream, &[1; 1000]);
        peer.ok(stream);
        peer.echo();
    });
    let channel = channel(server.port);
    assert_eq!(ask(&channel, b"hello"), Err(Failure::TooLarge(MAX_MESSAGE)));
    assert_eq!(ask(&channel, b"again"), answered(b"again"));
    drop(channel);
    server.end();
}

#[test]
fn a_promise_on_a_call_that_was_given_up_changes_nothing() {
    let server = Server::start(|peer| {
        let (given_up, _) = peer.request();
        peer.reset(given_up);
        // Of stream 2, with no more than "GET http:/" in it. A client that wants no promises never gets any.
        peer.frame(PUSH_PROMISE, END_HEADERS, given_up, &[0, 0, 0, 2, 0x82, 0x86, 0x84]);
        let (next, _) = peer.request();
        peer.reply(next, b"2");
    });
    let channel = channel(server.port);
    let given_up = ask_within(&channel, b"1", Duration::from_millis(50));
    assert!(matches!(given_up, Err(Failure::Timeout(_))), "{given_up:?}");
    assert_eq!(ask(&channel, b"2"), answered(b"2"));
    server.end();
}

#[test]
fn a_reply_without_a_status_breaks_off() {
    for trailers in [None, Some(&[][..]), Some(&[("grpc-message", "what?")][..])] {
        let whole = outcome(move |peer| {
            let (stream, _) = peer.request();
            peer.head(stream);
            match trailers {
                None => peer.frame(DATA, END_STREAM, stream, &framed(b"hello")),
                Some(lines) => {
                    peer.data(stream, &framed(b"hello"));
                    peer.trailers(stream, lines);
                }
            }
            peer.await_end();
        });
        assert!(is_truncated(&whole), "{trailers:?}: {whole:?}");
    }
    let head_alone = outcome(|peer| {
        let (stream, _) = peer.request();
        peer.trailers(stream, &[(":status", "200"), ("content-type", "application/grpc")]);
        peer.await_end();
    });
    assert!(is_truncated(&head_alone), "{head_alone:?}");
}

#[test]
fn a_status_is_an_answer_with_and_without_a_message() {
    const STATUS: [(&str, &str); 2] = [("grpc-status", "9"), ("grpc-message", "not%20now")];
    let expected = Ok(Err(Status { code: 9, message: "not now".to_owned() }));
    let trailers_alone = outcome(|peer| {
        let (stream, _) = peer.request();
        peer.trailers(stream, &[&[(":status", "200"), ("content-type", "application/grpc")][..], &STATUS].concat());
        peer.await_end();
    });
    assert_eq!(trailers_alone, expected);
    for data in [framed(b"hello"), framed(b"hello").slice(..7)] {
        let after_data = outcome(move |peer| {
            let (stream, _) = peer.request();
            peer.head(stream);
            peer.data(stream, &data);
            peer.trailers(stream, &STATUS);
            peer.await_end();
        });
        assert_eq!(after_data, expected);
    }
    let no_number = outcome(|peer| {
        let (stream, _) = peer.request();
        peer.head(stream);
        peer.trailers(stream, &[("grpc-status", "fine")]);
        peer.await_end();
    });
    assert!(is_malformed(&no_number), "{no_number:?}");
}

#[test]
fn what_is_not_grpc_is_shown() {
    let page = |status: &'static str, kind: &'static str, text: String| {
        let outcome = outcome(move |peer| {
            let (stream, _) = peer.request();
            peer.frame(HEADERS, END_HEADERS, stream, &headers(&[(":status", status), ("content-type", kind)]));
            peer.frame(DATA, END_STREAM, stream, text.as_bytes());
            peer.await_end();
        });
        let Err(Failure::Malformed(cause)) = outcome else { panic!("{outcome:?}") };
        cause
    };
    let cause = page("404", "text/plain", "404 page not found".to_owned());
    assert_eq!(cause, r#"the answer is not gRPC's: HTTP status 404, "text/plain": "404 page not found""#);
    let cause = page("200", "text/html", "<p>".repeat(5000));
    assert!(cause.starts_with("the answer is not gRPC's: HTTP status 200") && cause.len() < 400, "{cause}");
    let cause = page("503", "application/grpc", String::new());
    assert_eq!(cause, r#"the answer is not gRPC's: HTTP status 503, "application/grpc""#);
}

#[test]
fn floods_change_nothing() {
    let server = Server::start(|peer| {
        let (stream, _) = peer.request();
        for _ in 0..20_000 {
            peer.frame(PING, 0, 0, b"01234567");
        }
        for _ in 0..5000 {
            peer.settings(&[(INITIAL_WINDOW_SIZE, 65_535)]);
        }
        for _ in 0..5000 {
            peer.frame(0x20, 0, stream, b"of a kind that nobody knows");
        }
        peer.reply(stream, b"calm");
        peer.echo();
    });
    let channel = channel(server.port);
    assert_eq!(ask(&channel, b"hello"), answered(b"calm"));
    assert_eq!(ask(&channel, b"again"), answered(b"again"));
    drop(channel);
    server.end();
}

#[test]
fn a_bandwidth_is_measured_where_there_is_one_and_other_pings_are_answered_with_the_next_call() {
    let probe = &PROBE[9..];
    let server = Server::start(move |peer| {
        for (ping, answers) in
            [(probe, vec![]), (b"01234567", vec![]), (b"", vec![b"01234567"]), (b"", vec![b"01234567"])]
        {
            let (stream, message) = peer.request();
            assert_eq!(peer.answers, answers, "before a message of {} bytes", message.len());
            if !ping.is_empty() {
                peer.frame(PING, 0, 0, ping);
            }
            peer.reply(stream, b"yes");
        }
        peer.echo();
        std::mem::take(&mut peer.answers)
    });
    let channel = channel(server.port);
    for length in [1, 1, 1, 5000] {
        assert_eq!(ask(&channel, &vec![0; length]), answered(b"yes"));
    }
    assert_eq!(ask(&channel, b"and now"), answered(b"and now"));
    drop(channel);
    assert_eq!(server.end(), [b"01234567", probe]);
}

#[test]
fn a_head_without_end_is_cut_off() {
    let began = Instant::now();
    let endless = outcome(|peer| {
        let (stream, _) = peer.request();
        peer.frame(HEADERS, 0, stream, &headers(&[(":status", "200")]));
        for _ in 0..100_000 {
            peer.frame(CONTINUATION, 0, stream, &headers(&[("x", "y")]));
        }
    });
    assert!(is_malformed(&endless), "{endless:?}");
    let large = outcome(|peer| {
        let (stream, _) = peer.request();
        let value = "y".repeat(10_000);
        peer.frame(HEADERS, 0, stream, &headers(&[(":status", "200"), ("content-type", "application/grpc")]));
        for i in 0..10 {
            let flags = if i == 9 { END_HEADERS } else { 0 };
            peer.frame(CONTINUATION, flags, stream, &headers(&[("x", &value)]));
        }
        peer.await_end();
    });
    assert!(is_malformed(&large), "{large:?}");
    assert!(began.elapsed() < PATIENCE, "it does not take until the deadline");
}

#[test]
fn who_breaks_the_rules_of_http2_is_malformed() {
    type Script = fn(&mut Peer, u32);
    let scripts: [(&str, Script); 9] = [
        ("a frame that is too long", |peer, stream| peer.data(stream, &[0; 20_000])),
        ("data before a head", |peer, stream| peer.data(stream, b"x")),
        ("data on no stream", |peer, _| peer.data(0, b"x")),
        ("data on a stream that is not there", |peer, stream| peer.data(stream + 2, b"x")),
        ("a head that cannot be read", |peer, stream| peer.frame(HEADERS, END_HEADERS, stream, &[0xff; 9])),
        ("an even stream", |peer, _| peer.head(2)),
        ("a ping of seven bytes", |peer, _| peer.frame(PING, 0, 0, b"1234567")),
        ("a window that is too large", |peer, _| peer.window_update(0, 0x7fff_ffff)),
        ("more than the window", |peer, stream| {
            peer.head(stream);
            for _ in 0..600 {
                peer.data(stream, &[0; 16_000]);
            }
        }),
    ];
    for (what, script) in scripts {
        let outcome = outcome(move |peer| {
            let (stream, _) = peer.request();
            script(peer, stream);
            peer.await_end();
        });
        let is_fine = is_malformed(&outcome)
            // It ends at its fourth megabyte, before that is too much for the window.
            || what == "more than the window" && outcome == Err(Failure::TooLarge(MAX_MESSAGE));
        assert!(is_fine, "{what}: {outcome:?}");
    }
}

#[test]
fn a_window_of_zero_costs_the_deadline_unless_it_opens() {
    let server = Server::start_with(&[(INITIAL_WINDOW_SIZE, 0)], |peer| {
        let first = peer.next().unwrap();
        assert_eq!((first.kind, peer.reset(first.stream)), (HEADERS, 8));
        let second = peer.next().unwrap();
        for _ in 0..framed(b"hello").len() {
            peer.window_update(second.stream, 1);
        }
        let mut message = Vec::new();
        loop {
            let data = peer.next().unwrap();
            assert_eq!((data.kind, data.stream), (DATA, second.stream));
            message.extend(data.payload);
            if data.flags & END_STREAM != 0 {
                break;
            }
        }
        assert_eq!(message, framed(b"hello"));
        peer.reply(second.stream, b"at last");
        peer.await_end();
    });
    let channel = channel(server.port);
    let late = ask_within(&channel, b"hello", Duration::from_millis(50));
    assert!(matches!(late, Err(Failure::Timeout(_))), "{late:?}");
    assert_eq!(ask(&channel, b"hello"), answered(b"at last"));
    drop(channel);
    server.end();
}

#[test]
fn a_large_message_goes_out_as_the_window_opens() {
    let message = Vec::from_iter((0..300_000_u32).map(|i| (i % 251) as u8));
    let expected = framed(&message);
    let server = Server::start(move |peer| {
        let head = peer.next().unwrap();
        let mut message = Vec::new();
        while message.len() < expected.len() {
            let data = peer.next().unwrap();
            message.extend(&data.payload);
            peer.window_update(0, data.payload.len() as u32);
            if data.flags & END_STREAM == 0 {
                peer.window_update(head.stream, data.payload.len() as u32);
            }
        }
        assert_eq!(message, expected);
        peer.reply(head.stream, b"much");
        peer.await_end();
    });
    let channel = channel(server.port);
    assert_eq!(ask(&channel, &message), answered(b"much"));
    drop(channel);
    server.end();
}

#[test]
fn an_answer_may_come_before_the_request_is_whole() {
    let server = Server::start(|peer| {
        let head = peer.next().unwrap();
        peer.trailers(
            head.stream,
            &[
                (":status", "200"),
                ("content-type", "application/grpc"),
                ("grpc-status", "8"),
                ("grpc-message", "too large"),
            ],
        );
        peer.rst(head.stream, 0);
        // The rest of the request does not come.
        let mut received = 0;
        while let Some(frame) = peer.next() {
            received += frame.payload.len();
        }
        received
    });
    let channel = channel(server.port);
    let outcome = ask(&channel, &vec![0; 3 << 20]);
    assert_eq!(outcome, Ok(Err(Status { code: 8, message: "too large".to_owned() })));
    assert!(channel.is_usable());
    drop(channel);
    assert!(server.end() < 1 << 20);
}

#[test]
fn a_call_given_up_in_the_queue_is_never_sent() {
    for limit in [&[(MAX_CONCURRENT_STREAMS, 0)], &[(MAX_CONCURRENT_STREAMS, 1)]] {
        let has_one = limit[0].1 == 1;
        let (opened, is_opened) = queue();
        let (go_on, may_go_on) = queue::<()>();
        let server = Server::start_with(limit, move |peer| {
            let first = has_one.then(|| peer.request());
            opened.send(()).unwrap();
            may_go_on.recv().unwrap();
            match first {
                Some((stream, message)) => {
                    assert_eq!(message, framed(b"first"));
                    peer.reply(stream, b"1");
                }
                None => peer.settings(&[(MAX_CONCURRENT_STREAMS, 1)]),
            }
            let (stream, message) = peer.request();
            assert_eq!(message, framed(b"patient"));
            peer.reply(stream, b"2");
            peer.await_end();
        });
        let (channel, cancel) = (channel(server.port), Cancel::new());
        thread::scope(|scope| {
            let first = has_one.then(|| scope.spawn(|| ask(&channel, b"first")));
            is_opened.recv().unwrap();
            let late = ask_within(&channel, b"late", Duration::from_millis(50));
            assert!(is_unreachable(&late), "{late:?}");
            let given_up = scope.spawn(|| channel.call(&call(PATH, b"given up".to_vec()), soon(), &cancel));
            let patient = scope.spawn(|| ask(&channel, b"patient"));
            thread::sleep(Duration::from_millis(20)); // best effort: so that both wait
            cancel.cancel();
            assert_eq!(given_up.join().unwrap(), Err(Failure::Cancelled { sent: false }));
            go_on.send(()).unwrap();
            assert_eq!(first.map(|first| first.join().unwrap()), has_one.then(|| answered(b"1")));
            assert_eq!(patient.join().unwrap(), answered(b"2"));
        });
        drop(channel);
        server.end();
    }
}

#[test]
fn a_call_ends_on_time_in_every_state_and_leaves_the_connection() {
    let (told, asked) = queue();
    let server = Server::start(move |peer| {
        for round in 0..6 {
            let (stream, _) = peer.request();
            told.send(()).unwrap();
            if round / 2 > 0 {
                peer.head(stream);
            }
            if round / 2 > 1 {
                peer.data(stream, &framed(b"hello")[..7]);
            }
            assert_eq!(peer.reset(stream), 8, "CANCEL");
            // It comes too late.
            peer.reply(stream, b"late");
        }
        peer.echo();
    });
    let channel = channel(server.port);
    for _ in 0..3 {
        let began = Instant::now();
        let late = ask_within(&channel, b"hello", Duration::from_millis(50));
        assert!(matches!(late, Err(Failure::Timeout(_))), "{late:?}");
        assert!(began.elapsed() >= Duration::from_millis(50) && began.elapsed() < Duration::from_millis(550));
        asked.recv().unwrap();

        let cancel = Cancel::new();
        let elapsed = thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let outcome = channel.call(&call(PATH, b"hello".to_vec()), soon(), &cancel);
                (outcome, Instant::now())
            });
            asked.recv().unwrap();
            thread::sleep(Duration::from_millis(20)); // best effort: so that it waits
            let cancelled = Instant::now();
            cancel.cancel();
            let (outcome, ended) = waiting.join().unwrap();
            assert_eq!(outcome, Err(Failure::Cancelled { sent: true }));
            ended - cancelled
        });
        assert!(elapsed < Duration::from_millis(500), "{elapsed:?}");
    }
    assert_eq!(ask(&channel, b"and on"), answered(b"and on"));
    assert!(channel.is_usable());
    let cancelled = Cancel::new();
    cancelled.cancel();
    let outcome = channel.call(&call(PATH, vec![]), soon(), &cancelled);
    assert_eq!(outcome, Err(Failure::Cancelled { sent: false }));
    drop(channel);
    server.end();
}

#[test]
fn the_one_who_leaves_hands_over_to_those_who_wait() {
    const CALLS: u8 = 4;
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
        let (answer, to_answer) = queue::<u8>();
        let (asked, is_asked) = queue();
        let server = Server::start(move |peer| {
            let mut streams = [0; CALLS as usize];
            for _ in 0..CALLS {
                let (stream, message) = peer.request();
                streams[usize::from(*message.last().unwrap())] = stream;
                asked.send(()).unwrap();
            }
            for call in to_answer {
                peer.reply(streams[usize::from(call)], &[call]);
            }
            peer.await_end();
        });
        let channel = channel(server.port);
        thread::scope(|scope| {
            let mut waiting = Vec::new();
            for call in 0..CALLS {
                let channel = &channel;
                waiting.push(Some(scope.spawn(move || ask(channel, &[call]))));
                is_asked.recv().unwrap();
            }
            for call in order {
                answer.send(call).unwrap();
                assert_eq!(waiting[usize::from(call)].take().unwrap().join().unwrap(), answered(&[call]));
            }
            drop(answer);
        });
        drop(channel);
        server.end();
    }
}

#[test]
fn a_lost_connection_ends_all_calls_on_it() {
    let server = Server::start(|peer| {
        let answered = peer.request().0;
        peer.request();
        peer.head(answered);
        peer.close();
    });
    let channel = channel(server.port);
    let outcomes = thread::scope(|scope| {
        let waiting = [(); 2].map(|()| scope.spawn(|| ask(&channel, b"hello")));
        waiting.map(|call| call.join().unwrap())
    });
    assert!(outcomes.iter().any(is_truncated) && outcomes.iter().any(is_no_answer), "{outcomes:?}");
    server.end();
}

#[test]
fn who_does_not_greet_as_http2_does_is_not_asked_anything() {
    let greeted = |script: fn(TcpStream)| {
        let server = Server::start_bare(script);
        let failure = try_channel(server.port, soon(), &Cancel::new()).err().expect("it is no server of gRPC");
        server.end();
        let Failure::Unreachable(cause) = failure else { panic!("{failure:?}") };
        cause
    };
    use std::net::TcpStream;
    let cause = greeted(|mut stream| stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap());
    assert!(cause.contains("HTTP/1.1 400 Bad Request"), "{cause}");
    let cause = greeted(drop);
    assert!(cause.ends_with("does this port want https?"), "{cause}");
    let cause = greeted(|mut stream| stream.write_all(b"\x15\x03\x01\x00\x02\x02\x16").unwrap());
    assert!(cause.ends_with("does this port want https?"), "{cause}");

    let (go_on, may_go_on) = queue::<()>();
    let silent = Server::start_bare(move |_stream| _ = may_go_on.recv());
    let failure = try_channel(silent.port, Deadline::after(Duration::from_millis(50)), &Cancel::new()).err();
    assert!(
        matches!(&failure, Some(Failure::Unreachable(cause)) if cause.contains("no answer in time")),
        "{failure:?}"
    );
    go_on.send(()).unwrap();
    silent.end();
}

#[test]
fn waiting_for_a_greeting_can_be_cancelled() {
    let (go_on, may_go_on) = queue::<()>();
    let silent = Server::start_bare(move |_stream| _ = may_go_on.recv());
    let cancel = Cancel::new();
    let failure = thread::scope(|scope| {
        let connecting = scope.spawn(|| try_channel(silent.port, soon(), &cancel).err());
        thread::sleep(Duration::from_millis(20)); // best effort: so that it waits
        cancel.cancel();
        connecting.join().unwrap()
    });
    assert_eq!(failure, Some(Failure::Cancelled { sent: false }));
    go_on.send(()).unwrap();
    silent.end();
}
