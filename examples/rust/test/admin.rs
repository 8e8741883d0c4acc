//! Members, users and roles, on a cluster of their own.

use etcd::codes::*;
use etcd::{Access, ApiVersion, Client, Config, GetOptions};

use crate::fails;

/// etcd drops a change of its members, without a word, until its leader has done with the one before. When a majority reads
/// something after that one, the leader has.
fn let_it_settle(client: &Client) {
    client.get_with("/", GetOptions::new().quorum()).unwrap();
}

pub fn members(client: &Client, _: &str) {
    let added = client.member_add(["http://127.0.0.1:7", "http://127.0.0.1:9"]).unwrap();
    assert_eq!(added.peer_urls, ["http://127.0.0.1:7", "http://127.0.0.1:9"]);
    let_it_settle(client);
    client.member_update(&added.id, ["http://127.0.0.1:11"]).unwrap();
    assert_eq!(client.members().unwrap()[&added.id].peer_urls, ["http://127.0.0.1:11"]);
    let_it_settle(client);
    assert_eq!(fails(client.member_add(["http://127.0.0.1:11"]), ETCD_ERROR_HTTP).status, Some(409));
    let_it_settle(client);
    client.member_remove(&added.id).unwrap();
    assert!(!client.members().unwrap().contains_key(&added.id));
    let_it_settle(client);
    assert_eq!(fails(client.member_remove(&added.id), ETCD_ERROR_HTTP).status, Some(410));
}

/// Over each API: v2 and v3 have users and roles of their own.
fn over_each(url: &str, test: impl Fn(&Client, ApiVersion)) {
    for api in [ApiVersion::V2, ApiVersion::V3] {
        test(&Config::new().endpoints([url]).api(api).connect().unwrap(), api);
    }
}

pub fn roles(_: &Client, url: &str) {
    over_each(url, roles_over);
}

fn roles_over(client: &Client, api: ApiVersion) {
    let all = vec!["/app/*".to_owned()];
    let created = client.role_create("app").unwrap();
    assert!(created.name == "app" && created.read.is_empty() && created.write.is_empty());
    assert_eq!(fails(client.role_create("app"), ETCD_ERROR_HTTP).status, Some(409));
    let both = client.role_grant("app", "/app/*", Access::READ | Access::WRITE).unwrap();
    assert_eq!((&both.read, &both.write), (&all, &all));
    let read = client.role_revoke("app", "/app/*", Access::WRITE).unwrap();
    assert_eq!((&read.read, &read.write), (&all, &vec![]));
    assert_eq!(client.role_get("app").unwrap(), read);
    let names: Vec<_> = client.role_list().unwrap().into_iter().map(|role| role.name).collect();
    // v2 has "root" before anybody makes it.
    assert_eq!(names, if api == ApiVersion::V2 { &["app", "root"][..] } else { &["app"] });
    client.role_delete("app").unwrap();
}

pub fn users_and_what_they_may_do(_: &Client, url: &str) {
    over_each(url, |client, api| users_over(client, api, url));
}

fn users_over(client: &Client, api: ApiVersion, url: &str) {
    let connect =
        |user, password| Config::new().endpoints([url]).api(api).credentials(user, password).connect().unwrap();
    client.role_create("app").unwrap();
    client.role_grant("app", "/app/*", Access::READ | Access::WRITE).unwrap();
    assert!(client.user_create("bob", "old").unwrap().roles.is_empty());
    assert_eq!(client.user_grant("bob", "app").unwrap().roles, ["app"]);
    assert!(client.user_revoke("bob", "app").unwrap().roles.is_empty());
    client.user_grant("bob", "app").unwrap();
    assert_eq!(client.user_set_password("bob", "new").unwrap().name, "bob");
    assert_eq!(fails(client.user_create("bob", "other"), ETCD_ERROR_HTTP).status, Some(409));
    assert_eq!(fails(client.auth_enable(), ETCD_ERROR_HTTP).status, Some(409), "no root yet");
    client.user_create("root", "secret").unwrap();
    let names: Vec<_> = client.user_list().unwrap().into_iter().map(|user| user.name).collect();
    assert_eq!(names, ["bob", "root"]);
    assert_eq!(client.user_get("bob").unwrap().roles, ["app"]);

    assert!(!client.auth_status().unwrap());
    client.auth_enable().unwrap();
    let enabled = client.auth_status();
    let as_bob = connect("bob", "new");
    let (written, listed) = (as_bob.set("/app/a", "1", None), as_bob.user_list());
    let read = connect("bob", "old").get("/app/a");
    connect("root", "secret").auth_disable().unwrap();
    assert!(enabled.unwrap() && written.is_ok());
    fails(listed, ETCD_ERROR_UNAUTHENTICATED);
    fails(read, ETCD_ERROR_UNAUTHENTICATED);

    if api == ApiVersion::V2 {
        assert_eq!(fails(client.auth_disable(), ETCD_ERROR_HTTP).status, Some(409), "v3 takes it twice");
    }
    client.delete_tree("/app").unwrap();
    ["bob", "root"].iter().for_each(|user| client.user_delete(user).unwrap());
    ["app", if api == ApiVersion::V2 { "guest" } else { "root" }]
        .iter()
        .for_each(|role| client.role_delete(role).unwrap());
    assert_eq!(fails(client.user_get("bob"), ETCD_ERROR_HTTP).status, Some(404));
}
