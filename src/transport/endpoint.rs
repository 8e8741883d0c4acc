//! One endpoint: where it is, how far it is trusted, and how it has done of late.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::config::EndpointUrl;
use crate::http::Origin;

pub struct Endpoint {
    pub url: EndpointUrl,
    /// Which of the addresses that its name stands for, if there are several: each is an endpoint of its own, for one
    /// may be ill while another is well.
    pub address: Option<SocketAddr>,
    pub trust: Trust,
    /// What every request to it repeats.
    pub origin: Origin,
    /// When it last failed, in milliseconds on `clock`; 0: it did not.
    failed: AtomicU64,
    clock: Instant,
}

/// How an endpoint has come to be known, which decides what it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// By the configuration, or by SRV records of a configured domain.
    Configured,
    /// By the cluster, and it has proved to be of it.
    Member,
    /// By the cluster; it has yet to prove to be of it.
    Candidate,
    /// By a redirect. Nobody vouches for it.
    Stranger,
}

impl Trust {
    /// Whether it is sent the credentials of requests.
    pub fn takes_credentials(self) -> bool {
        matches!(self, Trust::Configured | Trust::Member)
    }

    /// Whether it is shown the client's certificate.
    pub fn sees_certificate(self) -> bool {
        self != Trust::Stranger
    }

    /// Whether its connections are kept for later requests.
    pub fn is_pooled(self) -> bool {
        matches!(self, Trust::Configured | Trust::Member)
    }
}

/// How long an endpoint that failed is asked after the others.
const SUSPICION: Duration = Duration::from_secs(10);

impl Endpoint {
    /// `clock` is the same for all endpoints of a client, or their failures could not be compared.
    pub fn new(url: &EndpointUrl, trust: Trust, clock: Instant) -> Endpoint {
        let origin =
            Origin { host: url.authority(), prefix: url.prefix.clone(), takes_credentials: trust.takes_credentials() };
        Endpoint { url: url.clone(), address: None, trust, origin, failed: AtomicU64::new(0), clock }
    }

    /// One of its addresses, as an endpoint of its own.
    pub fn at(&self, address: SocketAddr) -> Endpoint {
        Endpoint {
            url: self.url.clone(),
            address: Some(address),
            trust: self.trust,
            origin: self.origin.clone(),
            failed: AtomicU64::new(0),
            clock: self.clock,
        }
    }

    pub fn has_failed(&self) {
        self.failed.store(self.now_ms(), Ordering::Relaxed);
    }

    pub fn has_answered(&self) {
        if self.failed.load(Ordering::Relaxed) != 0 {
            self.failed.store(0, Ordering::Relaxed);
        }
    }

    /// 0, or when it failed, if that was of late.
    pub fn suspicion(&self) -> u64 {
        let failed = self.failed.load(Ordering::Relaxed);
        if self.now_ms() - failed < SUSPICION.as_millis() as u64 { failed } else { 0 }
    }

    fn now_ms(&self) -> u64 {
        self.clock.elapsed().as_millis() as u64 + 1
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.address {
            Some(address) => write!(f, "{} at {}", self.url, address.ip()),
            None => self.url.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_decides_who_gets_what() {
        let gets = |trust: Trust| (trust.takes_credentials(), trust.sees_certificate(), trust.is_pooled());
        assert_eq!(gets(Trust::Configured), (true, true, true));
        assert_eq!(gets(Trust::Member), (true, true, true));
        assert_eq!(gets(Trust::Candidate), (false, true, false));
        assert_eq!(gets(Trust::Stranger), (false, false, false));
    }
}
