//! With TLS configured, no request goes out in the clear, whatever URLs the cluster names for its members.

use crate::server::authority;
use support::PATIENCE;
use support::admin::{Admin, ETCD_READ, ETCD_WRITE};
use support::api::*;
use support::etcd::Etcd;
use support::fake::{FakeServer, Tls};
use support::log::Log;
use support::proxy::{Mode, Proxy};
use support::version::Version;
use support::wait_until;

const ROOT: [(&str, &str); 2] = [("username", "root"), ("password", "root's own")];

/// An etcd with authentication that is reached by TLS, and that names its plain port in its list of members.
struct Named {
    etcd: Etcd,
    /// Between the client and the TLS server.
    way: Proxy,
    _front: FakeServer,
}

impl Named {
    fn start(version: Version) -> Named {
        let etcd = Etcd::start(version);
        let anyone = Client::new(&[("endpoints", &etcd.url())]);
        Admin::of(anyone.raw()).secure("root's own");
        let root = Client::new(&[&[("endpoints", &*etcd.url())], &ROOT[..]].concat());
        Admin::of(root.raw()).role_revoke("guest", "/*", ETCD_READ | ETCD_WRITE).ok();
        let front = FakeServer::terminating(&Tls::new(&authority().server()), etcd.port());
        Named { etcd, way: Proxy::start(front.port(), Mode::Pass), _front: front }
    }

    fn url(&self) -> String {
        self.way.url().replace("http://", "https://")
    }

    fn client(&self) -> Client {
        let more = [("tls.ca_file", authority().file()), ("retry.max_delay_ms", "50"), ("watch.poll_ms", "1000")];
        Client::of(&[self.url()], &[&ROOT[..], &more].concat())
    }

    /// Without TLS.
    fn administrator(&self) -> Client {
        Client::of(&[self.etcd.url()], &ROOT)
    }
}

#[test]
fn a_member_without_tls_is_left_out_with_a_warning() {
    for version in Version::all_with_v2() {
        let named = Named::start(version);
        let (client, log) = (named.client(), Log::at(ETCD_LOG_WARN));
        assert_eq!(client.sync().ok().json(), serde_json::json!([named.url()]));
        let left_out = format!("{} is left out: it is not https", named.etcd.url());
        assert!(log.take().iter().any(|(_, line)| line.contains(&left_out)));
        // A client without TLS may use it.
        assert_eq!(named.administrator().sync().ok().len(""), 1);
    }
}

#[test]
fn an_outage_sends_nothing_in_the_clear_and_ends_no_watch() {
    for version in Version::all_with_v2() {
        let named = Named::start(version);
        let client = named.client();
        client.sync().ok();
        let watcher = client.watch("/away").recursive().push();
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
