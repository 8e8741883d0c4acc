//! The endpoints of one cluster: who they are, and which to ask first.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::http::Origin;
use crate::locks::{Arc, PoisonError, RwLock};

/// An endpoint, what every request to it repeats, and how it has done of late.
pub struct Place {
    pub endpoint: Endpoint,
    pub origin: Origin,
    /// Whether it may learn who we are: by the client's certificate.
    pub may_know_us: bool,
    /// When it last failed, in milliseconds on `clock`; 0: it did not.
    failed: AtomicU64,
    clock: Instant,
}

/// How long an endpoint that failed is asked after the others.
const SUSPICION: Duration = Duration::from_secs(10);

impl Place {
    /// A place that may be sent the configured credentials.
    pub fn trusted(endpoint: &Endpoint, config: &Config) -> Place {
        let authorization = config.username.as_ref().map(|name| {
            let password = config.password.as_deref().unwrap_or_default();
            format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{password}")))
        });
        Place::new(endpoint, config, authorization, true)
    }

    /// A place that the cluster has named and that has yet to prove to be of it.
    pub fn candidate(endpoint: &Endpoint, config: &Config) -> Place {
        Place::new(endpoint, config, None, true)
    }

    /// A place that a redirect has named, and nobody vouches for.
    pub fn stranger(endpoint: &Endpoint, config: &Config) -> Place {
        Place::new(endpoint, config, None, false)
    }

    fn new(endpoint: &Endpoint, config: &Config, authorization: Option<String>, may_know_us: bool) -> Place {
        let origin = Origin {
            host: endpoint.authority(),
            prefix: endpoint.prefix.clone(),
            user_agent: config.user_agent.clone(),
            authorization,
        };
        Place { endpoint: endpoint.clone(), origin, may_know_us, failed: AtomicU64::new(0), clock: Instant::now() }
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
    fn suspicion(&self) -> u64 {
        let failed = self.failed.load(Ordering::Relaxed);
        if self.now_ms() - failed < SUSPICION.as_millis() as u64 { failed } else { 0 }
    }

    fn now_ms(&self) -> u64 {
        self.clock.elapsed().as_millis() as u64 + 1
    }
}

pub struct Places {
    all: RwLock<Vec<Arc<Place>>>,
    /// The number of the last good one, which is kept until it fails.
    preferred: AtomicUsize,
    /// One for all, or their failures could not be compared.
    clock: Instant,
}

impl Places {
    pub fn new(config: &Config) -> Places {
        let places = Places { all: RwLock::default(), preferred: AtomicUsize::new(0), clock: Instant::now() };
        places.set_members(&[], config);
        places
    }

    /// Keeps the configured and the discovered ones, and takes these for the others. There is always one at least:
    /// a cluster may name members that cannot be reached from here, or none. Where TLS is wanted, nobody but who
    /// configures a plain endpoint has a request sent in the clear, with or without credentials.
    pub fn set_members(&self, members: &[Endpoint], config: &Config) {
        let wants_tls = config.wants_tls();
        let others = config.discovered.iter().chain(members).filter(|endpoint| endpoint.secure || !wants_tls);
        let mut all: Vec<Arc<Place>> = Vec::new();
        for endpoint in config.endpoints.iter().chain(others) {
            if all.iter().any(|place| place.endpoint == *endpoint) {
                continue;
            }
            let make = || Arc::new(Place { clock: self.clock, ..Place::trusted(endpoint, config) });
            all.push(self.find(endpoint).unwrap_or_else(make));
        }
        let mut now = self.all.write().unwrap_or_else(PoisonError::into_inner);
        // The last good one has another number, perhaps.
        let good = now.get(self.preferred.load(Ordering::Relaxed));
        let number = good.and_then(|good| all.iter().position(|place| Arc::ptr_eq(place, good)));
        self.preferred.store(number.unwrap_or(0), Ordering::Relaxed);
        *now = all;
    }

    pub fn count(&self) -> usize {
        self.all.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub fn endpoints(&self) -> Vec<Endpoint> {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|place| place.endpoint.clone()).collect()
    }

    /// All, in the order in which to try them: from the last good one round, then those that failed of late, the
    /// last one last.
    pub fn in_order(&self) -> Vec<Arc<Place>> {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        let preferred = self.preferred.load(Ordering::Relaxed) % all.len().max(1);
        let mut order = Vec::with_capacity(all.len());
        order.extend(all[preferred..].iter().chain(&all[..preferred]).cloned());
        drop(all);
        if order.len() > 1 {
            order.sort_by_cached_key(|place| place.suspicion()); // stable
        }
        order
    }

