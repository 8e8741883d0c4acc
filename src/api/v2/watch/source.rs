//! What each poll brings, and what the watch makes of it.

use super::cursor::Cursor;
use super::event::Event;
use super::long_poll::{LongPoll, Polled};
use super::matching;
use crate::api::v2::{header, reply, request};
use crate::api::{EventSource, Next};
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::base::header::Header;
use crate::base::json;
use crate::base::node;
use crate::http::{Method, Request, Response};
use crate::operation::{Target, Watch};
use crate::transport::Server;

pub struct LongPollSource<P> {
    target: Target,
    /// Whether the first event is the last.
    once: bool,
    pub(super) polls: P,
    cursor: Cursor,
    state: State,
    /// How many endpoints in a row have refused the watch for good.
    refusals: usize,
}

/// What the last poll has left to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Polling,
    /// There is a gap, and it is not known yet what lies behind it.
    MustResync,
    /// The gap has just been told.
    Resynced,
    /// The last poll met a server that lags.
    Lagging,
}

impl<P: LongPoll> LongPollSource<P> {
    /// `server` is asked what "now" is, where that is wanted.
    pub fn begin(watch: Watch<Target>, polls: P, server: &dyn Server) -> LongPollSource<P> {
        let is_late = watch.is_late;
        let mut source = LongPollSource::at(watch, polls);
        if source.cursor.next().is_some() {
            return source;
        }
        if is_late {
            source.state = State::MustResync;
        } else {
            match source.ask_for_now(server) {
                Some(header) => source.cursor.begin_after(&header),
                // Changes may be missed until a server can say it, which is a gap to be told; what else is wrong the
                // first poll finds out.
                None => source.state = State::MustResync,
            }
        }
        source
    }

    pub(super) fn at(watch: Watch<Target>, polls: P) -> LongPollSource<P> {
        let Watch { target, from, once, .. } = watch;
        LongPollSource { target, once, polls, cursor: Cursor::from(from), state: State::Polling, refusals: 0 }
    }

    #[cfg(test)]
    pub(super) fn must_resync(&self) -> bool {
        self.state == State::MustResync
    }

    /// A header with the index of the store, from a server that knows it.
    fn ask_for_now(&self, server: &dyn Server) -> Option<Header> {
        let get = request::read(&self.target.key, false, false, true);
        // HEAD: the index without the listing. Some proxies have no HEAD.
        let response = match server.send(&Request { method: Method::Head, ..get.clone() }) {
            Ok(response) if matches!(response.status, 405 | 501) => server.send(&get),
            outcome => outcome,
        };
        // An index on any other answer is not the store's: an error's is 0, say. (404: nothing is there yet. 400: nothing can
        // be, for a part of the path holds a value.)
        let response = response.ok().filter(|response| matches!(response.status, 200..300 | 400 | 404))?;
        Some(header::read(&response.headers)).filter(|header| header.etcd_index.is_some_and(|index| index > 0))
    }

    fn poll(&mut self) -> Next {
        if self.state == State::MustResync {
            return self.resync();
        }
        let before = std::mem::replace(&mut self.state, State::Polling);
        let (request, cursor) = (self.poll_request(), &self.cursor);
        let Polled { header, outcome } = self.polls.poll(&request, &|header| !cursor.contradicts(header));
        if header.as_ref().is_some_and(|header| self.cursor.contradicts(header)) {
            return self.check_for_another_history(before);
        }
        match outcome {
            // So etcd ends all polls when it is stopped in good order, and its old proxy when the server behind it dies.
            Ok(Some(response)) if response.status == 200 && response.body.is_empty() => Next::Retry(Error::new(
                code::ETCD_ERROR_UNAVAILABLE,
                "The server ended the watch's request without an event; it is being stopped, perhaps",
                "",
            )),
            Ok(Some(response)) if (200..300).contains(&response.status) => self.take(response),
            Ok(Some(response)) => self.refused(response, before),
            Ok(None) => {
                if let Some(header) = &header {
                    self.cursor.silent_until(header);
                }
                Next::Idle
            }
            Err(error) => {
                // What broke off may have been an event: nothing is known but where to begin, if that is new.
                if let (Some(header), None) = (&header, self.cursor.next()) {
                    self.cursor.begin_after(header);
                }
                retry_or_refused(error)
            }
        }
    }

    fn poll_request(&self) -> Request {
        let mut request = request::get(request::watch_url(&self.target));
        if let Some(next) = self.cursor.next() {
            request.target += &format!("&waitIndex={next}");
        }
        request
    }

    /// A successful reply: an event, or the empty one of a proxy whose server has died.
    fn take(&mut self, response: Response) -> Next {
        let (header, text) = match reply::success(response, true) {
            Ok(reply) => reply,
            Err(error) => return Next::Retry(error),
        };
        let Some(event) = Event::read(&text) else {
            return Next::Retry(Error::bad_response(format!("not an event: {}", reply::excerpt(&text))));
        };
        if !self.cursor.is_proven(event.index, &header) && !self.follows(&event) {
            // Something may lie between: a member that has caught up by a snapshot goes on with the next live
            // event as if it had skipped none. The history knows; the next poll asks it.
            self.cursor.nothing_until(&header);
            return Next::Idle;
        }
        if !self.cursor.take(event.index, &header) {
            return Next::Retry(Error::bad_response(format!("an event of the past: {}", reply::excerpt(&text))));
        }
        if !matching::concerns(&self.target, &event) {
            return Next::Idle;
        }
        // In the server's history before it was asked for: changes come faster than we ask.
        let is_behind = header.etcd_index.is_some_and(|registered| event.index <= registered);
        if is_behind && !self.once {
            self.polls.ask_ahead(self.poll_request());
        }
        let mut text = text;
        json::append_member(&mut text, "header", &header.to_json());
        Next::Event(text)
    }

