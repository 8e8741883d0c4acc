//! The endpoints of one cluster: who they are, and which to ask first.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::http::Origin;

/// An endpoint, what every request to it repeats, and how it has done of late.
pub struct Place {
    pub endpoint: Endpoint,
    pub origin: Origin,
    /// When it last failed, in milliseconds since the library was loaded; 0: it did not.
    failed: AtomicU64,
}

/// How long an endpoint that failed is asked after the others.
const SUSPICION: Duration = Duration::from_secs(10);

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Place {
    /// A place that may be sent the configured credentials.
    pub fn trusted(endpoint: &Endpoint, config: &Config) -> Place {
        let authorization = config.username.as_ref().map(|name| {
            let password = config.password.as_deref().unwrap_or_default();
            format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{password}")))
        });
        Place::new(endpoint, config, authorization)
    }

    /// A place that a server has named, and nobody vouches for.
    pub fn stranger(endpoint: &Endpoint, config: &Config) -> Place {
        Place::new(endpoint, config, None)
    }

    fn new(endpoint: &Endpoint, config: &Config, authorization: Option<String>) -> Place {
        let origin = Origin {
            host: endpoint.authority(),
            prefix: endpoint.prefix.clone(),
            user_agent: config.user_agent.clone(),
            authorization,
        };
        Place { endpoint: endpoint.clone(), origin, failed: AtomicU64::new(0) }
    }

    pub fn has_failed(&self) {
        self.failed.store(now_ms(), Ordering::Relaxed);
    }

    pub fn has_answered(&self) {
        if self.failed.load(Ordering::Relaxed) != 0 {
            self.failed.store(0, Ordering::Relaxed);
        }
    }

    /// 0, or when it failed, if that was of late.
    fn suspicion(&self) -> u64 {
        let failed = self.failed.load(Ordering::Relaxed);
        if now_ms() - failed < SUSPICION.as_millis() as u64 { failed } else { 0 }
    }
}

fn now_ms() -> u64 {
    START.elapsed().as_millis() as u64 + 1
}

pub struct Places {
    all: RwLock<Vec<Arc<Place>>>,
    /// The number of the last good one, which is kept until it fails.
    preferred: AtomicUsize,
}

impl Places {
    pub fn new(config: &Config) -> Places {
        let places = Places { all: RwLock::default(), preferred: AtomicUsize::new(0) };
        places.set_members(&[], config);
        places
    }

    /// Keeps the configured and the discovered ones, and takes these for the others. There is always one at least:
    /// a cluster may name members that cannot be reached from here, or none.
    pub fn set_members(&self, members: &[Endpoint], config: &Config) {
        // Where the configuration or the discovery asks for TLS, no credentials go out in the clear.
        let is_secure = config.endpoints.iter().chain(&config.discovered).any(|endpoint| endpoint.secure);
        let mut all: Vec<Arc<Place>> = Vec::new();
        let others = config.discovered.iter().chain(members);
        for (endpoint, is_configured) in config.endpoints.iter().map(|e| (e, true)).chain(others.map(|e| (e, false))) {
            if all.iter().any(|place| place.endpoint == *endpoint) {
                continue;
            }
            all.push(self.find(endpoint).unwrap_or_else(|| {
                let is_trusted = is_configured || endpoint.secure || !is_secure;
                let make = if is_trusted { Place::trusted } else { Place::stranger };
                Arc::new(make(endpoint, config))
            }));
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
