//! Clients: configured, derived, disconnected; and the cluster that they show.

use std::thread;
use std::time::Duration;

use etcd::codes::*;
use etcd::{ApiVersion, Client, Config, StatsKind};

use crate::futures::block_on;
use crate::{ROOT, at, fails, v3};

pub fn configured(_: &Client, url: &str) {
    let client = Config::new().endpoints(["http://127.0.0.1:1", url]).request_timeout(Duration::from_secs(9));
    let client = client.connect_timeout(Duration::from_secs(5)).connect().unwrap();
    assert!(client.health().unwrap());
    let shown = |disconnected| {
        format!(r#"Client {{ endpoints: ["http://127.0.0.1:1", "{url}"], is_disconnected: {disconnected}, .. }}"#)
    };
    assert_eq!(format!("{client:?}"), shown(false));
    client.disconnect();
    assert_eq!(format!("{client:?}"), shown(true));
    let address = format!("{:?}", Client::connect("::1", 0).unwrap());
    assert!(address.contains("\"http://[::1]:2379\""), "{address}");
    let bob = Config::new().credentials("bob", "secret");
    assert!(!format!("{bob:?} {:?}", bob.connect().unwrap()).contains("secret"));
    assert_eq!(v3(url).api().unwrap(), "v3");
    assert_eq!(Config::new().endpoints([url]).api(ApiVersion::V2).connect().unwrap().api().unwrap(), "v2");
}

pub fn derived_clients(client: &Client, url: &str) {
    let key = at("below/key");
    let below = client.with(&Config::new().root(&at("below/"))).unwrap();
    below.set("key", "1", None).unwrap();
    assert_eq!(client.get(&key).unwrap().value(), Some("1"));
    fails(client.with(&Config::new().endpoints([url])), ETCD_ERROR_INVALID_ARGUMENT);
    fails(client.with(&Config::new().request_timeout(Duration::ZERO)), ETCD_ERROR_INVALID_ARGUMENT);
    let mut watch = below.watch("key").unwrap();
    drop(below);
    client.set(&key, "2", None).unwrap();
    assert_eq!(watch.next().unwrap().unwrap().value(), Some("2"), "what it has opened keeps it");

    let parent = Config::new().endpoints([url]).connect().unwrap();
    let child = parent.with(&Config::new()).unwrap();
    child.disconnect();
    fails(child.get(&key), ETCD_ERROR_CANCELLED);
    assert!(parent.exists(&key).unwrap());
    let child = parent.with(&Config::new()).unwrap();
    drop(parent);
    assert!(child.exists(&key).unwrap(), "its parent lives as long as it does");
}

pub fn disconnected(_: &Client, url: &str) {
    let client = Config::new().endpoints([url]).connect().unwrap();
    let mut watch = client.watch(ROOT).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| client.disconnect());
        assert!(watch.next().is_none());
    });
    fails(client.get(ROOT), ETCD_ERROR_CANCELLED);
    fails(client.watch(ROOT), ETCD_ERROR_CANCELLED);
    fails(client.with(&Config::new()), ETCD_ERROR_CANCELLED);
    fails(block_on(client.future(|client| client.get(ROOT))), ETCD_ERROR_CANCELLED);
}

pub fn cluster(client: &Client, url: &str) {
    let leader = client.leader().unwrap();
    assert_eq!(client.members().unwrap()[&leader.id], leader);
    assert!(client.machines().unwrap().contains(&leader.client_urls[0]));
    assert_eq!(client.sync().unwrap()[0], url);
    assert!(client.stats(StatsKind::Store).unwrap()["setsSuccess"].is_u64());
    let version = client.server_version().unwrap();
    assert_eq!(client.request("GET", "/version", None).unwrap()["etcdserver"], *version.server);
    assert!(version.cluster.is_some());
    assert!(client.health().unwrap());
    let (path, form) = (format!("/v2/keys{ROOT}/raw"), "application/x-www-form-urlencoded");
    assert_eq!(client.request("PUT", &path, Some(("value=a+b", form))).unwrap()["node"]["value"], "a b");
}
