//! A server whose answers are written down, for the tests of this room.

use std::cell::RefCell;
use std::collections::VecDeque;

use crate::base::error::Result;
use crate::grpc::{Call, Reply};
use crate::http::{Request, Response};
use crate::transport::Server;

/// Answers in order; remembers what it was asked, as "GET /v2/keys/a".
pub struct Script {
    answers: RefCell<VecDeque<Result<Response>>>,
    asked: RefCell<Vec<String>>,
}

impl Script {
    pub fn new(answers: impl IntoIterator<Item = Result<Response>>) -> Script {
        Script { answers: RefCell::new(answers.into_iter().collect()), asked: RefCell::default() }
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.take()
    }

    /// The methods of what it was asked.
    pub fn methods(&self) -> String {
        let asked = self.asked();
        Vec::from_iter(asked.iter().filter_map(|request| request.split(' ').next())).join(" ")
    }
}

impl Server for Script {
    fn send(&self, request: &Request) -> Result<Response> {
        self.asked.borrow_mut().push(format!("{} {}", request.method.name(), request.target));
        self.answers.borrow_mut().pop_front().expect("an answer is scripted")
    }

    fn call(&self, call: &Call) -> Result<Reply> {
        panic!("v2 makes no gRPC call: {call:?}")
    }
}
