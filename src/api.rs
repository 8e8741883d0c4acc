//! What an API version of etcd must be able to do, so that the client need not know which it is.

use crate::admin::Admin;
use crate::error::{Error, Result};
use crate::header::Header;
use crate::operation::{Operation, Target};
use crate::request::Request;
use crate::response::Response;

pub trait Api: Send + Sync {
    /// Carries out an operation with as many exchanges as it takes; the text is the caller's reply.
    fn run(&self, operation: &Operation, server: &dyn Server) -> Result<String>;

    /// Carries out what an administrator wants, likewise.
    fn administer(&self, change: &Admin, server: &dyn Server) -> Result<String>;

    /// Which cluster a server is of, if it answers at all.
    fn cluster_id(&self, server: &dyn Server) -> Result<String>;

    /// Begins a watch: from the change numbered `from` on, or from now on if that is 0. What "now" is,
    /// the server is asked; if it cannot be reached, it is when it first can.
    fn feed(&self, target: Target, from: u64, server: &dyn Server) -> Box<dyn Feed>;
}

/// The way to a server: an API version sends requests through it and knows no socket.
pub trait Server {
    fn send(&self, request: &Request) -> Result<Response>;
}

/// A way to a server that waits with it.
pub trait LongPoll {
    fn send(&mut self, request: &Request) -> Result<Response>;

    /// Sends a request whose response begins at once and is complete only when something happens.
    /// `go_on` is shown the beginning and says whether to wait for the rest.
    fn poll(&mut self, request: &Request, go_on: &dyn Fn(&Header) -> bool) -> Polled;

    /// Sends the request of the next `poll` without waiting for its response.
    fn ask_ahead(&mut self, request: &Request);
}

pub struct Polled {
    /// What the response began with, however it went on.
    pub header: Option<Header>,
    /// The response; `None` if nothing happened in time, or `go_on` would not wait.
    pub outcome: Result<Option<Response>>,
}

/// The changes of one watch, in order.
pub trait Feed: Send {
    fn next(&mut self, server: &mut dyn LongPoll) -> Next;

    /// Asks for what follows the last event, if that is likely to be there already: so it comes while that event is
    /// delivered.
    fn ask_ahead(&mut self, server: &mut dyn LongPoll);
}

#[derive(Debug)]
pub enum Next {
    /// A change, as the caller gets it.
    Event(String),
    /// Nothing; ask again at once.
    Nothing,
    /// Something is wrong that may mend; ask again after a pause.
    Trouble(Error),
    /// Something is wrong for good.
    End(Error),
}
