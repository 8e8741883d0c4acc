//! The cluster
//!
//! Its members, their state, and any request that has no function of its own.

use std::ffi::c_char;

use super::connect::etcd_client;
use super::handles::CLIENTS;
use super::{argument, guard};
use crate::operation::{Operation, Raw, Stats};

/// Lists the client URLs of all members.
///
/// - `client`: must not be NULL.
///
/// Returns a JSON array, `["http://10.0.0.1:2379","http://10.0.0.2:2379"]`. The caller owns the text and frees
/// it with `etcd_free`.
///
/// Errors: those of every call.
///
/// etcd: `GET /v2/machines`
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_machines(client: *const etcd_client) -> *mut c_char {
    guard::reply(|| CLIENTS.get(client, "client")?.run(&Operation::Machines))
}

/// Lists the members.
///
/// - `client`: must not be NULL.
///
/// Returns a JSON object of members by their id,
/// `{"8e9e05c52164694d":{"id":"8e9e05c52164694d","name":"m1","peerURLs":[...],"clientURLs":[...]}}`; a member that
/// has not started yet has the name "". Over v3 each has `"isLearner"`, too. The caller owns the text and frees it with
/// `etcd_free`.
///
/// Errors: those of every call.
///
/// etcd: `GET /v2/members`
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_members(client: *const etcd_client) -> *mut c_char {
    guard::reply(|| CLIENTS.get(client, "client")?.run(&Operation::Members))
}

/// Adds the members' client URLs to the endpoints of this client, each once it has answered and is of the same cluster. The
/// configured endpoints stay. The setting `sync_interval_ms` does the same at intervals.
///
/// - `client`: must not be NULL.
///
/// Returns a JSON array of all endpoints, `["http://10.0.0.1:2379"]`. The caller owns the text and frees it with
/// `etcd_free`.
///
/// Errors: those of every call.
///
/// Over v3 the members are asked by gRPC.
///
/// etcd: `GET /v2/members`, and of each new one `GET /version` and `HEAD /v2/keys/`
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_sync(client: *const etcd_client) -> *mut c_char {
    guard::reply(|| CLIENTS.get(client, "client")?.sync())
}

/// Returns the member that leads; every member knows it.
///
/// - `client`: must not be NULL.
///
/// Returns the member's object, `{"id":"8e9e05c52164694d","name":"m1","peerURLs":[...],"clientURLs":[...]}`. The
/// caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1005 with status 503 while there is no leader, and those of every call.
///
/// etcd: `GET /v2/members/leader`
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_leader(client: *const etcd_client) -> *mut c_char {
    guard::reply(|| CLIENTS.get(client, "client")?.run(&Operation::Leader))
}

/// Reads statistics.
///
/// - `client`: must not be NULL.
/// - `kind`: must not be NULL. `"store"`: the operations on keys, counted. `"self"`: the server asked.
///   `"leader"`: the followers' latencies, which only the leader knows; any other member answers with error 1005
///   and `cause` "not current leader". Over v3 `"store"` and `"leader"` are error 1010.
///
/// Returns etcd's JSON object; over v3 the state of the server asked, `{"name":...,"id":...,"state":"StateLeader",
/// "leaderInfo":{...},"version":...,"raftTerm":2,"raftIndex":9,"raftAppliedIndex":9,"dbSize":...,"dbSizeInUse":...,
/// "errors":[]}`. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: those of every call.
///
/// etcd: `GET /v2/stats/{kind}`
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_stats(client: *const etcd_client, kind: *const c_char) -> *mut c_char {
    guard::reply(|| {
        let client = CLIENTS.get(client, "client")?;
        // SAFETY: the header's conventions on strings.
        let kind = Stats::parse(unsafe { argument::text(kind, "kind") }?)?;
        client.run(&Operation::Stats(kind))
    })
}

/// Returns the version of the server and of the cluster.
///
/// - `client`: must not be NULL.
///
/// Returns `{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}`; from a port that speaks only gRPC without `etcdcluster`. The
/// caller owns the text and frees it with `etcd_free`.
///
/// Errors: those of every call.
///
/// etcd: `GET /version`
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_server_version(client: *const etcd_client) -> *mut c_char {
    guard::reply(|| CLIENTS.get(client, "client")?.run(&Operation::Version))
}

/// Asks a server whether it is healthy: whether it has a leader and can write.
///
/// - `client`: must not be NULL.
///
/// Returns `{"health":"true"}`, or `{"health":"false"}` from a server that is not healthy, which is no error; "true" is a string.
/// The caller owns the text and frees it with `etcd_free`.
///
/// Errors: those of every call.
///
/// etcd: `GET /health`
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_health(client: *const etcd_client) -> *mut c_char {
    guard::reply(|| CLIENTS.get(client, "client")?.run(&Operation::Health))
}

/// Sends any other request, over HTTP/1.1 whichever the API is; over v3 without credentials.
///
/// - `client`: must not be NULL.
/// - `method`: must not be NULL; in capitals, `"GET"`.
/// - `path`: must not be NULL; path and query as they are to be sent, percent-encoded by the caller:
///   `"/v2/keys/a?recursive=true"`.
/// - `body`: the request's body, or NULL for none.
/// - `content_type`: the body's type, or NULL for none. etcd ignores a form without
///   `"application/x-www-form-urlencoded"` and writes "".
///
/// Returns the reply's body if it is JSON, with `header` appended under `/v2/keys`; any other text as a JSON string,
/// `""` if there is none. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: those of every call.
///
/// etcd: as given
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_request(
    client: *const etcd_client,
    method: *const c_char,
    path: *const c_char,
    body: *const c_char,
    content_type: *const c_char,
) -> *mut c_char {
    guard::reply(|| {
        let client = CLIENTS.get(client, "client")?;
        // SAFETY: the header's conventions on strings.
        let raw = unsafe {
            Raw::new(
                argument::text(method, "method")?,
                argument::text(path, "path")?,
                argument::optional_text(body, "body")?,
                argument::optional_text(content_type, "content_type")?,
            )?
        };
        client.run(&Operation::Raw(raw))
    })
}
