//! A watch over the v2 API: bounded long polls, each from where the last one ended.
//!
//! Never `stream=true`: with a `waitIndex` in the past a stream delivers one event and falls silent, and a slow
//! reader is unregistered without a word (every server from 2.0 to 3.5; etcd issues 1186, 2854). One poll
//! at a time, with `waitIndex`, loses nothing: what happens between two polls is in the server's history.

mod event;
mod matching;
mod position;

use self::event::Event;
use self::position::Position;
use super::{reply, request};
use crate::api::{Feed, LongPoll, Next, Polled, Server};
use crate::code;
use crate::error::{Error, Result};
use crate::header::Header;
use crate::json;
use crate::operation::{Operation, Target};
use crate::request::{Method, Request};
use crate::response::Response;

pub struct V2Feed {
    target: Target,
    position: Position,
    /// Set while the gap is known, but not yet what lies behind it.
    must_resync: bool,
    /// Set when the last poll met a server that lags.
    met_a_laggard: bool,
    /// Set when the last poll already ended in a resync.
    just_resynced: bool,
    /// Set when the last event was in the server's history before it was asked for: it comes faster than we ask.
    is_behind: bool,
}

/// See `Api::feed`.
pub fn feed(target: Target, from: u64, server: &dyn Server) -> V2Feed {
    let mut feed = V2Feed::at(target, Position::from(from));
    if from == 0 {
        // HEAD: the index without the listing. If no server can say what "now" is, changes may be missed until one can,
        // which is a gap to be told; what else is wrong the first poll finds out.
        let alone = Target { recursive: false, ..feed.target.clone() };
        let head = Request { method: Method::Other("HEAD".into()), ..request::of(&read(&alone)) };
        match server.send(&head) {
            Ok(response) => feed.position.begin_after(&response.headers.etcd),
            Err(_) => feed.must_resync = true,
        }
    }
    feed
}

impl Feed for V2Feed {
    fn next(&mut self, server: &mut dyn LongPoll) -> Next {
        self.is_behind = false;
        if self.must_resync {
            return self.resync(server);
        }
        let (position, just_resynced) = (&self.position, std::mem::take(&mut self.just_resynced));
        let Polled { header, outcome } = server.poll(&self.poll_request(), &|header| !position.contradicts(header));
        if header.as_ref().is_some_and(|header| self.position.contradicts(header)) {
            return self.check_for_another_history(server);
        }
        self.met_a_laggard = false;
        match outcome {
            Ok(Some(response)) if (200..300).contains(&response.status) => self.take(response),
            Ok(Some(response)) => self.refused(response, just_resynced),
            Ok(_) => {
                if let Some(header) = &header {
                    self.position.silent_until(header);
                }
                Next::Nothing
            }
            Err(error) => {
                // What broke off may have been an event: nothing is known but where to begin, if that is new.
                if let (Some(header), None) = (&header, self.position.next()) {
                    self.position.begin_after(header);
                }
                trouble_or_end(error)
            }
        }
    }

    fn ask_ahead(&mut self, server: &mut dyn LongPoll) {
        if self.is_behind {
            server.ask_ahead(&self.poll_request());
        }
    }
}

impl V2Feed {
    fn at(target: Target, position: Position) -> V2Feed {
        V2Feed { target, position, must_resync: false, met_a_laggard: false, just_resynced: false, is_behind: false }
    }

    fn poll_request(&self) -> Request {
        let mut request = Request::get(request::watch_url(&self.target));
        if let Some(next) = self.position.next() {
            request.target += &format!("&waitIndex={next}");
        }
        request
    }

    /// A successful reply: an event, or the empty one of a proxy whose server has died.
    fn take(&mut self, response: Response) -> Next {
        let (header, text) = match reply::success(response, true) {
            Ok(reply) => reply,
            Err(error) => return Next::Trouble(error),
        };
        let Some(event) = Event::read(&text) else {
            return Next::Trouble(Error::bad_response(format!("not an event: {}", reply::excerpt(&text))));
        };
        if !self.position.is_proven(event.index, &header) && !self.follows(&event) {
            // Something may lie between: a member that has caught up by a snapshot goes on with the next live
            // event as if it had skipped none. The history knows; the next poll asks it.
            self.position.nothing_until(&header);
            return Next::Nothing;
        }
        if !self.position.take(event.index, &header) {
            return Next::Trouble(Error::bad_response(format!("an event of the past: {}", reply::excerpt(&text))));
        }
        if !matching::concerns(&self.target, &event) {
            return Next::Nothing;
        }
        self.is_behind = header.etcd_index.is_some_and(|registered| event.index <= registered);
        let mut text = text;
        json::append_member(&mut text, "header", &header.to_json());
        Next::Event(text)
    }

