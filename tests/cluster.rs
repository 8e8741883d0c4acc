//! The calls about the cluster, on single servers and on clusters of three.

mod support;

use support::api::*;
use support::etcd::{Cluster, Etcd, Version};

#[test]
fn a_single_server_tells_its_version() {
    for etcd in Etcd::shared() {
        let client = Client::connect("127.0.0.1", etcd.port());
        let version = client.server_version().ok().text("/etcdserver").expect("a version");
        assert!(version.starts_with(&etcd.version().to_string()), "{version}");
    }
}

#[test]
fn every_member_knows_the_leader() {
    let cluster = Cluster::start(Version::V3_4, 3);
    let (leader, _) = cluster.leader_and_follower();
    for member in &cluster.members {
        let client = Client::connect("127.0.0.1", member.port());
        assert_eq!(client.leader().ok().text("/name").as_deref(), Some(leader.name()));
    }
}
