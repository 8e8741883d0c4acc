//! The feed against scripted polls: each reply a server can give, and what the watch makes of it.

use std::collections::VecDeque;

use super::*;
use crate::key::Key;
use crate::response::Headers;

/// Answers in order; remembers what was asked.
#[derive(Default)]
struct Script {
    polls: VecDeque<Answer>,
    reads: VecDeque<Response>,
    asked: Vec<String>,
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
            Answer::Reply(response) => (Some(response.headers.etcd.clone()), Ok(Some(response))),
            Answer::Quiet(index) => (Some(header(index)), Ok(None)),
            Answer::Lost(index) => (index.map(header), Err(lost())),
        };
        let stays = header.as_ref().is_none_or(go_on);
        Polled { header, outcome: if stays { outcome } else { Ok(None) } }
    }

    fn ask_ahead(&mut self, request: &Request) {
        self.asked.push(format!("ahead {}", request.target));
    }
}

fn header(index: u64) -> Header {
    Header { etcd_index: Some(index), ..Header::default() }
}

fn response(status: u16, index: u64, body: &str) -> Response {
    let headers = Headers { etcd: header(index), ..Headers::default() };
    Response { status, headers, body: body.into() }
}

fn event(registered: u64, key: &str, index: u64) -> Answer {
    let body = format!(r#"{{"action":"set","node":{{"key":"{key}","value":"v","modifiedIndex":{index}}}}}"#);
    Answer::Reply(response(200, registered, &body))
}

fn watch(key: &str, recursive: bool, from: u64) -> V2Feed {
    let target = Target { key: Key::parse(key).unwrap(), recursive };
    V2Feed::at(target, Position::from(from))
}

/// What comes out, a word each.
fn run(feed: &mut V2Feed, script: &mut Script) -> Vec<String> {
    let mut out = Vec::new();
    while !script.polls.is_empty() || feed.must_resync {
        out.push(match feed.next(script) {
            Next::Event(text) if text.contains("resync") => text,
            Next::Event(text) => format!("event {}", json::find(&text, "/node/modifiedIndex").unwrap()),
            Next::Nothing => "nothing".into(),
            Next::Trouble(error) => format!("trouble {}", error.code),
            Next::End(error) => format!("end {}", error.code),
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
    let mut script = Script { polls: polls.into(), ..Script::default() };
    let out = run(&mut watch("/a", false, 5), &mut script);
    assert_eq!(out, ["event 5", "event 9", "nothing", "trouble 1002", "trouble 1002", "event 51"]);
    let asked: Vec<_> = script.asked.iter().map(|target| target.rsplit('=').next().unwrap()).collect();
    assert_eq!(asked, ["5", "6", "10", "10", "10", "10"], "silence and cuts prove nothing");
    assert_eq!(script.asked[0], "/v2/keys/a?wait=true&waitIndex=5");
}

#[test]
fn a_gap_before_a_live_event_is_looked_up_in_the_history() {
    let polls = [event(10, "/a", 20), event(20, "/a", 15), event(20, "/a", 20)];
    let mut script = Script { polls: polls.into(), ..Script::default() };
    let out = run(&mut watch("/a", false, 5), &mut script);
    assert_eq!(out, ["nothing", "event 15", "event 20"]);
    assert!(script.asked[1].ends_with("waitIndex=11"), "from where the poll began");
}

#[test]
fn what_is_not_watched_is_dropped_and_passed() {
    let polls = [event(9, "/ab", 5), event(9, "/a/_h", 6), event(9, "/a/x", 7), event(9, "/a/x", 7)];
    let mut script = Script { polls: polls.into(), ..Script::default() };
    let out = run(&mut watch("/a", true, 5), &mut script);
    assert_eq!(out, ["nothing", "nothing", "event 7", "trouble 1006"]);
    assert!(script.asked[2].contains("recursive=true") && script.asked[2].ends_with("waitIndex=7"));
}

#[test]
fn a_cleared_history_becomes_one_resync_with_the_exact_gap() {
    let cleared = r#"{"errorCode":401,"message":"m","cause":"c","index":3000}"#;
    let now = r#"{"action":"get","node":{"key":"/a","value":"now","modifiedIndex":2500}}"#;
    let mut script = Script {
        polls: [Answer::Reply(response(400, 3000, cleared)), event(3005, "/a", 3003)].into(),
        reads: [response(200, 3001, now)].into(),
        ..Script::default()
    };
    let out = run(&mut watch("/a", true, 5), &mut script);
    let resync = r#"{"action":"resync","node":{"key":"/a","value":"now","modifiedIndex":2500},"missed":{"after":4,"before":3002},"header":{"etcdIndex":3001}}"#;
    assert_eq!(out, ["nothing", resync, "event 3003"]);
    assert_eq!(script.asked[1], "GET /v2/keys/a?recursive=true&quorum=true");
    assert!(script.asked[2].ends_with("waitIndex=3002"));
}

#[test]
fn nothing_there_any_more_is_a_state_too() {
    let cleared = r#"{"errorCode":401,"message":"m","cause":"c","index":3000}"#;
    let gone = r#"{"errorCode":100,"message":"Key not found","cause":"/a","index":3001}"#;
    let mut script = Script {
        polls: [Answer::Reply(response(400, 3000, cleared))].into(),
        reads: [response(500, 0, "busy"), response(404, 3001, gone)].into(),
        ..Script::default()
    };
    let out = run(&mut watch("/a", false, 5), &mut script);
    let resync = r#"{"action":"resync","node":null,"missed":{"after":4,"before":3002},"header":{"etcdIndex":3001}}"#;
    assert_eq!(out, ["nothing", "trouble 1005", resync]);
}

#[test]
fn an_index_that_went_backwards_is_a_resync_unless_the_member_only_lags() {
    let now = r#"{"action":"get","node":{"dir":true}}"#;
    let mut lagging = Script {
        polls: [Answer::Quiet(100), Answer::Quiet(90), event(101, "/a", 101)].into(),
        reads: [response(200, 100, now)].into(),
        ..Script::default()
    };
    assert_eq!(run(&mut watch("/a", false, 0), &mut lagging), ["nothing", "nothing", "event 101"]);

    let mut rebuilt = Script {
        polls: [Answer::Quiet(100), Answer::Quiet(3), event(7, "/a", 5)].into(),
        reads: [response(200, 4, now)].into(),
        ..Script::default()
    };
    let out = run(&mut watch("/a", false, 0), &mut rebuilt);
    assert!(out[1].contains(r#""missed":{"after":100,"before":5}"#), "{out:?}");
    assert_eq!(out[2], "event 5");
}

#[test]
fn what_may_mend_is_trouble_and_what_cannot_is_the_end() {
    for (status, body, expected) in [
        (200, "", "trouble 1006"),
        (200, "<html>", "trouble 1006"),
        (200, r#"{"action":"get","node":{}}"#, "trouble 1006"),
        (500, r#"{"errorCode":300,"message":"m","cause":"c","index":0}"#, "trouble 300"),
        (503, "busy", "trouble 1005"),
        (429, "slow down", "trouble 1005"),
        (400, r#"{"errorCode":400,"message":"m","cause":"c","index":0}"#, "trouble 400"),
        (401, r#"{"errorCode":110,"message":"m","cause":"Insufficient credentials","index":0}"#, "end 1008"),
        (404, "404 page not found", "end 1005"),
        (414, "", "end 1005"),
    ] {
        let mut script = Script { polls: [Answer::Reply(response(status, 0, body))].into(), ..Script::default() };
        assert_eq!(run(&mut watch("/a", false, 5), &mut script), [expected], "{status} {body}");
    }
}

#[test]
fn what_follows_a_change_of_the_past_is_asked_for_before_that_is_delivered() {
    let mut feed = watch("/a", false, 5);
    let mut script = Script { polls: [event(9, "/a", 6), event(9, "/a", 10)].into(), ..Script::default() };
    for _ in 0..2 {
        assert!(matches!(feed.next(&mut script), Next::Event(_)));
        feed.ask_ahead(&mut script);
    }
    let poll = |from: u64| format!("/v2/keys/a?wait=true&waitIndex={from}");
    assert_eq!(script.asked, [poll(5), format!("ahead {}", poll(7)), poll(7)], "not after a change that came live");
}

#[test]
fn what_changed_before_any_server_could_say_what_now_is_is_a_gap() {
    struct Dead;
    impl Server for Dead {
        fn send(&self, _: &Request) -> Result<Response> {
            Err(Error::new(1002, "", ""))
        }
    }
    let target = Target { key: Key::parse("/a").unwrap(), recursive: false };
    let mut feed = feed(target.clone(), 0, &Dead);
    let state = r#"{"action":"get","node":{"key":"/a","value":"v","modifiedIndex":3}}"#;
    let mut script = Script { reads: [response(200, 7, state)].into(), ..Script::default() };
    let Next::Event(resync) = feed.next(&mut script) else { panic!("no resync") };
    assert!(resync.contains(r#""missed":{"after":0,"before":8}"#) && resync.contains(r#""value":"v""#), "{resync}");
    script.polls.push_back(event(8, "/a", 8));
    assert!(matches!(feed.next(&mut script), Next::Event(_)));
    assert!(!super::feed(target, 5, &Dead).must_resync, "with an index nobody is asked");
}
