//! The API version that the servers have: found out by a client's first call, and never another later.

use std::sync::atomic::{AtomicU8, Ordering};

use super::holding::Holding;
use super::v2::V2;
use super::v3::{self, V3};
use super::{Api, EventSource, Listener, Look, Next};
use crate::base::code;
use crate::base::effect::{Effect, Unanimity, Verdict};
use crate::base::error::{Error, Result};
use crate::base::json;
use crate::base::locks::{Arc, Weak};
use crate::base::log::{self, Level};
use crate::config::Config;
use crate::grpc::Call;
use crate::http::{Request, Response};
use crate::messages::Unary;
use crate::messages::maintenance::StatusRequest;
use crate::net::Cancel;
use crate::operation::{Member, Operation, Watch};
use crate::transport::{Server, Transport};

#[derive(Clone)]
pub struct Auto {
    v2: Arc<V2>,
    v3: Arc<V3>,
    /// No lock: a child forked while another thread asks would wait for the answer without end.
    decided: Arc<AtomicU8>,
}

/// What `decided` holds.
const OPEN: u8 = 0;
const IS_V2: u8 = 2;
const IS_V3: u8 = 3;

impl Auto {
    pub fn new(config: &Config) -> Auto {
        Auto { v2: Arc::new(V2::new(config)), v3: Arc::new(V3::new(config)), decided: Arc::new(AtomicU8::new(OPEN)) }
    }

    fn derived(&self, config: &Config) -> Auto {
        let (v2, v3) = (self.v2.derived(config), self.v3.derived(config));
        Auto { v2: Arc::new(v2), v3: Arc::new(v3), decided: self.decided.clone() }
    }

    fn decide(&self, server: &dyn Server) -> Result<&dyn Api> {
        let mut decided = self.decided.load(Ordering::Acquire);
        if decided == OPEN {
            let (found, why) = find(server)?;
            decided = match self.decided.compare_exchange(OPEN, found, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    log::log(Level::Info, || format!("the API is v{found}: {why}"));
                    found
                }
                // Another call was first.
                Err(earlier) => earlier,
            };
        }
        Ok(if decided == IS_V2 { &*self.v2 } else { &*self.v3 })
    }
}

impl Api for Auto {
    fn name(&self, server: &dyn Server) -> Result<&'static str> {
        self.decide(server)?.name(server)
    }

    /// Of the version alone that the servers have, once that is known: there may be many of them.
    fn derive(&self, config: &Config) -> Box<dyn Api> {
        match self.decided.load(Ordering::Acquire) {
            IS_V2 => self.v2.derive(config),
            IS_V3 => self.v3.derive(config),
            _ => Box::new(self.derived(config)),
        }
    }

    fn run(&self, operation: &Operation, server: &dyn Server) -> Result<String> {
        self.decide(server)?.run(operation, server)
    }

    fn members(&self, server: &dyn Server) -> Result<Vec<Member>> {
        self.decide(server)?.members(server)
    }

    fn cluster_id(&self, server: &dyn Server) -> Result<String> {
        // Of an endpoint that may be none: it does not decide.
        match self.decided.load(Ordering::Acquire) {
            IS_V2 => self.v2.cluster_id(server),
            _ => self.v3.cluster_id(server),
        }
    }

    fn holding(&self, server: &dyn Server) -> Result<&dyn Holding> {
        self.decide(server)?.holding(server)
    }

    fn keeps_leases_of_any_root(&self) -> bool {
        self.decided.load(Ordering::Acquire) == IS_V3
    }

    fn watch(&self, watch: Watch, transport: &Arc<Transport>, cancel: Arc<Cancel>) -> Result<Box<dyn EventSource>> {
        match self.decide(&transport.call()) {
            Ok(api) => api.watch(watch, transport, cancel),
            Err(_) => {
                let (auto, transport) = (self.clone(), transport.clone());
                Ok(Box::new(Undecided { auto, watch, transport, cancel, source: None }))
            }
        }
    }
}

/// A watch that is begun before any server has told which API it has.
struct Undecided {
    auto: Auto,
    watch: Watch,
    transport: Arc<Transport>,
    cancel: Arc<Cancel>,
    source: Option<Box<dyn EventSource>>,
}

impl EventSource for Undecided {
    fn next(&mut self) -> Next {
        if self.source.is_none() {
            match self.auto.decide(&self.transport.call_until(self.cancel.clone())) {
                // What changed since the caller asked is a gap.
                Ok(api) => {
                    let watch = Watch { is_late: true, ..self.watch.clone() };
                    match api.watch(watch, &self.transport, self.cancel.clone()) {
                        Ok(source) => self.source = Some(source),
                        Err(error) => return Next::Fatal(error),
                    }
                }
                Err(error) => return Next::Retry(error),
            }
        }
        self.source.as_mut().map_or(Next::Idle, |source| source.next())
    }

    fn name(&self) -> String {
        self.watch.target.name()
    }

    fn attach(&mut self, listener: &Weak<dyn Listener>) -> bool {
        self.source.as_mut().is_some_and(|source| source.attach(listener))
    }

    fn look(&mut self) -> Look {
        self.source.as_mut().map_or(Look::Asks, |source| source.look())
    }
}

/// The version, and what tells it.
fn find(server: &dyn Server) -> Result<(u8, &'static str)> {
    find_with(server).map_err(|error| match error.code {
        // Whatever hides it, nothing of what was wanted has been sent, and the next call asks again.
        code::ETCD_ERROR_TIMEOUT | code::ETCD_ERROR_BAD_RESPONSE => undecided(error.cause, error.status),
        _ => error,
    })
}