    /// Whether the one key that is watched was, before this event, what it was when it was last looked at.
    fn follows(&self, event: &Event) -> bool {
        let is_the_key = !self.target.recursive && event.key == self.target.key.name();
        is_the_key && event.previous.is_some_and(|previous| self.cursor.is_behind(previous))
    }

    fn refused(&mut self, response: Response, before: State) -> Next {
        let error = reply::error(response, true);
        match error.code {
            code::ETCD_ERROR_EVENT_INDEX_CLEARED => {
                self.state = State::MustResync;
                // Again already: the store changes faster than we can ask. Pause, or it is a busy loop.
                if before == State::Resynced { Next::Retry(error) } else { Next::Idle }
            }
            // The server dropped its watchers, not its history.
            code::ETCD_ERROR_WATCHER_CLEARED => Next::Retry(error),
            _ => retry_or_refused(error),
        }
    }

    /// The server is behind what we know: it lags, or it has another past. A quorum read tells, for a
    /// lagging server catches up before it answers.
    fn check_for_another_history(&mut self, before: State) -> Next {
        match self.read_state() {
            Ok((header, _)) if !self.cursor.contradicts(&header) => {
                // Behind a load balancer the next poll may meet it again.
                self.state = State::Lagging;
                if before == State::Lagging {
                    return Next::Retry(Error::new(
                        code::ETCD_ERROR_UNAVAILABLE,
                        "The server lags behind its cluster",
                        "",
                    ));
                }
                Next::Idle
            }
            Ok((header, node)) => self.resynced(header, node),
            Err(error) => retry_or_refused(error),
        }
    }

    fn resync(&mut self) -> Next {
        match self.read_state() {
            Ok((header, node)) => self.resynced(header, node),
            Err(error) => retry_or_refused(error),
        }
    }

    /// Tells the gap, with what is there now, and goes on behind it.
    fn resynced(&mut self, header: Header, node: Option<String>) -> Next {
        let Some(node) = node else {
            // As "nothing is there" it would have a program forget all that it has.
            let cause = "a reply of the keys space without a node; a proxy must let etcd's replies pass";
            return Next::Refused(Error::bad_response(cause));
        };
        let Some((after, before)) = self.cursor.jump(&header) else {
            let cause = "a reply of the keys space without X-Etcd-Index; a proxy must let etcd's headers pass";
            return Next::Refused(Error::bad_response(cause));
        };
        self.state = State::Resynced;
        Next::Event(node::resync(&node, (after, before), &header))
    }

    /// The watched place as it is now, by a quorum read; "null" if nothing is there; `None` if the reply does not tell.
    fn read_state(&mut self) -> Result<(Header, Option<String>)> {
        let response = self.polls.send(&request::read(&self.target.key, self.target.recursive, false, true))?;
        let header = header::read(&response.headers);
        match reply::success(response, true) {
            Ok((header, text)) => {
                let node = json::find(&text, "/node").filter(|node| node.starts_with('{'));
                Ok((header, node.map(str::to_owned)))
            }
            Err(Error { code: code::ETCD_ERROR_KEY_NOT_FOUND | code::ETCD_ERROR_NOT_DIRECTORY, .. }) => {
                Ok((header, Some("null".to_owned())))
            }
            Err(error) => Err(error),
        }
    }
}

impl<P: LongPoll + Send> EventSource for LongPollSource<P> {
    fn name(&self) -> String {
        self.target.key.as_str().to_owned()
    }

    fn next(&mut self) -> Next {
        let next = match self.poll() {
            // Another endpoint may do: this one may be a gateway's default page, or started without the v2 API.
            Next::Refused(error) => {
                self.refusals += 1;
                if self.refusals < self.polls.endpoints() { Next::Refused(error) } else { Next::Fatal(error) }
            }
            next => next,
        };
        match next {
            Next::Retry(_) | Next::Refused(_) => self.polls.change_endpoint(),
            Next::Event(_) | Next::Part(_) | Next::Idle => self.refusals = 0,
            Next::Fatal(_) => {}
        }
        next
    }
}

/// What the server says with a status in the four or three hundreds does not mend by asking again; what is no error of
/// etcd's may not be an etcd's.
fn retry_or_refused(error: Error) -> Next {
    match error.status {
        _ if error.is_permanent => Next::Fatal(error),
        Some(408 | 425 | 429) | Some(..300) | Some(500..) | None => Next::Retry(error),
        Some(_) if matches!(error.code, code::ETCD_ERROR_HTTP | code::ETCD_ERROR_UNSUPPORTED) => Next::Refused(error),
        Some(_) => Next::Fatal(error),
    }
}
