//! A watch on a shared stream; the input has what comes in on it, and what a server answers besides.

use std::time::Duration;

use super::hub::Hub;
use super::plan::Plan;
use super::source::Source;
use super::streams::{Sender, Streams};
use super::watched::Watched;
use crate::api::fuzz::Answers;
use crate::api::v3::fuzz::settings;
use crate::api::v3::state::State;
use crate::api::{Look, Next};
use crate::base::error::Result;
use crate::base::fuzz::{Input, check};
use crate::base::locks::{Arc, Mutex};
use crate::grpc::{Opening, StreamEnd, StreamHandler};
use crate::net::{Cancel, Deadline};
use crate::operation::{Key, Keys, Subject, Target, Watch, WatchedRange};

/// The stream that was opened last.
#[derive(Clone, Default)]
struct Opened(Arc<Mutex<Option<Box<dyn StreamHandler>>>>);

struct Out;

impl Streams for Opened {
    fn open(
        &self,
        _: Opening<'_>,
        handler: Box<dyn StreamHandler>,
        _: Option<Deadline>,
        _: &Arc<Cancel>,
    ) -> Result<Box<dyn Sender>> {
        *self.0.lock() = Some(handler);
        Ok(Box::new(Out))
    }

    fn doubt(&self) {}
}

impl Sender for Out {
    fn send(&self, _: &[u8]) -> bool {
        true
    }

    fn wake(&self) {}
}

/// A server that fails is asked again only after a pause, which is the end here.
const QUESTIONS: usize = 8;

pub fn streams(data: &[u8]) {
    let mut input = Input::new(data);
    let client = Arc::new(State::new(settings(input.byte())));
    let (from, variant) = (u64::from(input.byte()), input.byte());
    let is = |bit: u8| variant >> bit & 1 == 1;
    let Ok(key) = Key::parse(["/a", "/a/b", "/", "/a/"][usize::from(variant % 4)]) else { return };
    let subject = match is(2) {
        false => Subject::Path(Target { key, recursive: is(3) }),
        true => Subject::Range(WatchedRange {
            keys: Keys::prefix(b"/a"),
            prev_kv: is(4),
            no_put: is(5),
            no_delete: is(6),
            base64: is(7),
        }),
    };
    let watched: Box<dyn Watched> = match &subject {
        Subject::Path(target) => Box::new(Plan::new(client.clone(), target.clone())),
        Subject::Range(range) => Box::new(range.clone()),
    };
    let server = Answers::new(input);
    let opened = Opened::default();
    let cancel = Cancel::new();
    let stream = Hub::new(Arc::new(opened.clone()), Duration::from_secs(3600)).subscribe(&cancel);
    let watch = Watch { is_late: from == 0 && is(7), ..Watch::of(subject, from, false) };
    follow(Source::begin(client, watched, &watch, Box::new(stream), &server), &server, &opened);
    // It has the way to open another one, which is this.
    let last = opened.0.lock().take();
    drop(last);
}

fn follow(mut source: Source, server: &Answers, opened: &Opened) {
    let mut questions = 0;
    loop {
        let next = match source.look() {
            Look::Found(next) => next,
            Look::Asks if questions < QUESTIONS => {
                questions += 1;
                source.next(server)
            }
            Look::Asks => return,
            Look::Nothing if server.are_over() => return,
            Look::Nothing => {
                come_in(server, opened);
                continue;
            }
        };
        match next {
            Next::Event(text) | Next::Part(text) => check(&Ok(text)),
            Next::Retry(error) | Next::Refused(error) => check(&Err(error)),
            Next::Fatal(error) => return check(&Err(error)),
            Next::Idle => {}
        }
    }
}

/// The stream's next message, or its end.
fn come_in(server: &Answers, opened: &Opened) {
    let reply = server.reply();
    // Not under the lock: what comes in may be answered.
    let Some(mut handler) = opened.0.lock().take() else { return };
    match reply {
        Ok(Ok(message)) => {
            handler.message(message);
            opened.0.lock().get_or_insert(handler);
        }
        Ok(Err(status)) => handler.end(StreamEnd::Status(status)),
        Err(_) => handler.end(StreamEnd::Closed),
    }
}
