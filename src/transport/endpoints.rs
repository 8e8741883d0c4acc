//! The endpoints of one cluster, and which of them to ask first.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::endpoint::{Endpoint, Trust};
use crate::base::locks::{Arc, RwLock};
use crate::config::{Config, EndpointUrl};

pub struct Endpoints {
    all: RwLock<Vec<Arc<Endpoint>>>,
    /// The number of the last good one, which is kept until it fails.
    preferred: AtomicUsize,
    clock: Instant,
}

/// More addresses than a name of a cluster has; one that stands for thousands costs no more than this.
const MAX_ADDRESSES: usize = 32;

impl Endpoints {
    pub fn new(config: &Config) -> Endpoints {
        let endpoints = Endpoints { all: RwLock::default(), preferred: AtomicUsize::new(0), clock: Instant::now() };
        endpoints.set_members(&[], config);
        endpoints
    }

    /// Keeps the configured and the discovered ones, and takes these for the others. There is always one at least:
    /// a cluster may name members that cannot be reached from here, or none. Where TLS is asked for, only the user can
    /// add a plain endpoint, for every request to it goes out in the clear.
    pub fn set_members(&self, members: &[EndpointUrl], config: &Config) {
        let wants_tls = config.wants_tls();
        let members = members.iter().map(|url| (url, Trust::Member));
        let discovered = config.discovered.iter().map(|url| (url, Trust::Configured));
        let others = discovered.chain(members).filter(|(url, _)| url.secure || !wants_tls);
        let mut all: Vec<Arc<Endpoint>> = Vec::new();
        for (url, trust) in config.endpoints.iter().map(|url| (url, Trust::Configured)).chain(others) {
            if all.iter().any(|known| known.url == *url) {
                continue;
            }
            let known = self.find_all(url);
            if known.is_empty() {
                all.push(Arc::new(Endpoint::new(url, trust, self.clock)));
            }
            all.extend(known);
        }
        self.replace(|_| all);
    }

    /// Takes note of the addresses that the name of `endpoint` stands for. Whether `endpoint` is none of them, so that
    /// others stand in its place.
    pub fn resolved(&self, endpoint: &Arc<Endpoint>, addresses: &[SocketAddr]) -> bool {
        let addresses = distinct(addresses);
        if endpoint.address.is_none() && addresses.len() <= 1 {
            return false;
        }
        let known = self.find_all(&endpoint.url);
        if !known.iter().any(|other| Arc::ptr_eq(other, endpoint)) {
            return false; // it is nobody's but a redirect's, or no member any more
        }
        // In an order of their own: name servers tell them in another one each time.
        if known.iter().map(|known| known.address).eq(addresses.iter().copied().map(Some)) {
            return false;
        }
        let each = addresses.iter().map(|address| {
            let same = known.iter().find(|known| known.address == Some(*address));
            same.cloned().unwrap_or_else(|| Arc::new(endpoint.at(*address)))
        });
        let each = Vec::from_iter(each);
        self.replace(|all| {
            let first = all.iter().position(|other| other.url == endpoint.url).unwrap_or(all.len());
            let mut others = all.iter().filter(|other| other.url != endpoint.url).cloned();
            let mut now: Vec<_> = others.by_ref().take(first).collect();
            now.extend(each);
            now.extend(others);
            now
        });
        endpoint.address.is_none_or(|address| !addresses.contains(&address))
    }

    pub fn count(&self) -> usize {
        self.all.read().len()
    }

    /// The URLs, each once.
    pub fn urls(&self) -> Vec<EndpointUrl> {
        let all = self.all.read();
        let mut urls = Vec::from_iter(all.iter().map(|endpoint| endpoint.url.clone()));
        urls.dedup();
        urls
    }

    /// All, in the order in which to try them: from the last good one round, then those that failed of late, the
    /// last one last.
    pub fn in_order(&self) -> Vec<Arc<Endpoint>> {
        let all = self.all.read();
        let preferred = self.preferred.load(Ordering::Relaxed) % all.len().max(1);
        let mut order = Vec::with_capacity(all.len());
        order.extend(all[preferred..].iter().chain(&all[..preferred]).cloned());
        drop(all);
        if order.len() > 1 {
            order.sort_by_cached_key(|endpoint| endpoint.suspicion()); // stable
        }
        order
    }

