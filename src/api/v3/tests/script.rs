//! A server whose answers are written down.

use std::cell::RefCell;
use std::collections::VecDeque;

use prost::Message;

use crate::base::error::Result;
use crate::grpc::{Call, Reply, Status};
use crate::http::{Request, Response};
use crate::messages::ResponseHeader;
use crate::transport::Server;

pub type Answer = Result<Reply>;

/// Gives its answers in turn, and remembers what it was asked.
#[derive(Default)]
pub struct Script {
    answers: RefCell<VecDeque<Answer>>,
    calls: RefCell<Vec<Call>>,
}

impl Script {
    pub fn new(answers: impl IntoIterator<Item = Answer>) -> Script {
        Script { answers: RefCell::new(answers.into_iter().collect()), calls: RefCell::default() }
    }

    pub fn then(&self, answers: impl IntoIterator<Item = Answer>) {
        self.answers.borrow_mut().extend(answers);
    }

    /// The calls since this was asked last, by the method's name.
    pub fn asked(&self) -> Vec<String> {
        let calls = std::mem::take(&mut *self.calls.borrow_mut());
        calls.iter().map(|call| call.path.rsplit('/').next().unwrap_or_default().to_owned()).collect()
    }

    /// The last call as the request it holds.
    #[track_caller]
    pub fn last<R: Message + Default>(&self) -> R {
        let calls = self.calls.borrow();
        R::decode(&calls.last().expect("a call").message[..]).expect("such a request")
    }

    #[track_caller]
    pub fn first<R: Message + Default>(&self) -> R {
        let calls = self.calls.borrow();
        R::decode(&calls.first().expect("a call").message[..]).expect("such a request")
    }

    pub fn tokens(&self) -> Vec<Option<String>> {
        self.calls.borrow().iter().map(|call| call.credentials.as_deref().map(str::to_owned)).collect()
    }

    pub fn secrets(&self) -> Vec<bool> {
        self.calls.borrow().iter().map(|call| call.is_confidential).collect()
    }

    pub fn is_used_up(&self) -> bool {
        self.answers.borrow().is_empty()
    }
}

impl Server for Script {
    fn send(&self, request: &Request) -> Result<Response> {
        panic!("not asked over HTTP/1.1: {request:?}")
    }

    fn call(&self, call: &Call) -> Answer {
        self.calls.borrow_mut().push(call.clone());
        self.answers.borrow_mut().pop_front().unwrap_or_else(|| panic!("no answer left for {}", call.path))
    }
}

pub fn ok(reply: impl Message) -> Answer {
    Ok(Ok(reply.encode_to_vec().into()))
}

pub fn refused(code: u32, message: &str) -> Answer {
    Ok(Err(Status { code, message: message.to_owned() }))
}

pub fn denied() -> Answer {
    refused(7, "etcdserver: permission denied")
}

pub fn header(revision: i64) -> Option<ResponseHeader> {
    Some(ResponseHeader { cluster_id: 0xc, member_id: 0xa, revision, raft_term: 2 })
}
