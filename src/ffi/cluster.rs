//! The cluster
//!
//! Who is in it, how it is, and the door to all that has no function of its own.

use std::ffi::c_char;

use super::connect::{CLIENTS, etcd_client};
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
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_machines(client: *const etcd_client) -> *mut c_char {
    guard::reply(|| CLIENTS.get(client, "client")?.run(&Operation::Machines))
}

/// Lists the members.
///
/// - `client`: must not be NULL.
///
/// Returns a JSON object of members by their id,
/// `{"8e9e05c52164694d":{"id":"8e9e05c52164694d","name":"m1","peerURLs":[...],"clientURLs":[...]}}`; one that has not
/// started yet has the name "". The caller owns the text and frees it with `etcd_free`.
///
/// Errors: those of every call.
///
/// etcd: `GET /v2/members`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_members(client: *const etcd_client) -> *mut c_char {
    guard::reply(|| CLIENTS.get(client, "client")?.run(&Operation::Members))
}

/// Takes the members' client URLs for endpoints of this client, too, each once it has answered and is of the same
/// cluster. The configured endpoints stay. `sync_interval_ms` has this done now and then.
///
/// - `client`: must not be NULL.
///
/// Returns a JSON array of all endpoints, `["http://10.0.0.1:2379"]`. The caller owns the text and frees it with
/// `etcd_free`.
///
/// Errors: those of every call.
///
/// etcd: `GET /v2/members`, and of each new one `GET /version` and `HEAD /v2/keys/`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_sync(client: *const etcd_client) -> *mut c_char {
    guard::reply(|| CLIENTS.get(client, "client")?.sync())
}

/// Tells which member leads; every member knows.
///
/// - `client`: must not be NULL.
///
/// Returns the member's object, `{"id":"8e9e05c52164694d","name":"m1","peerURLs":[...],"clientURLs":[...]}`. The
/// caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1005 with status 503 while there is no leader, and those of every call.
///
/// etcd: `GET /v2/members/leader`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_leader(client: *const etcd_client) -> *mut c_char {
    guard::reply(|| CLIENTS.get(client, "client")?.run(&Operation::Leader))
}

/// Reads statistics.
///
/// - `client`: must not be NULL.
/// - `kind`: must not be NULL. `"store"`: the operations on keys, counted. `"self"`: the server asked.
///   `"leader"`: the followers' latencies, which only the leader knows; any other member answers with error 1005
///   and `cause` "not current leader".
///
/// Returns etcd's JSON object. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: those of every call.
///
/// etcd: `GET /v2/stats/{kind}`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_stats(client: *const etcd_client, kind: *const c_char) -> *mut c_char {
    guard::reply(|| {
        let client = CLIENTS.get(client, "client")?;
        // SAFETY: the header's conventions on strings.
        let kind = Stats::parse(unsafe { argument::text(kind, "kind") }?)?;
        client.run(&Operation::Stats(kind))
    })
}

/// Tells the version of the server and of the cluster.
///
/// - `client`: must not be NULL.
///
/// Returns `{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}`. The caller owns the text and frees it with
/// `etcd_free`.
///
/// Errors: those of every call.
///
/// etcd: `GET /version`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_server_version(client: *const etcd_client) -> *mut c_char {
    guard::reply(|| CLIENTS.get(client, "client")?.run(&Operation::Version))
}

/// Asks a server whether it is healthy: whether it has a leader and can write.
///
/// - `client`: must not be NULL.
///
/// Returns `{"health":"true"}`, or `{"health":"false"}` from one that is not, which is no error; "true" is a string.
/// The caller owns the text and frees it with `etcd_free`.
///
/// Errors: those of every call.
///
/// etcd: `GET /health`
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_health(client: *const etcd_client) -> *mut c_char {
    guard::reply(|| CLIENTS.get(client, "client")?.run(&Operation::Health))
}

/// Sends any other request.
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
