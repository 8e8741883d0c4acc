//! Where TLS is asked for, no request goes out in the clear, whatever the cluster says of its members.

use crate::administration::{Admin, ETCD_READ, ETCD_WRITE};
use crate::configured::Configured;
use crate::front::{Front, Speaking};
use crate::log::Log;
use crate::proxy::{Mode, Proxy};
use crate::server::authority;
use crate::support::api::*;
use crate::support::etcd::{Etcd, Version, wait_until};
use crate::watching::{PATIENCE, Watch};

const ROOT: [(&str, &str); 2] = [("username", "root"), ("password", "root's own")];

/// An etcd under authentication that is reached by TLS, and that names its plain port to those who ask for its members.
struct Named {
    etcd: Etcd,
    /// What is between the client and the TLS.
    way: Proxy,
    _front: Front,
}

impl Named {
    fn start(version: Version) -> Named {
        let etcd = Etcd::start(version);
        let anyone = Configured::new(&[("endpoints", &etcd.url())]);
        Admin::of(anyone.raw()).secure("root's own");
        let root = Configured::new(&[&[("endpoints", &*etcd.url())], &ROOT[..]].concat());
        Admin::of(root.raw()).role_revoke("guest", "/*", ETCD_READ | ETCD_WRITE).ok();
        let front = Front::of(&Speaking::with(&authority().server()), etcd.port());
        Named { etcd, way: Proxy::start(front.port(), Mode::Pass), _front: front }
    }

    fn url(&self) -> String {
        self.way.url().replace("http://", "https://")
    }

    fn client(&self) -> Configured {
        let more = [("tls.ca_file", authority().file()), ("retry.max_delay_ms", "50"), ("watch.poll_ms", "1000")];
        Configured::of(&[self.url()], &[&ROOT[..], &more].concat())
    }

    /// Past TLS.
    fn administrator(&self) -> Configured {
        Configured::of(&[self.etcd.url()], &ROOT)
    }
}

#[test]
fn a_plain_port_that_the_cluster_names_is_left_out_and_that_is_told() {
    for version in Version::ALL {
        let named = Named::start(version);
        let (client, log) = (named.client(), Log::at(ETCD_LOG_WARN));
        assert_eq!(client.sync().ok().json(), serde_json::json!([named.url()]));
        let left_out = format!("{} is left out: it is not https", named.etcd.url());
        assert!(log.told().iter().any(|(_, line)| line.contains(&left_out)));
        // Who asks for no TLS may have it.
        assert_eq!(named.administrator().sync().ok().len(""), 1);
    }
}

#[test]
fn a_server_that_is_away_for_a_while_has_nothing_sent_in_the_clear_and_no_watch_end() {
    for version in Version::ALL {
        let named = Named::start(version);
        let client = named.client();
        client.sync().ok();
        let watcher = Watch::of(client.raw(), "/away").recursive().push();
        client.set("/away/a", "before").ok();
        assert_eq!(watcher.next_value(), "before");

        named.way.switch(Mode::Close);
        for reply in [client.get("/away/a", 0), client.set("/away/a", "lost"), client.sync()] {
            assert_eq!(reply.code(), ETCD_ERROR_TLS, "neither an answer nor a refusal by etcd: {reply}");
        }
        let tries = named.way.connections();
        wait_until(PATIENCE, "the watch has tried in vain", || named.way.connections() > tries + 5);
        named.way.switch(Mode::Pass);
        client.set("/away/a", "after").ok();
        assert_eq!(watcher.next_value(), "after");
    }
}
