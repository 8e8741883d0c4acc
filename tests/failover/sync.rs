//! Endpoints that the cluster names: added when they have proved to be members, and removed when they have left.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;

use support::alone::{alone, threads_named};
use support::api::*;
use support::cluster::Cluster;
use support::dead::{refusing, silent, void};
use support::etcd::Etcd;
use support::fake::{Conn, FakeServer};
use support::version::Version;
use support::wait_until;

/// Longer than a sync takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// A fake member of this cluster, which names the members.
struct Member {
    server: FakeServer,
    named: Arc<Mutex<Vec<String>>>,
}

impl Member {
    fn of(cluster: &str) -> Member {
        let named = Arc::<Mutex<Vec<String>>>::default();
        let (cluster, others) = (cluster.to_owned(), named.clone());
        let server = FakeServer::start(move |mut conn: Conn| {
            while let Some(request) = conn.request() {
                let body = match request.line() {
                    line if line.contains("/v2/members") => list(&others.lock().expect("nobody panics with it")),
                    line if line.contains("/version") => r#"{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}"#.to_owned(),
                    line if line.starts_with("HEAD") => String::new(),
                    _ => crate::NODE.to_owned(),
                };
                let head = format!("HTTP/1.1 200 OK\r\nX-Etcd-Cluster-Id: {cluster}\r\nContent-Length: {}", body.len());
                conn.say(format!("{head}\r\n\r\n{body}"));
            }
        });
        Member { server, named }
    }

    fn url(&self) -> String {
        self.server.url()
    }

    /// From now on it names these.
    fn names(&self, urls: &[String]) {
        *self.named.lock().expect("nobody panics with it") = urls.to_vec();
    }
}

/// A list of members, each with one client URL; the last has not started yet and has none.
fn list(urls: &[String]) -> String {
    let member = |(id, urls): (usize, Vec<&String>)| json!({"id": format!("{id:x}"), "name": "m", "clientURLs": urls});
    let urls = urls.iter().map(|url| vec![url]).chain([vec![]]);
    json!({"members": Vec::from_iter(urls.enumerate().map(member))}).to_string()
}

fn cluster_id(etcd: &Etcd) -> String {
    let answer = support::http::get(etcd.port(), "/v2/keys/").expect("it answers");
    answer.header("X-Etcd-Cluster-Id").to_owned()
}

#[track_caller]
fn syncs_to(client: &Client, urls: &[String]) {
    assert_eq!(client.sync().ok().json(), json!(urls));
}

#[test]
fn a_member_of_the_cluster_is_added_and_nobody_else() {
    let [known, other] = Etcd::shared();
    let member = Member::of(&cluster_id(known));
    let strangers = [refusing(), void(), silent()];
    let mut named = Vec::from_iter(strangers.iter().map(|dead| dead.url.clone()));
    named.extend([other.url(), known.url(), "ftp://127.0.0.1".into(), "127.0.0.1:1".into(), "::".into(), "".into()]);
    named.extend([known.url(), member.url()]); // once more, and itself
    member.names(&named);
    let client = Client::of(&[member.url()], &[("timeout.connect_ms", "1000"), ("timeout.request_ms", "15000")]);
    syncs_to(&client, &[member.url(), known.url()]);
    let url = member.url();
    drop(member);
    client.set("/synced/one", "1").ok();
    // No endpoint is left to name members, so the list stays.
    assert_eq!(client.sync().ok().json()[0], json!(url));
}

#[test]
fn what_is_configured_stays_and_what_left_the_cluster_goes() {
    let etcd = &Etcd::shared()[0];
    let (member, dead) = (Member::of(&cluster_id(etcd)), refusing());
    let configured = [dead.url.clone(), member.url()];
    let client = Client::of(&configured, &[]);
    member.names(&[etcd.url()]);
    syncs_to(&client, &[&configured[..], &[etcd.url()]].concat());
    member.names(&[]);
    syncs_to(&client, &configured);
    member.names(&[etcd.url(), dead.url.clone()]);
    syncs_to(&client, &[&configured[..], &[etcd.url()]].concat());
}

#[test]
fn a_list_that_cannot_be_fetched_changes_nothing() {
    let etcd = &Etcd::shared()[1];
    let member = Member::of(&cluster_id(etcd));
    member.names(&[etcd.url()]);
    let client = Client::of(&[member.url()], &[("retry.attempts", "1")]);
    syncs_to(&client, &[member.url(), etcd.url()]);
    drop(member);
    // The learnt member is asked instead, and names its own cluster only.
    assert_eq!(client.sync().ok().len(""), 2);

    let dead = refusing();
    let client = Client::of(&[&dead.url], &[("retry.attempts", "1")]);
    client.sync().fails(ETCD_ERROR_UNAVAILABLE);
    let nonsense = FakeServer::answering(crate::response(200, "{}"));
    let client = Client::of(&[nonsense.url()], &[]);
    client.sync().fails(ETCD_ERROR_BAD_RESPONSE);
}

