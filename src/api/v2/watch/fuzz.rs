//! A watch whose polls are answered by the input.

use super::long_poll::{LongPoll, Polled};
use super::source::LongPollSource;
use crate::api::fuzz::Answers;
use crate::api::v2::header;
use crate::api::v2::root::{Root, Rooted};
use crate::api::{EventSource, Next};
use crate::base::error::{Error, Result};
use crate::base::fuzz::{Input, check};
use crate::base::header::Header;
use crate::config::Config;
use crate::http::{Request, Response};
use crate::operation::{Key, Target, Watch};

struct Polls<'a>(&'a Answers<'a>);

impl LongPoll for Polls<'_> {
    fn send(&mut self, request: &Request) -> Result<Response> {
        self.0.response(request.method.name())
    }

    /// A response; or, where the byte before it says so, silence, or one that breaks off behind its head.
    fn poll(&mut self, request: &Request, go_on: &dyn Fn(&Header) -> bool) -> Polled {
        let way = self.0.0.lock().byte();
        let response = match self.0.response(request.method.name()) {
            Ok(response) => response,
            Err(error) => return Polled { header: None, outcome: Err(error) },
        };
        let header = header::read(&response.headers);
        let outcome = match way {
            b'q' => Ok(None),
            b'l' => Err(Error::bad_response("it breaks off")),
            _ if go_on(&header) => Ok(Some(response)),
            _ => Ok(None),
        };
        Polled { header: Some(header), outcome }
    }

    fn ask_ahead(&mut self, _: Request) {}

    fn change_endpoint(&mut self) {}

    fn endpoints(&self) -> usize {
        2
    }
}

pub fn polls(data: &[u8]) {
    let mut input = Input::new(data);
    let (from, variant) = (u64::from(input.byte()), input.byte());
    let is = |bit: u8| variant >> bit & 1 == 1;
    let root = Root::new(&Config { root: if is(0) { "/app/" } else { "/" }.into(), ..Config::default() });
    let Ok(key) = Key::parse(["/a", "/a/b", "/", "/a/b/c/"][usize::from(variant >> 4 & 3)]) else { return };
    let watch = Watch { target: Target { key, recursive: is(1) }, from, once: is(2), is_late: is(3) };
    let watch = Watch { target: root.target(watch.target), ..watch };
    let answers = Answers::new(input);
    let mut source = Rooted(root, LongPollSource::begin(watch, Polls(&answers), &answers));
    let mut index = 0;
    while !answers.are_over() {
        match EventSource::next(&mut source) {
            Next::Event(text) | Next::Part(text) => {
                check(&Ok(text.clone()));
                let told = crate::base::json::find(&text, "/node/modifiedIndex").and_then(|index| index.parse().ok());
                let is_gap = text.starts_with(r#"{"action":"resync""#);
                assert!(is_gap || told.is_none_or(|told| told > index), "{index} before {text}");
                index = told.filter(|_| !is_gap).unwrap_or_default();
            }
            Next::Retry(error) | Next::Refused(error) => check(&Err(error)),
            Next::Fatal(error) => return check(&Err(error)),
            Next::Idle => {}
        }
    }
}
