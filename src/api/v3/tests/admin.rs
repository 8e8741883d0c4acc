//! The cluster, its members, users and roles.

use serde_json::json;

use super::real::{on_each_alone, on_each_server};
use super::*;
use crate::api::Api;
use crate::operation::{AuthChange, MemberChange, Name, Permission, RoleChange, Stats, UserChange};

fn name(text: &str) -> Name {
    Name::parse(text, "name").unwrap()
}

#[test]
fn the_cluster_tells_of_itself_in_the_shapes_of_v2() {
    on_each_server(|etcd| {
        let client = Client::new(etcd, Settings::default());
        let url = format!("http://127.0.0.1:{}", etcd.port);
        assert_eq!(client.run(&Operation::Machines), json!([url]));
        let leader = client.run(&Operation::Leader);
        let id = leader["id"].as_str().unwrap();
        assert_eq!(
            (&leader["name"], &leader["clientURLs"], &leader["isLearner"]),
            (&json!("m0"), &json!([url]), &json!(false))
        );
        assert_eq!(client.run(&Operation::Members), json!({ id: leader }));
        let own = client.run(&Operation::Stats(Stats::Own));
        assert_eq!((&own["name"], &own["id"], &own["state"]), (&json!("m0"), &json!(id), &json!("StateLeader")));
        assert_eq!(own["leaderInfo"]["leader"], json!(id));
        for kind in [Stats::Store, Stats::Leader] {
            assert_eq!(client.error(&Operation::Stats(kind)).code, 1010);
        }
        let version = client.run(&Operation::Version);
        assert!(version["etcdserver"].as_str().unwrap().starts_with(etcd.version), "{version}");
        assert_eq!(client.run(&Operation::Health)["health"], "true");
        let members = client.v3.members(etcd).unwrap();
        assert_eq!((&*members[0].id, &members[0].client_urls[..]), (id, &[url][..]));
        let cluster = client.set("/admin", "1")["header"]["clusterId"].clone();
        assert_eq!(json!(client.v3.cluster_id(etcd).unwrap()), cluster);
        let raw = crate::operation::Raw::new("GET", "/version", None, None).unwrap();
        assert_eq!(client.run(&Operation::Raw(raw)), version);
    });
}

#[test]
fn members_are_added_changed_and_removed() {
    on_each_alone(&[], |etcd| {
        let client = Client::new(etcd, Settings::default());
        let member = |change| Admin::Member(change);
        let urls = |url: &str| vec![url.to_owned()];
        let refused = |admin, status| {
            let error = client.error(&Operation::Admin(admin));
            assert_eq!((error.code, error.status), (1005, Some(status)), "{error}");
        };
        let own = client.run(&Operation::Leader)["id"].as_str().unwrap().to_owned();
        refused(member(MemberChange::Promote { id: name(&own) }), 409);
        refused(member(MemberChange::Promote { id: name("7") }), 404);
        refused(member(MemberChange::Update { id: name("7"), peer_urls: urls("http://127.0.0.1:3") }), 404);
        let moved = MemberChange::Update { id: name(&own), peer_urls: urls("http://127.0.0.1:4") };
        assert_eq!(client.admin(member(moved)), json!({}));
        assert_eq!(client.run(&Operation::Leader)["peerURLs"], json!(["http://127.0.0.1:4"]));
        let error = client.error(&Operation::Admin(member(MemberChange::Remove { id: name("x") })));
        assert_eq!(error.code, 1001);
        // Last: of two members one alone is no majority.
        let added = client.admin(member(MemberChange::Add { peer_urls: urls("http://127.0.0.1:1") }));
        assert_eq!((&added["name"], &added["peerURLs"]), (&json!(""), &json!(["http://127.0.0.1:1"])));
        assert_eq!(client.run(&Operation::Members).as_object().unwrap().len(), 2);
        etcd.wait_no_longer_than(1);
        let lost = client.error(&set("/a", "1"));
        assert_eq!(lost.code, 1004, "{lost}");
        assert_eq!(client.error(&get("/a")).code, 1003, "it cannot be agreed on");
        let local = Operation::Get { key: key("/"), recursive: false, sorted: false, quorum: false };
        client.run(&local);
    });
}