/// A server that redirects to a member would be taken for one, and get the password.
#[test]
fn a_member_that_lets_another_answer_for_it_is_left_out() {
    let member = Member::of("c");
    let to = format!("HTTP/1.1 307 X\r\nLocation: {}/version\r\nContent-Length: 0\r\n\r\n", member.url());
    let stranger = FakeServer::answering(to);
    member.names(&[stranger.url(), member.url()]);
    let client = Client::of(&[member.url()], &[("username", "root"), ("password", "secret")]);
    syncs_to(&client, &[member.url()]);
    assert!(!stranger.requests().is_empty(), "it was asked");
    assert!(stranger.requests().iter().all(|request| !request.text().contains("Authorization")));
}

#[test]
fn a_sync_takes_no_longer_than_a_call_may() {
    let member = Member::of("c");
    let dead = [(); 6].map(|()| silent());
    member.names(&dead.each_ref().map(|dead| dead.url.clone()));
    let client = Client::of(&[member.url()], &[("timeout.request_ms", "3000")]);
    let started = Instant::now();
    syncs_to(&client, &[member.url()]);
    // Six times as long, if each had as much.
    assert!(started.elapsed() < Duration::from_secs(12), "{:?}", started.elapsed());
}

#[test]
fn a_server_that_names_ten_thousand_members_costs_no_more_time() {
    let member = Member::of("c");
    member.names(&Vec::from_iter((0..10_000).map(|i| format!("http://m{i}.invalid:2379"))));
    let client = Client::of(&[member.url()], &[("timeout.request_ms", "4000")]);
    let started = Instant::now();
    syncs_to(&client, &[member.url()]);
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
    client.get("/a", 0).ok();
}

#[test]
fn one_endpoint_is_enough_to_find_the_cluster() {
    for version in Version::all_with_v2() {
        let cluster = Cluster::steady(version);
        let client = Client::of(&[cluster.members[0].url()], &[]);
        let synced = client.sync().ok();
        let mut urls = Vec::from_iter((0..3).map(|i| synced.text(&format!("/{i}")).expect("three of them")));
        assert_eq!((synced.len(""), &urls[0]), (3, &cluster.members[0].url()));
        urls.sort();
        let mut expected = cluster.urls();
        expected.sort();
        assert_eq!(urls, expected);
        client.set("/synced", "1").ok();
        for member in &cluster.members {
            Client::of(&[member.url()], &[]).get("/synced", ETCD_QUORUM).ok(); // so that it has it, too
        }
        cluster.members[0].kill();
        client.get("/synced", 0).ok();
    }
}

/// Waits until the member has been asked for the list so many times.
fn wait_for_syncs(member: &Member, count: usize) {
    let lists = || member.server.lines().iter().filter(|line| line.contains("/v2/members")).count();
    wait_until(LIMIT, "the members are asked for", || lists() >= count);
}

#[test]
fn a_client_with_a_sync_interval_syncs_by_itself() {
    let etcd = &Etcd::shared()[0];
    let member = Member::of(&cluster_id(etcd));
    member.names(&[etcd.url()]);
    let client = Client::of(&[member.url()], &[("sync_interval_ms", "50")]);
    wait_for_syncs(&member, 2); // by then the first one is over
    drop(member);
    client.set("/synced/by-itself", "1").ok();
}

#[test]
fn a_client_without_a_sync_interval_never_syncs() {
    let member = Member::of("c");
    let client = Client::of(&[member.url()], &[]);
    (0..20).for_each(|_| drop(client.get("/a", 0).ok()));
    let mut lines = member.server.lines();
    lines.dedup();
    assert_eq!(lines, ["GET /v2/keys/a HTTP/1.1"]);
}

#[test]
fn syncing_ends_with_the_client() {
    alone(syncing_ends_with_the_client, || {
        let threads = || threads_named("etcd-sync").len();
        let member = Member::of("c");
        let (silent, void) = (silent(), void());
        // Some threads sleep and some wait for an answer when they are to end.
        let clients = [("50", &member.url()), ("3600000", &member.url()), ("10", &silent.url), ("10", &void.url)];
        let clients = clients.map(|(interval, url)| Client::of(&[url], &[("sync_interval_ms", interval)]));
        wait_for_syncs(&member, 2);
        wait_until(LIMIT, "each has named its thread", || threads() == 4);
        drop(clients);
        wait_until(Duration::from_secs(10), "no thread syncs any more", || threads() == 0);
    });
}

#[test]
fn syncing_by_itself_survives_a_cluster_that_is_away() {
    let etcd = &Etcd::shared()[1];
    let gone = Member::of(&cluster_id(etcd));
    let proxy = support::proxy::Proxy::start(gone.server.port(), support::proxy::Mode::Close);
    gone.names(&[etcd.url()]);
    let pairs = [("sync_interval_ms", "20"), ("retry.attempts", "1")];
    let client = Client::of(&[proxy.url()], &pairs);
    wait_until(LIMIT, "it has tried in vain", || proxy.connections() > 5);
    proxy.switch(support::proxy::Mode::Pass);
    wait_for_syncs(&gone, 2);
    drop(proxy);
    client.set("/synced/late", "1").ok();
}
