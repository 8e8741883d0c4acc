//! The administration calls: each with its result and all its errors, in etcd's words.

use std::ptr::null;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use support::admin::*;
use support::api::*;
use support::cluster::Cluster;
use support::etcd::Etcd;
use support::fake::{FakeServer, response};
use support::version::Version;
use support::wait::{Ends, wait_until};
use support::{http, port};

const BOTH: u32 = ETCD_READ | ETCD_WRITE;

/// On a new server of each version, with a client that has no credentials.
#[track_caller]
fn on_new_servers(test: impl Fn(&Etcd, Admin)) {
    support::on_new_servers(|etcd, client| test(etcd, Admin::of(client.raw())));
}

#[track_caller]
fn user(etcd: &Etcd, user: &str, password: &str) -> Client {
    Client::of(&[etcd.url()], &[("username", user), ("password", password)])
}

/// Error 1005 with this status and these words.
#[track_caller]
fn refused(reply: Reply, status: i64, words: &str) {
    let reply = reply.fails(ETCD_ERROR_HTTP);
    let cause = reply.text("/cause").expect("a cause");
    assert_eq!((reply.int("/status"), &*cause), (status, words), "{reply}");
    assert_eq!((reply.int("/index"), reply.text("/message")), (0, Some(format!("HTTP status {status}"))));
}

#[track_caller]
fn is(reply: Reply, text: &str) {
    assert_eq!(reply.ok().raw(), text);
}