#[test]
fn users_and_roles_are_managed_as_over_v2() {
    on_each_alone(&[], |etcd| {
        let client = Client::new(etcd, Settings::default());
        let user = |change| Admin::User(name("bob"), change);
        let role = |change| Admin::Role(name("app"), change);
        let refused = |admin, status| {
            let error = client.error(&Operation::Admin(admin));
            assert_eq!((error.code, error.status), (1005, Some(status)), "{error}");
        };
        let password = || "s3cret".to_owned();
        assert_eq!(client.admin(Admin::Users), json!([]));
        refused(user(UserChange::Get), 404);
        refused(user(UserChange::SetPassword { password: password() }), 404);
        let created = client.admin(user(UserChange::Create { password: password() }));
        assert_eq!(created, json!({"user":"bob","roles":[]}));
        refused(user(UserChange::Create { password: password() }), 409);
        refused(user(UserChange::Grant { role: name("app") }), 404);

        refused(role(RoleChange::Get), 404);
        let permissions =
            |read: &[&str], write: &[&str]| json!({"role":"app","permissions":{"kv":{"read":read,"write":write}}});
        assert_eq!(client.admin(role(RoleChange::Create)), permissions(&[], &[]));
        refused(role(RoleChange::Create), 409);
        let permission = |read, write| Permission::new("/app*", read, write).unwrap();
        let grant = |read, write| role(RoleChange::Grant(permission(read, write)));
        let revoke = |read, write| role(RoleChange::Revoke(permission(read, write)));
        assert_eq!(client.admin(grant(true, false)), permissions(&["/app*"], &[]));
        refused(grant(true, false), 409);
        assert_eq!(client.admin(grant(false, true)), permissions(&["/app*"], &["/app*"]));
        assert_eq!(client.admin(revoke(true, false)), permissions(&[], &["/app*"]));
        refused(revoke(true, true), 400);
        assert_eq!(client.admin(revoke(false, true)), permissions(&[], &[]));

        assert_eq!(client.admin(user(UserChange::Grant { role: name("app") }))["roles"], json!(["app"]));
        refused(user(UserChange::Grant { role: name("app") }), 409);
        assert_eq!(client.admin(Admin::Users), json!([{"user":"bob","roles":["app"]}]));
        assert_eq!(client.admin(Admin::Roles), json!([permissions(&[], &[])]));
        client.admin(user(UserChange::SetPassword { password: "other".into() }));
        assert_eq!(client.admin(user(UserChange::Revoke { role: name("app") }))["roles"], json!([]));
        refused(user(UserChange::Revoke { role: name("app") }), 409);
        assert_eq!(client.admin(role(RoleChange::Delete)), json!({}));
        refused(role(RoleChange::Delete), 404);
        assert_eq!(client.admin(user(UserChange::Delete)), json!({}));
        refused(user(UserChange::Delete), 404);

        assert_eq!(client.admin(Admin::Auth(AuthChange::Status)), json!({"enabled":false}));
        refused(Admin::Auth(AuthChange::Enable), 409);
        assert_eq!(client.admin(Admin::Auth(AuthChange::Disable)), json!({}), "it is no failure");
        client.admin(Admin::User(name("root"), UserChange::Create { password: password() }));
        client.admin(Admin::Auth(AuthChange::Enable));
        assert_eq!(client.admin(Admin::Auth(AuthChange::Status)), json!({"enabled":true}), "anyone may ask");
        assert_eq!(client.error(&Operation::Admin(Admin::Users)).code, 1008);
    });
}

/// Its HTTP is served elsewhere: what comes over HTTP/1.1 is hung up on.
#[test]
fn a_port_that_speaks_grpc_alone_tells_its_version_and_health_all_the_same() {
    let http = format!("http://127.0.0.1:{}", servers::port::free(1)[0]);
    let etcd = super::real::Etcd::start("3.6", &["--listen-client-http-urls", &http]);
    let client = Client::new(&etcd, Settings::default());
    assert!(client.run(&Operation::Version)["etcdserver"].as_str().unwrap().starts_with("3.6."));
    assert_eq!(client.run(&Operation::Health), json!({"health":"true"}));
    client.set("/a", "1");
}
