//! etcd's v2 API: how operations are said on the wire, and how its replies are read.

mod admin;
mod cluster;
mod emulation;
mod reply;
mod request;
mod version;
mod watch;

use std::sync::atomic::{AtomicU8, Ordering};

use crate::admin::Admin;
use crate::api::{Api, Feed, Server};
use crate::error::Result;
use crate::operation::{Content, Operation, Put, Removal, Target, When};

#[derive(Default)]
pub struct V2 {
    /// Whether the server knows `refresh`: not asked yet, yes, or no. No lock: a child forked while another thread
    /// asks would wait for the answer for ever.
    can_refresh: AtomicU8,
}

const YES: u8 = 1;
const NO: u8 = 2;

impl Api for V2 {
    fn run(&self, operation: &Operation, server: &dyn Server) -> Result<String> {
        match operation {
            Operation::Refresh { key, ttl } if !self.can_refresh(server)? => emulation::refresh(key, *ttl, server),
            Operation::Put(Put { key, content: Content::Directory, when: When::Present, .. }) => {
                emulation::refuse_file(key, server)?;
                one_exchange(operation, server)
            }
            Operation::Delete { key, what: Removal::KeyThatMatches(condition) }
                if condition.value().is_some_and(|value| value.len() > emulation::MAX_VALUE_IN_URL) =>
            {
                emulation::compare_and_delete(key, condition, server)
            }
            _ => one_exchange(operation, server),
        }
    }

    fn administer(&self, change: &Admin, server: &dyn Server) -> Result<String> {
        admin::run(change, server)
    }

    fn cluster_id(&self, server: &dyn Server) -> Result<String> {
        cluster::id(server)
    }

    fn feed(&self, target: Target, from: u64, server: &dyn Server) -> Box<dyn Feed> {
        Box::new(watch::feed(target, from, server))
    }
}

impl V2 {
    fn can_refresh(&self, server: &dyn Server) -> Result<bool> {
        match self.can_refresh.load(Ordering::Relaxed) {
            YES => Ok(true),
            NO => Ok(false),
            _ => {
                let can = version::can_refresh(server)?;
                if let Some(can) = can {
                    self.can_refresh.store(if can { YES } else { NO }, Ordering::Relaxed);
                }
                Ok(can.unwrap_or(false))
            }
        }
    }
}

fn one_exchange(operation: &Operation, server: &dyn Server) -> Result<String> {
    let response = server.send(&request::of(operation))?;
    match operation {
        Operation::Machines => cluster::machines(response),
        Operation::Members => cluster::members(response),
        Operation::Leader | Operation::Stats(_) => cluster::object(response),
        Operation::Version => cluster::version(response),
        Operation::Health => cluster::health(response),
        Operation::Raw(raw) => reply::raw(response, raw),
        Operation::Get { .. } => reply::keys(response, true),
        Operation::Put(_) | Operation::Append { .. } | Operation::Refresh { .. } | Operation::Delete { .. } => {
            reply::keys(response, false)
        }
    }
}