fn find_with(server: &dyn Server) -> Result<(u8, &'static str)> {
    let unanimity = match server.send(&Request { judge: is_version, ..Request::get("/version") }) {
        Ok(response) if is_3_6_or_later(&response, "/etcdcluster") => {
            return Ok((IS_V3, "the cluster's version is 3.6 or later"));
        }
        // In the midst of an upgrade: a new member's 404 proves nothing while an old one, down for a moment, may have v2.
        Ok(response) if is_3_6_or_later(&response, "/etcdserver") => Unanimity::All,
        Ok(_) => Unanimity::Living,
        // Any status is an answer.
        Err(error) if v3::is_grpc_only(&error) => {
            let status = Call::new(StatusRequest::METHOD, Vec::new(), Effect::Read);
            return match server.call(&status) {
                Ok(_) => Ok((IS_V3, "the endpoints speak gRPC alone")),
                Err(_) => Err(error),
            };
        }
        Err(error) => return Err(error),
    };
    // A key that nobody has: its absence is told shortly. (Hidden, should anybody look.)
    let probe = Request { judge: has_v2, unanimity, ..Request::get("/v2/keys/_libetcd") };
    // An endpoint has answered before; so what is lacking is that each does.
    let told = server.send(&probe).map_err(|error| match error.code {
        code::ETCD_ERROR_UNAVAILABLE => undecided(error.cause, error.status),
        _ => error,
    })?;
    match told {
        response if has_v2(&response) == Verdict::Answer => Ok((IS_V2, "an endpoint serves it")),
        response if has_v2(&response) == Verdict::NotCarriedOut => Ok((IS_V3, "no endpoint serves v2")),
        Response { status, .. } => Err(undecided(format!("HTTP status {status}"), Some(status))),
    }
}

fn undecided(cause: String, status: Option<u16>) -> Error {
    let message = "The endpoints do not tell which API they have; nothing was sent; call again, or set `api` to \"v2\" or \
                   \"v3\"";
    Error { status, ..Error::new(code::ETCD_ERROR_UNAVAILABLE, message, cause) }
}

/// Another endpoint may tell it.
fn is_version(response: &Response) -> Verdict {
    if response.status == 200 { Verdict::Answer } else { Verdict::Failed }
}

/// What the v2 API says to any request for a key: JSON with a node or an error, or that credentials are missing. Anything
/// else that says 404 has no such API.
fn has_v2(response: &Response) -> Verdict {
    let body = std::str::from_utf8(&response.body).unwrap_or_default();
    let has = |pointer| json::is_valid(body) && json::find(body, pointer).is_some();
    if has("/node") || has("/errorCode") || (response.status == 401 && has("/message")) {
        Verdict::Answer
    } else if response.status == 404 {
        Verdict::NotCarriedOut
    } else {
        Verdict::Failed
    }
}

/// The cluster's version is that of its oldest member: it does not go back, and a member alone proves nothing.
fn is_3_6_or_later(response: &Response, whose: &str) -> bool {
    let body = std::str::from_utf8(&response.body).unwrap_or_default();
    let version = json::find(body, whose).and_then(json::unquote).unwrap_or_default();
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) >= (3, 6),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::grpc::Reply;
    use crate::http::Headers;

    /// Answers `GET /version`, then the probe; or speaks gRPC alone.
    struct Says(RefCell<Vec<(u16, &'static str)>>, bool);

    impl Server for Says {
        fn send(&self, _: &Request) -> Result<Response> {
            let mut answers = self.0.borrow_mut();
            if answers.is_empty() {
                return Err(Error::bad_response("the reply is not HTTP"));
            }
            let (status, body) = answers.remove(0);
            Ok(Response { status, headers: Headers::default(), body: body.into() })
        }

        fn call(&self, _: &Call) -> Result<Reply> {
            if self.1 { Ok(Ok(bytes::Bytes::new())) } else { Err(Error::bad_response("the reply is not HTTP/2")) }
        }
    }

    #[test]
    fn the_clusters_version_or_what_is_served_decides() {
        let v = |cluster: &'static str| (200, cluster);
        let (old, new) = (v(r#"{"etcdserver":"3.6.1","etcdcluster":"3.5.0"}"#), v(r#"{"etcdcluster":"3.6.0"}"#));
        let none = (404, "404 page not found\n");
        for (answers, decided) in [
            (vec![new], IS_V3),
            (vec![v(r#"{"etcdserver":"4.0.0","etcdcluster":"4.0.0"}"#)], IS_V3),
            (vec![old, (404, r#"{"errorCode":100,"message":"Key not found"}"#)], IS_V2),
            (vec![old, (200, r#"{"action":"get","node":{}}"#)], IS_V2),
            (vec![old, (401, r#"{"errorCode":110,"message":"x"}"#)], IS_V2),
            (vec![old, (401, r#"{"message":"Insufficient credentials"}"#)], IS_V2),
            (vec![old, none], IS_V3),
            (vec![v(r#"{"etcdcluster":"not_decided"}"#), none], IS_V3),
            (vec![(404, "a page"), none], IS_V3),
            (vec![v("etcd 2.0.13"), (404, r#"{"errorCode":100}"#)], IS_V2),
        ] {
            let shown = format!("{answers:?}");
            assert_eq!(find(&Says(RefCell::new(answers), false)).unwrap().0, decided, "{shown}");
        }
        assert_eq!(find(&Says(RefCell::default(), true)).unwrap().0, IS_V3, "gRPC alone");
    }

    #[test]
    fn where_nobody_tells_the_next_call_decides() {
        assert_eq!(find(&Says(RefCell::default(), false)).unwrap_err().code, 1002);
        let busy = vec![(503, "busy"), (503, "busy")];
        let error = find(&Says(RefCell::new(busy), false)).unwrap_err();
        assert_eq!((error.code, error.status), (1002, Some(503)));
    }
}