#[test]
fn authentication_is_enabled_with_a_root_and_disabled_again() {
    on_new_servers(|etcd, admin| {
        is(admin.auth_status(), r#"{"enabled":false}"#);
        refused(admin.auth_disable(), 409, "auth: already disabled");
        refused(admin.auth_enable(), 409, "auth: No root user available, please create one");
        is(admin.user_create("root", "secret"), r#"{"user":"root","roles":["root"]}"#);
        is(admin.auth_enable(), "{}");
        is(admin.auth_status(), r#"{"enabled":true}"#);

        let root = user(etcd, "root", "secret");
        let root = Admin::of(root.raw());
        refused(root.auth_enable(), 409, "auth: already enabled");
        refused(root.user_delete("root"), 403, "auth: Cannot delete root user while auth is enabled.");
        is(root.auth_disable(), "{}");
        is(admin.auth_status(), r#"{"enabled":false}"#);
        is(admin.user_delete("root"), "{}");
    });
}

#[test]
fn users_are_created_read_given_roles_and_deleted() {
    on_new_servers(|_, admin| {
        is(admin.user_list(), "[]");
        is(admin.user_create("bob", "b"), r#"{"user":"bob","roles":[]}"#);
        is(admin.user_create("ann", "a"), r#"{"user":"ann","roles":[]}"#);
        is(admin.user_list(), r#"[{"user":"ann","roles":[]},{"user":"bob","roles":[]}]"#);
        for role in ["r", "w"] {
            admin.role_create(role).ok();
            admin.role_grant(role, "/a", BOTH).ok();
        }
        is(admin.user_grant("bob", "w"), r#"{"user":"bob","roles":["w"]}"#);
        is(admin.user_grant("bob", "r"), r#"{"user":"bob","roles":["r","w"]}"#);
        is(admin.user_get("bob"), r#"{"user":"bob","roles":["r","w"]}"#);
        is(admin.user_list(), r#"[{"user":"ann","roles":[]},{"user":"bob","roles":["r","w"]}]"#);
        is(admin.user_set_password("bob", "c"), r#"{"user":"bob","roles":["r","w"]}"#);
        is(admin.user_revoke("bob", "r"), r#"{"user":"bob","roles":["w"]}"#);
        is(admin.user_delete("bob"), "{}");

        refused(admin.user_create("ann", "b"), 409, "auth: User ann already exists.");
        refused(admin.user_create("new", ""), 400, "auth: Cannot create user new with an empty password");
        refused(admin.user_get("bob"), 404, "auth: User bob does not exist.");
        refused(admin.user_set_password("bob", "c"), 404, "auth: User bob does not exist.");
        refused(admin.user_delete("bob"), 404, "auth: User bob does not exist");
        refused(admin.user_grant("bob", "r"), 404, "auth: User bob does not exist.");
        refused(admin.user_revoke("bob", "r"), 404, "auth: User bob does not exist.");
        admin.user_grant("ann", "r").ok();
        refused(admin.user_grant("ann", "r"), 409, "auth: Granting duplicate role r for user ann");
        refused(admin.user_revoke("ann", "w"), 409, "auth: Revoking ungranted role w for user ann");
        let nothing_to_do = "auth: User not updated. Use grant/revoke/password to update the user.";
        refused(admin.user_set_password("ann", ""), 400, nothing_to_do);
        // etcd does not check whether there is such a role.
        is(admin.user_grant("ann", "none"), r#"{"user":"ann","roles":["none","r"]}"#);
        is(admin.user_list(), r#"[{"user":"ann","roles":["r"]}]"#); // and leaves it out where it tells what roles may do
    });
}

#[test]
fn roles_are_created_given_permissions_and_deleted() {
    on_new_servers(|_, admin| {
        let root = r#"{"role":"root","permissions":{"kv":{"read":["/*"],"write":["/*"]}}}"#;
        is(admin.role_list(), &format!("[{root}]"));
        let none = r#"{"role":"app","permissions":{"kv":{"read":[],"write":[]}}}"#;
        is(admin.role_create("app"), none);
        is(admin.role_get("app"), none);
        let some = |read: &str, write: &str| {
            format!(r#"{{"role":"app","permissions":{{"kv":{{"read":[{read}],"write":[{write}]}}}}}}"#)
        };
        is(admin.role_grant("app", "/app/*", BOTH), &some(r#""/app/*""#, r#""/app/*""#));
        is(admin.role_grant("app", "/one", ETCD_READ), &some(r#""/app/*","/one""#, r#""/app/*""#));
        is(admin.role_list(), &format!("[{},{root}]", some(r#""/app/*","/one""#, r#""/app/*""#)));
        is(admin.role_revoke("app", "/app/*", ETCD_WRITE), &some(r#""/app/*","/one""#, ""));
        is(admin.role_revoke("app", "/app/*", ETCD_READ), &some(r#""/one""#, ""));
        is(admin.role_grant("app", "/one", ETCD_WRITE), &some(r#""/one""#, r#""/one""#));

        refused(admin.role_create("app"), 409, "auth: Role app already exists.");
        refused(admin.role_grant("app", "/one", ETCD_READ), 409, "auth: Granting duplicate read permission /one");
        refused(admin.role_grant("app", "/one", ETCD_WRITE), 409, "auth: Granting duplicate write permission /one");
        let nothing_to_do = "auth: Role not updated. Use grant/revoke to update the role.";
        refused(admin.role_revoke("app", "/none", ETCD_READ), 400, nothing_to_do);
        refused(admin.role_get("none"), 404, "auth: Role none does not exist.");
        refused(admin.role_grant("none", "/one", ETCD_READ), 404, "auth: Role none does not exist.");
        refused(admin.role_revoke("none", "/one", ETCD_READ), 404, "auth: Role none does not exist.");
        refused(admin.role_delete("none"), 404, "auth: Role none doesn't exist.");
        let is_root = "auth: Cannot modify role root: is root role.";
        for reply in [admin.role_create("root"), admin.role_grant("root", "/one", ETCD_READ), admin.role_delete("root")]
        {
            refused(reply, 403, is_root);
        }
        is(admin.role_delete("app"), "{}");
        is(admin.role_list(), &format!("[{root}]"));
    });
}

#[test]
fn creating_a_user_that_exists_leaves_its_password_alone() {
    on_new_servers(|etcd, admin| {
        admin.add_user("bob", "first", "/bob", BOTH);
        admin.secure("secret");
        let root = user(etcd, "root", "secret");
        let root = Admin::of(root.raw());
        refused(root.user_create("bob", "second"), 409, "auth: User bob already exists.");
        refused(root.user_create("root", "second"), 409, "auth: User root already exists.");
        user(etcd, "bob", "first").set("/bob", "1").ok();
        user(etcd, "bob", "second").set("/bob", "1").fails(ETCD_ERROR_UNAUTHENTICATED);
        root.user_set_password("bob", "second").ok();
        user(etcd, "bob", "first").set("/bob", "1").fails(ETCD_ERROR_UNAUTHENTICATED);
        user(etcd, "bob", "second").set("/bob", "1").ok();
    });
}

#[test]
fn setting_the_password_of_no_user_creates_none() {
    on_new_servers(|_, admin| {
        refused(admin.user_set_password("bob", "b"), 404, "auth: User bob does not exist.");
        is(admin.user_list(), "[]");
    });
}

#[test]
fn only_root_may_administer_once_authentication_is_enabled() {
    on_new_servers(|etcd, admin| {
        admin.add_user("bob", "b", "/bob", BOTH);
        admin.secure("secret");
        let calls: [fn(Admin) -> Reply; 16] = [
            |admin| admin.user_list(),
            |admin| admin.user_get("bob"),
            |admin| admin.user_create("new", "n"),
            |admin| admin.user_set_password("bob", "n"),
            |admin| admin.user_delete("bob"),
            |admin| admin.user_grant("bob", "root"),
            |admin| admin.user_revoke("bob", "bob"),
            |admin| admin.role_list(),
            |admin| admin.role_get("bob"),
            |admin| admin.role_create("new"),
            |admin| admin.role_delete("bob"),
            |admin| admin.role_grant("bob", "/", BOTH),
            |admin| admin.role_revoke("bob", "/bob", BOTH),
            |admin| admin.auth_disable(),
            |admin| admin.member_add("http://127.0.0.1:1"),
            |admin| admin.member_remove("1"),
        ];
        let bob = user(etcd, "bob", "b");
        let root = user(etcd, "root", "secret");
        let before = [Admin::of(root.raw()).user_list(), Admin::of(root.raw()).role_list()];
        for who in [admin, Admin::of(bob.raw())] {
            for call in calls {
                let reply = call(who).fails(ETCD_ERROR_UNAUTHENTICATED);
                let said = (reply.text("/cause"), reply.int("/status"));
                assert_eq!(said, (Some("Insufficient credentials".to_owned()), 401), "{reply}");
            }
            is(who.auth_status(), r#"{"enabled":true}"#);
        }
        let after = [Admin::of(root.raw()).user_list(), Admin::of(root.raw()).role_list()];
        assert_eq!(before.each_ref().map(Reply::raw), after.each_ref().map(Reply::raw));
    });
}

#[test]
fn names_and_patterns_of_any_characters_arrive() {
    on_new_servers(|_, admin| {
        for name in ["jürgen", "a b", "%41", "q?x=1#f", "\"\\", "a;b&c+d", "日本", "..."] {
            admin.role_create(name).ok();
            let pattern = format!("/{name}/*");
            let role = admin.role_grant(name, &pattern, ETCD_READ).ok();
            assert_eq!(role.json()["permissions"]["kv"]["read"], serde_json::json!([pattern]));
            admin.user_create(name, name).ok();
            admin.user_grant(name, name).ok();
            assert_eq!(admin.user_get(name).ok().json(), serde_json::json!({"user": name, "roles": [name]}));
            admin.user_revoke(name, name).ok();
            admin.role_revoke(name, &pattern, ETCD_READ).ok();
            admin.user_delete(name).ok();
            admin.role_delete(name).ok();
        }
        is(admin.user_list(), "[]");
        assert_eq!(admin.role_list().ok().len(""), 1);
    });
}

fn client(server: &FakeServer) -> Client {
    Client::connect("127.0.0.1", server.port())
}

#[test]
fn lists_of_names_are_read_like_lists_of_objects() {
    // etcd 2.1 and 2.2, then what later ones say.
    for (said, users, roles) in [
        (r#"{"users":["ann"],"roles":["r","w"]}"#, r#"[{"user":"ann"}]"#, r#"[{"role":"r"},{"role":"w"}]"#),
        (r#"{"users":null,"roles":null}"#, "[]", "[]"),
        (
            r#"{"users":[{"user":"ann","roles":[{"role":"r","permissions":{"kv":{"read":null,"write":[]}}},{"role":"w"}]}],
                "roles":[{"role":"r","permissions":{"kv":{"read":null,"write":["/a"]}}}]}"#,
            r#"[{"user":"ann","roles":["r","w"]}]"#,
            r#"[{"role":"r","permissions":{"kv":{"read":[],"write":["/a"]}}}]"#,
        ),
    ] {
        let server = FakeServer::answering(response(200, said));
        let client = client(&server);
        is(Admin::of(client.raw()).user_list(), users);
        is(Admin::of(client.raw()).role_list(), roles);
        assert_eq!(server.lines(), ["GET /v2/auth/users HTTP/1.1", "GET /v2/auth/roles HTTP/1.1"]);
    }
    // No etcd leaves the list out; what does is not taken for an etcd without users.
    let server = FakeServer::answering(response(200, "{}"));
    let client = client(&server);
    Admin::of(client.raw()).user_list().fails(ETCD_ERROR_BAD_RESPONSE);
    Admin::of(client.raw()).role_list().fails(ETCD_ERROR_BAD_RESPONSE);
}

#[test]
fn a_write_with_an_odd_answer_may_have_been_carried_out() {
    for (status, body, code) in [
        (500, r#"{"message":"Internal Server Error"}"#, ETCD_ERROR_OUTCOME_UNKNOWN),
        (502, r#"{"message":"httpproxy: unable to get response from 1 endpoint(s)"}"#, ETCD_ERROR_OUTCOME_UNKNOWN),
        (200, "nonsense", ETCD_ERROR_OUTCOME_UNKNOWN),
        (200, "[]", ETCD_ERROR_OUTCOME_UNKNOWN),
        (409, r#"{"message":"words"}"#, ETCD_ERROR_HTTP),
        (404, "404 page not found\n", ETCD_ERROR_UNSUPPORTED),
        (401, r#"{"message":"Insufficient credentials"}"#, ETCD_ERROR_UNAUTHENTICATED),
    ] {
        let server = FakeServer::answering(response(status, body));
        let client = client(&server);
        let admin = Admin::of(client.raw());
        for reply in [admin.auth_enable(), admin.role_create("r"), admin.member_remove("1"), admin.user_grant("u", "r")]
        {
            reply.fails(code);
        }
        assert_eq!(server.requests().len(), 4, "none is sent twice");
    }
}

#[test]
fn what_each_call_sends_is_what_etcd_documents() {
    let sent = |call: &dyn Fn(Admin) -> Reply| {
        let server = FakeServer::answering(response(404, r#"{"message":"none"}"#));
        let client = client(&server);
        call(Admin::of(client.raw())).fails(ETCD_ERROR_HTTP);
        let each = server.requests().into_iter().map(|request| {
            let (head, body) = (request.line(), request.text().split_once("\r\n\r\n").unwrap().1.to_owned());
            assert_eq!(request.text().contains("\r\nContent-Type: application/json\r\n"), !body.is_empty(), "{head}");
            format!("{} {body}", head.strip_suffix(" HTTP/1.1").unwrap()).trim_end().to_owned()
        });
        Vec::from_iter(each).join("; ")
    };
    let calls: [(&dyn Fn(Admin) -> Reply, &str); 20] = [
        (&|admin| admin.auth_status(), "GET /v2/auth/enable"),
        (&|admin| admin.auth_enable(), "PUT /v2/auth/enable"),
        (&|admin| admin.auth_disable(), "DELETE /v2/auth/enable"),
        (&|admin| admin.user_list(), "GET /v2/auth/users"),
        (&|admin| admin.user_get("u"), "GET /v2/auth/users/u"),
        (
            &|admin| admin.user_create("u", "\"p\""),
            r#"GET /v2/auth/users/u; PUT /v2/auth/users/u {"user":"u","password":"\"p\""}"#,
        ),
        (&|admin| admin.user_set_password("u", "p"), "GET /v2/auth/users/u"),
        (&|admin| admin.user_delete("u"), "DELETE /v2/auth/users/u"),
        (&|admin| admin.user_grant("u", "r"), r#"PUT /v2/auth/users/u {"user":"u","grant":["r"]}"#),
        (&|admin| admin.user_revoke("u", "r"), r#"PUT /v2/auth/users/u {"user":"u","revoke":["r"]}"#),
        (&|admin| admin.role_list(), "GET /v2/auth/roles"),
        (&|admin| admin.role_get("r"), "GET /v2/auth/roles/r"),
        (
            &|admin| admin.role_create("r"),
            r#"PUT /v2/auth/roles/r {"role":"r","permissions":{"kv":{"read":[],"write":[]}}}"#,
        ),
        (&|admin| admin.role_delete("r"), "DELETE /v2/auth/roles/r"),
        (
            &|admin| admin.role_grant("r", "/a", ETCD_READ),
            r#"PUT /v2/auth/roles/r {"role":"r","grant":{"kv":{"read":["/a"],"write":[]}}}"#,
        ),
        (
            &|admin| admin.role_revoke("r", "/a", BOTH),
            r#"PUT /v2/auth/roles/r {"role":"r","revoke":{"kv":{"read":["/a"],"write":["/a"]}}}"#,
        ),
        (&|admin| admin.role_get("a b/c".split('/').next().unwrap()), "GET /v2/auth/roles/a%20b"),
        (
            &|admin| admin.member_add("http://a:1, http://b:2"),
            r#"POST /v2/members {"peerURLs":["http://a:1","http://b:2"]}"#,
        ),
        (&|admin| admin.member_update("1f", "http://a:1"), r#"PUT /v2/members/1f {"peerURLs":["http://a:1"]}"#),
        (&|admin| admin.member_remove("1f"), "DELETE /v2/members/1f"),
    ];
    for (call, expected) in calls {
        assert_eq!(sent(call), expected);
    }
}

#[test]
fn wrong_arguments_send_nothing() {
    let server = FakeServer::answering(response(200, "{}"));
    let client = client(&server);
    let (raw, admin, a) = (client.raw(), Admin::of(client.raw()), c"a".as_ptr());
    let wrong = |reply: Reply, parameter: &str| {
        let cause = reply.fails(ETCD_ERROR_INVALID_ARGUMENT).text("/cause").expect("a cause");
        assert!(cause.starts_with(&format!("{parameter}: ")), "{cause}");
    };
    for name in ["", ".", "..", "a/b", "/"] {
        for reply in [admin.user_get(name), admin.user_create(name, "p"), admin.user_set_password(name, "p")] {
            wrong(reply, "user");
        }
        for reply in [admin.user_delete(name), admin.user_grant(name, "r"), admin.user_revoke(name, "r")] {
            wrong(reply, "user");
        }
        wrong(admin.user_grant("u", name), "role");
        wrong(admin.user_revoke("u", name), "role");
        for reply in [admin.role_get(name), admin.role_create(name), admin.role_delete(name)] {
            wrong(reply, "role");
        }
        wrong(admin.role_grant(name, "/a", BOTH), "role");
        wrong(admin.role_revoke(name, "/a", BOTH), "role");
        wrong(admin.member_update(name, "http://a:1"), "id");
        wrong(admin.member_remove(name), "id");
    }
    for pattern in ["", "a", "*"] {
        wrong(admin.role_grant("r", pattern, BOTH), "pattern");
        wrong(admin.role_revoke("r", pattern, BOTH), "pattern");
    }
    for access in [0, 4, 7, u32::MAX] {
        wrong(admin.role_grant("r", "/a", access), "access");
        wrong(admin.role_revoke("r", "/a", access), "access");
    }
    for urls in ["", " ", ",", "http://a:1,", ",http://a:1"] {
        wrong(admin.member_add(urls), "peer_urls");
        wrong(admin.member_update("1", urls), "peer_urls");
    }
    let wrong = |text, parameter| wrong(unsafe { Reply::take(text) }, parameter);
    let bad = c"\xff".as_ptr();
    for missing in [null(), bad] {
        unsafe {
            wrong(etcd_member_add(raw, missing), "peer_urls");
            wrong(etcd_member_update(raw, missing, a), "id");
            wrong(etcd_member_update(raw, a, missing), "peer_urls");
            wrong(etcd_member_remove(raw, missing), "id");
            wrong(etcd_user_get(raw, missing), "user");
            wrong(etcd_user_create(raw, missing, a), "user");
            wrong(etcd_user_create(raw, a, missing), "password");
            wrong(etcd_user_set_password(raw, missing, a), "user");
            wrong(etcd_user_set_password(raw, a, missing), "password");
            wrong(etcd_user_delete(raw, missing), "user");
            wrong(etcd_user_grant(raw, missing, a), "user");
            wrong(etcd_user_grant(raw, a, missing), "role");
            wrong(etcd_user_revoke(raw, missing, a), "user");
            wrong(etcd_user_revoke(raw, a, missing), "role");
            wrong(etcd_role_get(raw, missing), "role");
            wrong(etcd_role_create(raw, missing), "role");
            wrong(etcd_role_delete(raw, missing), "role");
            wrong(etcd_role_grant(raw, missing, c"/a".as_ptr(), BOTH), "role");
            wrong(etcd_role_grant(raw, a, missing, BOTH), "pattern");
            wrong(etcd_role_revoke(raw, missing, c"/a".as_ptr(), BOTH), "role");
            wrong(etcd_role_revoke(raw, a, missing, BOTH), "pattern");
        }
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn members_come_and_go_under_traffic_on_etcd_3_4() {
    members_come_and_go(Version::V3_4);
}

#[test]
fn members_come_and_go_under_traffic_on_etcd_3_5() {
    members_come_and_go(Version::V3_5);
}

/// Elections take a second or two; a busy machine may need more.
const PATIENCE: Duration = Duration::from_secs(60);

fn members_come_and_go(version: Version) {
    let cluster = Cluster::start(version, 3);
    let client = Client::of(&cluster.urls(), &[]);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers = [0, 1].map(|number| {
            let (client, stop) = (&client, &stop);
            scope.spawn(move || write_until(stop, client, number))
        });
        let ends = Ends(&stop);
        change_members(version, &client);
        drop(ends);
        let written = writers.map(|writer| writer.join().expect("a writer does not panic"));
        for key in written.iter().flatten() {
            client.get_at_last(key, 0).ok();
        }
        assert!(written.iter().all(|keys| keys.len() > 20), "there was traffic");
    });
}

/// Creates one key after the other; those that etcd said it has created.
fn write_until(stop: &AtomicBool, client: &Client, number: usize) -> Vec<String> {
    let mut written = Vec::new();
    for i in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let key = format!("/traffic/{number}-{i}");
        match client.create(&key, "1") {
            reply if reply.code() == 0 => written.push(key),
            // The leader may be the one that goes.
            reply => drop(reply.fails(ETCD_ERROR_OUTCOME_UNKNOWN)),
        }
    }
    written
}

/// etcd changes its members only when all have been connected for 5 s, and one change after the other has reached all:
/// before that it answers "Internal Server Error". Returns its later answer, and whether it was asked more than once.
fn when_calm(call: impl Fn() -> Reply) -> (Reply, bool) {
    let (mut reply, mut repeated) = (call(), false);
    wait_until(PATIENCE, "etcd changes its members", || {
        let is_calm = !matches!(reply.code(), ETCD_ERROR_OUTCOME_UNKNOWN | ETCD_ERROR_UNAVAILABLE);
        if !is_calm {
            (reply, repeated) = (call(), true);
        }
        is_calm
    });
    (reply, repeated)
}

/// Repeats it until it is carried out. A repeated request of unknown outcome may find its own work done, which etcd
/// answers with the status `already`.
#[track_caller]
fn carried_out(call: impl Fn() -> Reply, already: i64) {
    let (reply, repeated) = when_calm(call);
    if !(repeated && reply.int("/status") == already) {
        is(reply, "{}");
    }
}

/// Adds a member, and returns its id.
fn add_member(admin: &Admin, client: &Client, peer_url: &str) -> String {
    let (added, repeated) = when_calm(|| admin.member_add(peer_url));
    if repeated && added.int("/status") == 409 {
        // By the call before, whose outcome was unknown.
        let mut id = None;
        wait_until(PATIENCE, "the member that is asked knows of it", || {
            let members = client.members().ok().json();
            let mut members = members.as_object().expect("an object").iter();
            id = members.find(|(_, member)| member["peerURLs"][0] == peer_url).map(|(id, _)| id.clone());
            id.is_some()
        });
        return id.expect("it was waited for");
    }
    let id = added.text("/id").unwrap_or_else(|| panic!("no id: {added}"));
    is(added, &format!(r#"{{"id":"{id}","name":"","peerURLs":["{peer_url}"],"clientURLs":[]}}"#));
    id
}

fn change_members(version: Version, client: &Client) {
    let admin = Admin::of(client.raw());
    let ports = port::free(2);
    let [first, peer] = [0, 1].map(|i| format!("http://127.0.0.1:{}", ports[i]));
    refused(when_calm(|| admin.member_update("1234", &first)).0, 404, "No such member: 1234");
    refused(admin.member_remove("no-number"), 404, "No such member: no-number");
    refused(admin.member_add("nonsense"), 400, "URL scheme must be http, https, unix, or unixs: nonsense");
    refused(when_calm(|| admin.member_remove("1234")).0, 404, "No such member: 1234");
    let all = client.members().ok().json();
    let others = Vec::from_iter(all.as_object().expect("an object").values());
    let peer_url = |member: &serde_json::Value| member["peerURLs"][0].as_str().expect("a URL").to_owned();
    let taken = peer_url(others[0]);
    refused(when_calm(|| admin.member_add(&taken)).0, 409, "membership: peerURL exists");

    let id = add_member(&admin, client, &first);
    carried_out(|| admin.member_update(&id, &peer), 409);
    wait_until(PATIENCE, "the member that is asked knows of the new URL", || {
        client.members().ok().text(&format!("/{id}/peerURLs/0")).as_deref() == Some(&*peer)
    });
    refused(when_calm(|| admin.member_update(&id, &taken)).0, 409, "membership: peerURL exists");

    let named =
        others.iter().map(|member| format!("{}={}", member["name"].as_str().expect("a name"), peer_url(member)));
    let initial = format!("{},new={peer}", Vec::from_iter(named).join(","));
    let (cluster, name) = (["--initial-cluster", &*initial, "--initial-cluster-state", "existing"], ["--name", "new"]);
    let own = ["--listen-peer-urls", &*peer, "--initial-advertise-peer-urls", &*peer];
    let new = Etcd::start_with(version, &[&name[..], &cluster, &own].concat());
    wait_until(PATIENCE, "the new member tells its name", || {
        client.members().ok().text(&format!("/{id}/name")).as_deref() == Some("new")
    });
    wait_until(PATIENCE, "its URL is known", || client.machines().ok().len("") == 4);

    carried_out(|| admin.member_remove(&id), 410);
    refused(when_calm(|| admin.member_remove(&id)).0, 410, &format!("Member permanently removed: {id}"));
    // etcd's words for this one are "Internal Server Error".
    admin.member_update(&id, &peer).fails(ETCD_ERROR_OUTCOME_UNKNOWN);
    wait_until(PATIENCE, "its process ends", || http::get(new.port(), "/version").is_none());
    wait_until(PATIENCE, "its URL is known no more", || client.machines().ok().len("") == 3);

    let mut leader = None;
    wait_until(PATIENCE, "there is a leader", || {
        leader = client.request("GET", "/v2/members/leader", None).text("/id");
        leader.is_some()
    });
    let leader = leader.expect("it was waited for");
    // It may be the one that is asked, and end before it has answered.
    carried_out(|| admin.member_remove(&leader), 410);
    wait_until(PATIENCE, "writes are carried out again", || client.set("/after", "1").code() == 0);
    wait_until(PATIENCE, "the member that is asked knows that it has gone", || client.members().ok().len("") == 2);
}
