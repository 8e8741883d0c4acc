//! Connecting
//!
//! A client is a handle for a cluster. Its connections are opened when they are needed, kept alive, and shared by all threads
//! that use the client.

use std::ffi::c_char;

use super::handles::CLIENTS;
use super::{argument, guard};
use crate::client::Client;
use crate::config::{ApiVersion, Config};

/// A client of an etcd cluster; see `etcd_connect`.
#[allow(non_camel_case_types)]
pub struct etcd_client {
    _opaque: [u8; 0],
}

/// Makes a client for one etcd server, without TLS and credentials; `etcd_connect_config` can do more. It does no I/O: if
/// the server cannot be reached, the first call fails.
///
/// - `host`: name or address of the server, without a scheme; NULL or "" is `127.0.0.1`.
/// - `port`: its client port; 0 is 2379.
/// - `version`: the API to use, `"v2"`, `"v3"` or `"auto"`; NULL or "" is `"auto"`: the first call finds out which one the
///   server has.
/// - `error`: where to put an error's text, or NULL. NULL is put there on success.
///
/// Returns the client, which the caller owns and ends with `etcd_disconnect`; NULL on failure.
///
/// Errors: 1001.
///
/// ```c
/// char *error;
/// etcd_client *client = etcd_connect("127.0.0.1", 2379, NULL, &error);
/// if (!client) { fprintf(stderr, "%s\n", error); etcd_free(error); return 1; }
/// ```
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_connect(
    host: *const c_char,
    port: u16,
    version: *const c_char,
    error: *mut *mut c_char,
) -> *mut etcd_client {
    // SAFETY: the header's conventions on strings and on `error`.
    unsafe {
        guard::value(error, std::ptr::null_mut(), || {
            let host = argument::optional_text(host, "host")?.unwrap_or_default();
            let version = argument::optional_text(version, "version")?.unwrap_or_default();
            let api = ApiVersion::parse(version, "version")?;
            Ok(CLIENTS.insert(Client::new(Config::for_host(host, port, api)?)?))
        })
    }
}

/// Returns the version of etcd's API that a client uses. With "auto" it is found out now, if no call has done so yet.
///
/// - `client`: must not be NULL.
///
/// Returns `{"api":"v2"}` or `{"api":"v3"}`. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1002 (no endpoint tells which API it has; the next call asks again), and those of every call.
///
/// etcd: `GET /version`, `GET /v2/keys/_libetcd`; nothing where the version is given
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_api(client: *const etcd_client) -> *mut c_char {
    guard::reply(|| Ok(format!(r#"{{"api":"{}"}}"#, CLIENTS.get(client, "client")?.api()?)))
}

/// Ends a client: calls under way in other threads return with error 1009, its watches are stopped, and the connections
/// are closed. It waits for callbacks of these watches that are running, unless it is called inside a callback; the
/// watches' handles stay valid until `etcd_watch_free`. The client's handle must not be used any more; a call that uses it
/// fails with error 1001.
///
/// - `client`: NULL is fine.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_disconnect(client: *mut etcd_client) {
    guard::plain((), || {
        if let Ok(found) = CLIENTS.get(client, "client") {
            found.disconnect();
            // Only now: a thread that disconnects it at the same time waits, too.
            CLIENTS.remove(client);
        }
    });
}