    /// Whether the one key that is watched was, before this event, what it was when it was last looked at.
    fn follows(&self, event: &Event) -> bool {
        let is_the_key = !self.target.recursive && event.key == self.target.key.name();
        is_the_key && event.previous.is_some_and(|previous| self.position.is_behind(previous))
    }

    fn refused(&mut self, response: Response, just_resynced: bool) -> Next {
        let error = reply::error(response, true);
        match error.code {
            code::ETCD_ERROR_EVENT_INDEX_CLEARED if self.position.believe_the_silence() => Next::Nothing,
            code::ETCD_ERROR_EVENT_INDEX_CLEARED => {
                self.must_resync = true;
                // Again already: the store changes faster than we can ask. Pause, or it is a busy loop.
                if just_resynced { Next::Trouble(error) } else { Next::Nothing }
            }
            // The server dropped its watchers, not its history.
            code::ETCD_ERROR_WATCHER_CLEARED => Next::Trouble(error),
            _ => trouble_or_end(error),
        }
    }

    /// The server is behind what we know: it lags, or it has another past. A quorum read tells, for a
    /// lagging server catches up before it answers.
    fn check_for_another_history(&mut self, server: &mut dyn LongPoll) -> Next {
        match self.read_state(server) {
            Ok((header, _)) if !self.position.contradicts(&header) => {
                // Behind a load balancer the next poll may meet it again.
                if std::mem::replace(&mut self.met_a_laggard, true) {
                    return Next::Trouble(Error::new(
                        code::ETCD_ERROR_UNAVAILABLE,
                        "The server lags behind its cluster",
                        "",
                    ));
                }
                Next::Nothing
            }
            Ok((header, node)) => self.resynced(header, &node),
            Err(error) => trouble_or_end(error),
        }
    }

    fn resync(&mut self, server: &mut dyn LongPoll) -> Next {
        match self.read_state(server) {
            Ok((header, node)) => self.resynced(header, &node),
            Err(error) => trouble_or_end(error),
        }
    }

    /// Tells the gap, with what is there now, and goes on behind it.
    fn resynced(&mut self, header: Header, node: &str) -> Next {
        let Some((after, before)) = self.position.jump(&header) else {
            return Next::Trouble(Error::bad_response("a reply of the keys space without X-Etcd-Index"));
        };
        (self.must_resync, self.just_resynced) = (false, true);
        let missed = format!(r#"{{"after":{after},"before":{before}}}"#);
        let header = header.to_json();
        Next::Event(format!(r#"{{"action":"resync","node":{node},"missed":{missed},"header":{header}}}"#))
    }

    /// The watched place as it is now, by a quorum read; "null" if nothing is there.
    fn read_state(&self, server: &mut dyn LongPoll) -> Result<(Header, String)> {
        let response = server.send(&request::of(&read(&self.target)))?;
        let header = response.headers.etcd.clone();
        match reply::success(response, true) {
            Ok((header, text)) => Ok((header, json::find(&text, "/node").unwrap_or("null").to_owned())),
            Err(Error { code: code::ETCD_ERROR_KEY_NOT_FOUND | code::ETCD_ERROR_NOT_DIRECTORY, .. }) => {
                Ok((header, "null".to_owned()))
            }
            Err(error) => Err(error),
        }
    }
}

/// What the server says with a status in the four or three hundreds will not mend by asking again.
fn trouble_or_end(error: Error) -> Next {
    match error.status {
        _ if error.is_lasting => Next::End(error),
        Some(408 | 425 | 429) | Some(..300) | Some(500..) | None => Next::Trouble(error),
        Some(_) => Next::End(error),
    }
}

fn read(target: &Target) -> Operation {
    Operation::Get { key: target.key.clone(), recursive: target.recursive, sorted: false, quorum: true }
}

#[cfg(test)]
mod tests;
