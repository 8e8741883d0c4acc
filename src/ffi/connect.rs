//! Connecting
//!
//! A client is a handle for a cluster: connections are opened when they are needed, kept alive and
//! shared by all threads that use it.

use std::ffi::c_char;

use super::registry::Registry;
use super::{argument, guard};
use crate::client::Client;
use crate::config::{ApiVersion, Config};
use crate::endpoint::Endpoint;

/// A client of an etcd cluster; see `etcd_connect`.
#[allow(non_camel_case_types)]
pub struct etcd_client {
    _opaque: [u8; 0],
}

pub(super) static CLIENTS: Registry<Client> = Registry::new();

/// Makes a client for one etcd server, without TLS and credentials; `etcd_connect_config` can do more. No I/O is done:
/// that a server cannot be reached is told by the first call.
///
/// - `host`: name or address of the server, without a scheme; NULL or "" is `127.0.0.1`.
/// - `port`: its client port; 0 is 2379.
/// - `version`: the API to use, `"v2"`; NULL or "" is the same. `"v3"` is error 1010 until it is built.
/// - `error`: where to put an error's text, or NULL. NULL is put there on success.
///
/// Returns the client, which the caller owns and gives back with `etcd_disconnect`; NULL on failure.
///
/// Errors: 1001, 1010.
///
///     char *error;
///     etcd_client *client = etcd_connect("127.0.0.1", 2379, "v2", &error);
///     if (!client) { fprintf(stderr, "%s\n", error); etcd_free(error); return 1; }
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
            let config = Config::new(vec![Endpoint::from_host(host, port)?], api);
            Ok(CLIENTS.insert(Client::new(config)?))
        })
    }
}

/// Ends a client: calls under way in other threads come back with error 1009, its watches are stopped, and the
/// connections are closed. It waits for callbacks of these watches that are running, unless it is called inside a
/// callback; their handles stay valid until `etcd_watch_free`. The client's handle must not be used any more; a call that
/// does gets error 1001.
///
/// - `client`: NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_disconnect(client: *mut etcd_client) {
    guard::plain((), || {
        if let Some(client) = CLIENTS.remove(client) {
            client.disconnect();
        }
    });
}
