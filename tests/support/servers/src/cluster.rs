//! Private clusters of etcd servers.

use crate::etcd::{Etcd, Ports, START, State};
use crate::links::Links;
use crate::port;
use crate::version::Version;
use crate::wait::wait_until;

/// Five times as long as usual.
pub const STEADY: [&str; 2] = ["--election-timeout", "5000"];
/// How often servers are started whose ports are taken.
const TRIES: usize = 20;

/// Members of one cluster. Each can be killed, frozen, thawed and started again on its ports.
pub struct Cluster {
    pub members: Vec<Etcd>,
    /// Of `start_linked` only.
    links: Option<Links>,
}

/// What differs between clusters.
#[derive(Clone, Copy)]
struct Kind {
    version: Version,
    size: usize,
    has_tls: bool,
    has_links: bool,
}

impl Cluster {
    pub fn start(version: Version, size: usize) -> Cluster {
        Cluster::start_with(version, size, &[])
    }

    /// Three members that keep their leader as long as it lives, also where a busy machine lets none of them run for a
    /// second or two: for tests of something else than elections.
    pub fn steady(version: Version) -> Cluster {
        Cluster::start_with(version, 3, &STEADY)
    }

    /// With further arguments; where they contradict the usual ones, they win.
    pub fn start_with(version: Version, size: usize, extra: &[&str]) -> Cluster {
        Cluster::start_as(Kind { version, size, has_tls: false, has_links: false }, extra)
    }

    /// With TLS for clients, as the arguments say.
    pub fn start_tls(version: Version, size: usize, extra: &[&str]) -> Cluster {
        Cluster::start_as(Kind { version, size, has_tls: true, has_links: false }, extra)
    }

    /// Three members whose network can be disturbed.
    pub fn start_linked(version: Version, extra: &[&str]) -> Cluster {
        let cluster = Cluster::start_as(Kind { version, size: 3, has_tls: false, has_links: true }, extra);
        for (number, member) in cluster.members.iter().enumerate() {
            wait_until(START, "a member knows its id", || {
                let id = member.status().and_then(|status| status["header"]["member_id"].as_str()?.parse().ok());
                id.map(|id| cluster.links().know(number, id)).is_some()
            });
        }
        cluster
    }

    /// The network between the members.
    #[track_caller]
    pub fn links(&self) -> &Links {
        self.links.as_ref().expect("a cluster of `start_linked`")
    }

    /// The URLs of all members, in their order.
    pub fn urls(&self) -> Vec<String> {
        self.members.iter().map(Etcd::url).collect()
    }

    /// The member that leads, and one that follows.
    pub fn leader_and_follower(&self) -> (&Etcd, &Etcd) {
        let mut found = None;
        wait_until(START, "one member leads, and the others follow", || {
            let (followers, others): (Vec<_>, Vec<_>) =
                self.members.iter().partition(|member| role(member) == Some(Role::Follower));
            found = match (&others[..], followers.first()) {
                ([other], Some(follower)) if role(other) == Some(Role::Leader) => Some((*other, *follower)),
                _ => None,
            };
            found.is_some()
        });
        found.expect("it was waited for")
    }

    fn start_as(kind: Kind, extra: &[&str]) -> Cluster {
        // A free port may be lost between choosing it and etcd's binding it; then all is begun anew.
        let mut tries = (0..TRIES).map(|_| Cluster::spawn(kind, extra));
        tries.find(Cluster::comes_up).expect("some port is free")
    }

    fn spawn(kind: Kind, extra: &[&str]) -> Cluster {
        let ports = port::free(3 * kind.size);
        let peers = Vec::from_iter(ports.chunks_exact(3).map(|three| three[2]));
        let links = kind.has_links.then(|| Links::start(&peers));
        let ports = ports.chunks_exact(3).enumerate().map(|(i, three)| Ports {
            tls: kind.has_tls.then_some(three[0]),
            plain: three[1],
            peer: three[2],
            door: links.as_ref().map_or(three[2], |links| links.port(i)),
        });
        let named = Vec::from_iter(ports.enumerate().map(|(i, ports)| (format!("m{i}"), ports)));
        let cluster =
            Vec::from_iter(named.iter().map(|(name, ports)| format!("{name}={}", ports.door_url()))).join(",");
        let members = named.into_iter().map(|(name, ports)| Etcd::spawn(kind.version, name, ports, &cluster, extra));
        Cluster { members: members.collect(), links }
    }

    /// Waits until all are ready. False: one of them found its port taken.
    fn comes_up(&self) -> bool {
        let mut port_lost = false;
        wait_until(START, "all members are ready", || {
            let all_ready = self.members.iter().all(|member| match member.state() {
                State::Ready => true,
                State::Starting => false,
                State::PortLost => {
                    port_lost = true;
                    false
                }
            });
            all_ready || port_lost
        });
        !port_lost
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Role {
    Leader,
    Follower,
}

/// None: it does not answer, or knows of no leader.
fn role(member: &Etcd) -> Option<Role> {
    let status = member.status()?;
    let leader = status["leader"].as_str().filter(|leader| *leader != "0")?;
    Some(if status["header"]["member_id"] == leader { Role::Leader } else { Role::Follower })
}