    pub fn prefer(&self, endpoint: &Arc<Endpoint>) {
        let all = self.all.read();
        if let Some(number) = all.iter().position(|other| Arc::ptr_eq(other, endpoint)) {
            // Seldom anything new: readers keep their copy of the line.
            if self.preferred.load(Ordering::Relaxed) != number {
                self.preferred.store(number, Ordering::Relaxed);
            }
        }
    }

    /// Of several addresses of a name, the one to try first.
    pub fn find(&self, url: &EndpointUrl) -> Option<Arc<Endpoint>> {
        self.in_order().into_iter().find(|endpoint| endpoint.url == *url)
    }

    /// The one at that server below whose prefix the target is; if there are several, the one with the longest.
    pub fn find_above(&self, server: &EndpointUrl, target: &str) -> Option<Arc<Endpoint>> {
        let is_above = |prefix: &str| target.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
        let is_there = |endpoint: &Arc<Endpoint>| {
            let EndpointUrl { secure, host, port, prefix } = &endpoint.url;
            (*secure, host, *port) == (server.secure, &server.host, server.port) && is_above(prefix)
        };
        // The last of the longest ones is the one to try first.
        self.in_order().into_iter().rev().filter(is_there).max_by_key(|endpoint| endpoint.url.prefix.len())
    }

    fn find_all(&self, url: &EndpointUrl) -> Vec<Arc<Endpoint>> {
        let all = self.all.read();
        all.iter().filter(|endpoint| endpoint.url == *url).cloned().collect()
    }

    fn replace(&self, change: impl FnOnce(&[Arc<Endpoint>]) -> Vec<Arc<Endpoint>>) {
        let mut now = self.all.write();
        let all = change(&now);
        // The last good one has another number, perhaps.
        let good = now.get(self.preferred.load(Ordering::Relaxed));
        let number = good.and_then(|good| all.iter().position(|endpoint| Arc::ptr_eq(endpoint, good)));
        self.preferred.store(number.unwrap_or(0), Ordering::Relaxed);
        *now = all;
    }
}

