//! The event source against scripted polls: each reply a server can give, and what the watch makes of it.

use std::collections::VecDeque;

use super::long_poll::{LongPoll, Polled};
use super::source::LongPollSource;
use crate::api::v2::script;
use crate::api::{EventSource, Next};
use crate::base::error::{Error, Result};
use crate::base::header::Header;
use crate::base::json;
use crate::http::{Headers, Request, Response};
use crate::operation::{Key, Target, Watch};

/// Answers in order; remembers what was asked.
#[derive(Default)]
struct Script {
    polls: VecDeque<Answer>,
    reads: VecDeque<Response>,
    asked: Vec<String>,
    changes: usize,
}

enum Answer {
    Reply(Response),
    Quiet(u64),
    Lost(Option<u64>),
}

impl LongPoll for Script {
    fn send(&mut self, request: &Request) -> Result<Response> {
        self.asked.push(format!("{} {}", request.method.name(), request.target));
        Ok(self.reads.pop_front().expect("a read is scripted"))
    }

    fn poll(&mut self, request: &Request, go_on: &dyn Fn(&Header) -> bool) -> Polled {
        self.asked.push(request.target.clone());
        let lost = || Error::new(1002, "", "");
        let (header, outcome) = match self.polls.pop_front().expect("a poll is scripted") {
            Answer::Reply(response) => (Some(crate::api::v2::header::read(&response.headers)), Ok(Some(response))),
            Answer::Quiet(index) => (Some(header(index)), Ok(None)),
            Answer::Lost(index) => (index.map(header), Err(lost())),
        };
        let stays = header.as_ref().is_none_or(go_on);
        Polled { header, outcome: if stays { outcome } else { Ok(None) } }
    }

    fn ask_ahead(&mut self, request: Request) {
        self.asked.push(format!("ahead {}", request.target));
    }

    fn change_endpoint(&mut self) {
        self.changes += 1;
    }

    fn endpoints(&self) -> usize {
        1
    }
}

fn header(index: u64) -> Header {
    Header { etcd_index: Some(index), ..Header::default() }
}

fn response(status: u16, index: u64, body: &str) -> Response {
    let headers = Headers::new(format!("X-Etcd-Index: {index}\r\n\r\n").as_bytes());
    Response { status, headers, body: body.into() }
}

