//! A watch of a range of keys: each message is one event, of whole revisions, in etcd's own words.

use std::collections::{HashMap, VecDeque};

use super::event::End;
use super::watched::Watched;
use crate::api::v3::flat;
use crate::api::v3::session::Session;
use crate::base::error::Result;
use crate::messages::ResponseHeader;
use crate::messages::fields::Fields;
use crate::messages::kv::RangeRequest;
use crate::messages::watch::{Event, FilterType, WatchCreateRequest};
use crate::messages::writer::Writer;
use crate::operation::WatchedRange;

impl WatchedRange {
    fn read(&self) -> RangeRequest {
        let (key, range_end) = (self.keys.key.clone(), self.keys.range_end.clone());
        RangeRequest { key, range_end, ..RangeRequest::default() }
    }
}

impl Watched for WatchedRange {
    fn name(&self) -> String {
        WatchedRange::name(self)
    }

    fn ranges(&self) -> usize {
        1
    }

    fn requests(&self, first: &[i64]) -> Vec<WatchCreateRequest> {
        let RangeRequest { key, range_end, .. } = self.read();
        let filters = [(self.no_put, FilterType::NoPut), (self.no_delete, FilterType::NoDelete)];
        vec![WatchCreateRequest {
            key,
            range_end,
            start_revision: first.first().copied().unwrap_or_default(),
            progress_notify: true,
            filters: filters.into_iter().filter(|(is_set, _)| *is_set).map(|(_, filter)| filter as i32).collect(),
            prev_kv: self.prev_kv,
            fragment: true,
            ..WatchCreateRequest::default()
        }]
    }

    fn split(&mut self) -> bool {
        false
    }

    fn probes(&self) -> Vec<RangeRequest> {
        vec![RangeRequest { limit: 1, keys_only: true, ..self.read() }]
    }

    fn lease_in_question(&self, _: &Event) -> Option<i64> {
        None
    }

    fn tell(&self, events: &[&Event], _: &HashMap<i64, End>, header: &ResponseHeader, out: &mut VecDeque<String>) {
        if events.is_empty() {
            return;
        }
        let mut text = Writer::new(self.base64);
        text.object(|text| {
            write_header(header, text);
            text.name("events");
            text.list(events, |text, event| text.object(|text| event.write(text)));
        });
        out.push_back(text.finish());
    }

    /// The keys that are there, as a list.
    fn state(&self, session: &Session) -> Result<(ResponseHeader, String)> {
        let there = flat::read(session, &self.read())?;
        let mut text = Writer::new(self.base64);
        text.list(&there.kvs, |text, kv| text.object(|text| kv.write(text)));
        Ok((there.header.unwrap_or_default(), text.finish()))
    }

    fn gap(&self, kvs: &str, (after, before): (i64, i64), header: &ResponseHeader) -> String {
        let mut text = Writer::new(self.base64);
        text.object(|text| {
            text.name("type");
            text.text("RESYNC");
            text.name("kvs");
            text.raw(kvs);
            text.name("missed");
            text.object(|text| {
                for (name, revision) in [("after", after), ("before", before)] {
                    text.name(name);
                    text.number(revision);
                }
            });
            write_header(header, text);
        });
        text.finish()
    }
}

fn write_header(header: &ResponseHeader, text: &mut Writer) {
    text.name("header");
    text.object(|text| header.write(text));
}