    pub fn prefer(&self, place: &Arc<Place>) {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = all.iter().position(|other| Arc::ptr_eq(other, place)) {
            // Seldom anything new: readers keep their copy of the line.
            if self.preferred.load(Ordering::Relaxed) != number {
                self.preferred.store(number, Ordering::Relaxed);
            }
        }
    }

    pub fn find(&self, endpoint: &Endpoint) -> Option<Arc<Place>> {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|place| place.endpoint == *endpoint).cloned()
    }

    /// The one at that server below whose prefix the target is; if there are several, the one with the longest.
    pub fn find_above(&self, server: &Endpoint, target: &str) -> Option<Arc<Place>> {
        let is_above = |prefix: &str| target.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
        let is_there = |place: &&Arc<Place>| {
            let Endpoint { secure, host, port, prefix } = &place.endpoint;
            (*secure, host, *port) == (server.secure, &server.host, server.port) && is_above(prefix)
        };
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(is_there).max_by_key(|place| place.endpoint.prefix.len()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(config: &Config) -> (Places, impl Fn(&Places) -> Vec<u16>) {
        (Places::new(config), |places: &Places| places.in_order().iter().map(|place| place.endpoint.port).collect())
    }

    #[test]
    fn the_last_good_one_is_first_and_those_that_failed_are_last() {
        let mut config = Config::default();
        config.set("endpoints", "http://h:1,http://h:2,http://h:3").unwrap();
        let (places, ports) = places(&config);
        assert_eq!(ports(&places), [1, 2, 3]);
        let second = places.in_order()[1].clone();
        places.prefer(&second);
        assert_eq!(ports(&places), [2, 3, 1]);
        second.has_failed();
        assert_eq!(ports(&places), [3, 1, 2]);
        std::thread::sleep(Duration::from_millis(2)); // the clock that tells which failed last goes by the millisecond
        places.find(&Endpoint::parse("http://h:3").unwrap()).unwrap().has_failed();
        assert_eq!(ports(&places), [1, 2, 3]);
        second.has_answered();
        assert_eq!(ports(&places), [2, 1, 3]);
    }

    #[test]
    fn the_last_good_one_is_first_whoever_comes_and_goes() {
        let mut config = Config::default();
        config.set("endpoints", "http://h:1").unwrap();
        let (places, ports) = places(&config);
        let members = [2, 3].map(|port| Endpoint::parse(&format!("http://h:{port}")).unwrap());
        places.set_members(&members, &config);
        places.prefer(&places.find(&members[1]).unwrap());
        assert_eq!(ports(&places), [3, 1, 2]);
        places.set_members(&members[1..], &config);
        assert_eq!(ports(&places), [3, 1]);
        places.set_members(&[], &config);
        assert_eq!(ports(&places), [1]);
    }

    #[test]
    fn where_tls_is_wanted_only_the_configured_ones_may_be_plain() {
        let members = ["http://m:1", "https://m:2"].map(|url| Endpoint::parse(url).unwrap());
        let discovered = ["http://d:3", "https://d:4"].map(|url| Endpoint::parse(url).unwrap());
        let ports = |endpoints: &str, more: &[(&str, &str)], discovered: &[Endpoint]| {
            let mut config = Config::default();
            config.set("endpoints", endpoints).unwrap();
            more.iter().for_each(|(name, value)| config.set(name, value).unwrap());
            config.discovered = discovered.to_vec();
            let (places, ports) = places(&config);
            places.set_members(&members, &config);
            ports(&places)
        };
        assert_eq!(ports("http://c:5", &[], &discovered[..1]), [5, 3, 1, 2]);
        assert_eq!(ports("http://c:5", &[], &discovered), [5, 4, 2]);
        assert_eq!(ports("http://c:5,https://c:6", &[], &discovered[..1]), [5, 6, 2]);
        assert_eq!(ports("http://c:5", &[("tls.ca_file", "x")], &discovered[..1]), [5, 2]);
    }

    #[test]
    fn credentials_are_for_trusted_places() {
        let mut config = Config::default();
        config.set("username", "Aladdin").unwrap();
        config.set("password", "open sesame").unwrap();
        let endpoint = Endpoint::parse("http://h:1").unwrap();
        // RFC 7617, section 2.
        let expected = Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_owned());
        assert_eq!(Place::trusted(&endpoint, &config).origin.authorization, expected);
        assert_eq!(Place::stranger(&endpoint, &config).origin.authorization, None);
    }
}