fn event(registered: u64, key: &str, index: u64) -> Answer {
    let body = format!(r#"{{"action":"set","node":{{"key":"{key}","value":"v","modifiedIndex":{index}}}}}"#);
    Answer::Reply(response(200, registered, &body))
}

fn watch(key: &str, recursive: bool, from: u64) -> Watch<Target> {
    Watch { target: Target { key: Key::parse(key).unwrap(), recursive }, from, once: false, is_late: false }
}

fn source(watch: Watch<Target>, script: Script) -> LongPollSource<Script> {
    LongPollSource::at(watch, script)
}

/// What comes out until the script has been told, a word each.
fn run(source: &mut LongPollSource<Script>) -> Vec<String> {
    let mut out = Vec::new();
    while !source.polls.polls.is_empty() || source.must_resync() {
        out.push(match source.next() {
            Next::Event(text) if text.contains("resync") => text,
            Next::Event(text) | Next::Part(text) => {
                format!("event {}", json::find(&text, "/node/modifiedIndex").unwrap())
            }
            Next::Idle => "idle".into(),
            Next::Retry(error) => format!("retry {}", error.code),
            Next::Refused(error) => format!("refused {}", error.code),
            Next::Fatal(error) => {
                out.push(format!("fatal {}", error.code));
                break;
            }
        });
    }
    out
}

#[test]
fn each_poll_goes_on_where_the_last_one_ended() {
    let polls = [
        event(9, "/a", 5),
        event(9, "/a", 9),
        Answer::Quiet(40),
        Answer::Lost(Some(50)),
        Answer::Lost(None),
        event(50, "/a", 51),
    ];
    let mut source = source(watch("/a", false, 5), Script { polls: polls.into(), ..Script::default() });
    let out = run(&mut source);
    let script = &source.polls;
    assert_eq!(out, ["event 5", "event 9", "idle", "retry 1002", "retry 1002", "event 51"]);
    let polls = script.asked.iter().filter(|asked| !asked.starts_with("ahead "));
    let asked: Vec<_> = polls.map(|target| target.rsplit('=').next().unwrap()).collect();
    assert_eq!(asked, ["5", "6", "10", "10", "10", "10"], "silence and cuts prove nothing");
    assert_eq!(script.asked[0], "/v2/keys/a?wait=true&waitIndex=5");
}

#[test]
fn a_gap_before_a_live_event_is_looked_up_in_the_history() {
    let polls = [event(10, "/a", 20), event(20, "/a", 15), event(20, "/a", 20)];
    let mut source = source(watch("/a", false, 5), Script { polls: polls.into(), ..Script::default() });
    let out = run(&mut source);
    let script = &source.polls;
    assert_eq!(out, ["idle", "event 15", "event 20"]);
    assert!(script.asked[1].ends_with("waitIndex=11"), "from where the poll began");
}

#[test]
fn what_is_not_watched_is_dropped_and_passed() {
    let polls = [event(9, "/ab", 5), event(9, "/a/_h", 6), event(9, "/a/x", 7), event(9, "/a/x", 7)];
    let mut source = source(watch("/a", true, 5), Script { polls: polls.into(), ..Script::default() });
    let out = run(&mut source);
    let script = &source.polls;
    assert_eq!(out, ["idle", "idle", "event 7", "retry 1006"]);
    assert!(script.asked[2].contains("recursive=true") && script.asked[2].ends_with("waitIndex=7"));
}

#[test]
fn a_cleared_history_becomes_one_resync_with_the_exact_gap() {
    let cleared = r#"{"errorCode":401,"message":"m","cause":"c","index":3000}"#;
    let now = r#"{"action":"get","node":{"key":"/a","value":"now","modifiedIndex":2500}}"#;
    let mut source = source(
        watch("/a", true, 5),
        Script {
            polls: [Answer::Reply(response(400, 3000, cleared)), event(3005, "/a", 3003)].into(),
            reads: [response(200, 3001, now)].into(),
            ..Script::default()
        },
    );
    let out = run(&mut source);
    let script = &source.polls;
    let resync = r#"{"action":"resync","node":{"key":"/a","value":"now","modifiedIndex":2500},"missed":{"after":4,"before":3002},"header":{"etcdIndex":3001}}"#;
    assert_eq!(out, ["idle", resync, "event 3003"]);
    assert_eq!(script.asked[1], "GET /v2/keys/a?recursive=true&quorum=true");
    assert!(script.asked[2].ends_with("waitIndex=3002"));
}

#[test]
fn nothing_there_any_more_is_a_state_too() {
    let cleared = r#"{"errorCode":401,"message":"m","cause":"c","index":3000}"#;
    let gone = r#"{"errorCode":100,"message":"Key not found","cause":"/a","index":3001}"#;
    let mut source = source(
        watch("/a", false, 5),
        Script {
            polls: [Answer::Reply(response(400, 3000, cleared))].into(),
            reads: [response(500, 0, "busy"), response(404, 3001, gone)].into(),
            ..Script::default()
        },
    );
    let out = run(&mut source);
    let resync = r#"{"action":"resync","node":null,"missed":{"after":4,"before":3002},"header":{"etcdIndex":3001}}"#;
    assert_eq!(out, ["idle", "retry 1005", resync]);
}

#[test]
fn an_index_that_went_backwards_is_a_resync_unless_the_member_only_lags() {
    let now = r#"{"action":"get","node":{"dir":true}}"#;
    let lagging = Script {
        polls: [Answer::Quiet(100), Answer::Quiet(90), event(101, "/a", 101)].into(),
        reads: [response(200, 100, now)].into(),
        ..Script::default()
    };
    assert_eq!(run(&mut source(watch("/a", false, 0), lagging)), ["idle", "idle", "event 101"]);

    let rebuilt = Script {
        polls: [Answer::Quiet(100), Answer::Quiet(3), event(7, "/a", 5)].into(),
        reads: [response(200, 4, now)].into(),
        ..Script::default()
    };
    let out = run(&mut source(watch("/a", false, 0), rebuilt));
    assert!(out[1].contains(r#""missed":{"after":100,"before":5}"#), "{out:?}");
    assert_eq!(out[2], "event 5");
}

#[test]
fn what_may_mend_is_retried_and_what_cannot_is_fatal() {
    for (status, body, expected) in [
        (200, "", "retry 1002"),
        (200, "<html>", "retry 1006"),
        (200, r#"{"action":"get","node":{"key":"/a","modifiedIndex":9}}"#, "retry 1006"),
        (
            200,
            r#"{"action":"resync","node":{"key":"/a","modifiedIndex":9},"missed":{"after":4,"before":9}}"#,
            "retry 1006",
        ),
        (500, r#"{"errorCode":300,"message":"m","cause":"c","index":0}"#, "retry 300"),
        (503, "busy", "retry 1005"),
        (429, "slow down", "retry 1005"),
        (400, r#"{"errorCode":400,"message":"m","cause":"c","index":0}"#, "retry 400"),
        (401, r#"{"errorCode":110,"message":"m","cause":"Insufficient credentials","index":0}"#, "fatal 1008"),
        (404, "404 page not found", "fatal 1010"),
        (414, "", "fatal 1005"),
    ] {
        let script = Script { polls: [Answer::Reply(response(status, 0, body))].into(), ..Script::default() };
        let mut source = source(watch("/a", false, 5), script);
        assert_eq!(run(&mut source), [expected], "{status} {body}");
        assert_eq!(source.polls.changes, usize::from(expected.starts_with("retry")), "another endpoint is next");
    }
}

#[test]
fn what_follows_a_change_of_the_past_is_asked_for_before_that_is_delivered() {
    let asked = |once: bool| {
        let script = Script { polls: [event(9, "/a", 6), event(9, "/a", 10)].into(), ..Script::default() };
        let mut source = source(Watch { once, ..watch("/a", false, 5) }, script);
        run(&mut source);
        source.polls.asked
    };
    let poll = |from: u64| format!("/v2/keys/a?wait=true&waitIndex={from}");
    assert_eq!(asked(false), [poll(5), format!("ahead {}", poll(7)), poll(7)], "not after a change that came live");
    assert_eq!(asked(true), [poll(5), poll(7)], "nor where one change is all that is wanted");
}

/// What a watch from now on does first, and how it asked what "now" is.
fn begun(answers: Vec<Result<Response>>) -> (String, String) {
    let state = r#"{"action":"get","node":{"key":"/a","value":"v","modifiedIndex":3}}"#;
    let script =
        Script { polls: [event(8, "/a", 8)].into(), reads: [response(200, 7, state)].into(), ..Script::default() };
    let server = script::Script::new(answers);
    let mut source = LongPollSource::begin(watch("/a", false, 0), script, &server);
    (run(&mut source).swap_remove(0), server.methods())
}

#[test]
fn what_changed_before_any_server_could_say_what_now_is_is_a_gap() {
    let without = |status| Response { headers: Headers::default(), ..response(status, 7, "{}") };
    for (answer, name) in [
        (Err(Error::new(1002, "", "")), "no answer"),
        (Ok(response(500, 0, "")), "an error's index"),
        (Ok(response(500, 7, "")), "an index on an error"),
        (Ok(response(503, 7, "")), "a proxy"),
        (Ok(response(401, 7, "")), "no credentials"),
        (Ok(response(200, 0, "")), "no index that can be"),
        (Ok(without(200)), "a proxy that strips headers"),
        (Ok(without(404)), "a default page"),
    ] {
        let (first, _) = begun(vec![answer]);
        assert!(
            first.contains(r#""missed":{"after":0,"before":8}"#) && first.contains(r#""value":"v""#),
            "{name}: {first}"
        );
    }
    for status in [200, 404] {
        assert_eq!(begun(vec![Ok(response(status, 7, ""))]), ("event 8".into(), "HEAD".into()));
    }
    assert_eq!(
        begun(vec![Ok(response(405, 0, "")), Ok(response(200, 7, "{}"))]),
        ("event 8".into(), "HEAD GET".into())
    );
    assert!(begun(vec![Ok(response(405, 0, "")), Ok(response(405, 0, ""))]).0.contains("resync"));
    let asks_nobody = script::Script::new([]);
    LongPollSource::begin(watch("/a", false, 5), Script::default(), &asks_nobody);
}

#[test]
fn a_resync_without_an_index_says_that_a_proxy_takes_it_away() {
    let stripped = Response { headers: Headers::default(), ..response(200, 0, r#"{"action":"get","node":{}}"#) };
    let server = script::Script::new([Err(Error::new(1002, "", ""))]);
    let script = Script { reads: [stripped].into(), ..Script::default() };
    let mut source = LongPollSource::begin(watch("/a", false, 0), script, &server);
    let Next::Fatal(error) = source.next() else { panic!("it would never complete") };
    assert!(error.code == 1006 && error.cause.contains("X-Etcd-Index"), "{error}");
}

#[test]
fn a_reply_without_a_node_is_no_resync_but_an_error() {
    for body in ["{}", r#"{"action":"get"}"#, r#"{"action":"get","node":null}"#, r#"{"action":"get","node":[]}"#] {
        let cleared = r#"{"errorCode":401,"message":"The event in requested index is outdated and cleared"}"#;
        let polls = [Answer::Reply(response(400, 0, cleared))].into();
        let script = Script { polls, reads: [response(200, 9, body)].into(), ..Script::default() };
        assert_eq!(run(&mut source(watch("/a", true, 5), script)), ["idle", "fatal 1006"], "{body}");
    }
}