/// The addresses of a name, each once, in an order of their own.
pub fn distinct(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut addresses = addresses.to_vec();
    addresses.sort();
    addresses.dedup();
    addresses.truncate(MAX_ADDRESSES);
    addresses
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn given(config: &Config) -> (Endpoints, impl Fn(&Endpoints) -> Vec<u16>) {
        (Endpoints::new(config), |endpoints: &Endpoints| {
            endpoints.in_order().iter().map(|endpoint| endpoint.url.port).collect()
        })
    }

    #[test]
    fn the_last_good_one_is_first_and_those_that_failed_are_last() {
        let mut config = Config::default();
        config.set("endpoints", "http://h:1,http://h:2,http://h:3").unwrap();
        let (endpoints, ports) = given(&config);
        assert_eq!(ports(&endpoints), [1, 2, 3]);
        let second = endpoints.in_order()[1].clone();
        endpoints.prefer(&second);
        assert_eq!(ports(&endpoints), [2, 3, 1]);
        second.has_failed();
        assert_eq!(ports(&endpoints), [3, 1, 2]);
        std::thread::sleep(Duration::from_millis(2)); // the clock that tells which failed last goes by the millisecond
        endpoints.find(&EndpointUrl::parse("http://h:3").unwrap()).unwrap().has_failed();
        assert_eq!(ports(&endpoints), [1, 2, 3]);
        second.has_answered();
        assert_eq!(ports(&endpoints), [2, 1, 3]);
    }

    #[test]
    fn the_last_good_one_is_first_whoever_comes_and_goes() {
        let mut config = Config::default();
        config.set("endpoints", "http://h:1").unwrap();
        let (endpoints, ports) = given(&config);
        let members = [2, 3].map(|port| EndpointUrl::parse(&format!("http://h:{port}")).unwrap());
        endpoints.set_members(&members, &config);
        endpoints.prefer(&endpoints.find(&members[1]).unwrap());
        assert_eq!(ports(&endpoints), [3, 1, 2]);
        endpoints.set_members(&members[1..], &config);
        assert_eq!(ports(&endpoints), [3, 1]);
        endpoints.set_members(&[], &config);
        assert_eq!(ports(&endpoints), [1]);
    }

    #[test]
    fn where_tls_is_wanted_only_the_configured_ones_may_be_plain() {
        let members = ["http://m:1", "https://m:2"].map(|url| EndpointUrl::parse(url).unwrap());
        let discovered = ["http://d:3", "https://d:4"].map(|url| EndpointUrl::parse(url).unwrap());
        let ports = |endpoints: &str, more: &[(&str, &str)], discovered: &[EndpointUrl]| {
            let mut config = Config::default();
            config.set("endpoints", endpoints).unwrap();
            more.iter().for_each(|(name, value)| config.set(name, value).unwrap());
            config.discovered = discovered.into();
            let (endpoints, ports) = given(&config);
            endpoints.set_members(&members, &config);
            ports(&endpoints)
        };
        assert_eq!(ports("http://c:5", &[], &discovered[..1]), [5, 3, 1, 2]);
        assert_eq!(ports("http://c:5", &[], &discovered), [5, 4, 2]);
        assert_eq!(ports("http://c:5,https://c:6", &[], &discovered[..1]), [5, 6, 2]);
        assert_eq!(ports("http://c:5", &[("tls.ca_file", "x")], &discovered[..1]), [5, 2]);
    }

    #[test]
    fn each_address_of_a_name_is_an_endpoint_of_its_own() {
        let mut config = Config::default();
        config.set("endpoints", "http://a:1,http://b:2,http://c:3").unwrap();
        let endpoints = Endpoints::new(&config);
        let shown = || Vec::from_iter(endpoints.in_order().iter().map(ToString::to_string));
        let addresses = |ips: &[&str]| Vec::from_iter(ips.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 2)));
        let name = endpoints.in_order()[1].clone();
        assert!(!endpoints.resolved(&name, &addresses(&["127.0.0.1"])), "one address is no choice");
        assert!(endpoints.resolved(&name, &addresses(&["127.0.0.1", "127.0.0.2"])));
        let [first, second] = [endpoints.in_order()[1].clone(), endpoints.in_order()[2].clone()];
        assert_eq!(shown(), ["http://a:1", "http://b:2 at 127.0.0.1", "http://b:2 at 127.0.0.2", "http://c:3"]);
        let found = || endpoints.find(&name.url).unwrap();
        assert!(Arc::ptr_eq(&found(), &first));
        first.has_failed();
        assert_eq!(shown()[1], "http://b:2 at 127.0.0.2");
        assert!(Arc::ptr_eq(&found(), &second), "a redirect leads to the one that is well");
        assert!(Arc::ptr_eq(&endpoints.find_above(&name.url, "/v2").unwrap(), &second));
        assert!(!endpoints.resolved(&second, &addresses(&["127.0.0.1", "127.0.0.2"])), "nothing new");
        assert_eq!(endpoints.urls().len(), 3);

        assert!(!endpoints.resolved(&second, &addresses(&["127.0.0.2", "127.0.0.3"])), "it is still one of them");
        assert_eq!(shown()[1..3], ["http://b:2 at 127.0.0.2", "http://b:2 at 127.0.0.3"]);
        assert!(Arc::ptr_eq(&second, &endpoints.in_order()[1]), "and is remembered");
        assert!(endpoints.resolved(&second, &addresses(&["127.0.0.4"])), "the name has moved");
        assert_eq!(shown()[1], "http://b:2 at 127.0.0.4");
        assert!(!endpoints.resolved(&second, &addresses(&["127.0.0.5", "127.0.0.6"])), "it is gone");
    }
}
