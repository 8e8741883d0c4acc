//! Configuration
//!
//! Each setting has a name, a default (in brackets), and a unit and a range. Values are texts, also for numbers.
//!
//! - `endpoints` ("http://127.0.0.1:2379"): URLs of the cluster's members, separated by commas; "http" or "https", IPv6
//!   in brackets, with a zone where it needs one ("http://[fe80::1%25eth0]:2379"), a path where a reverse proxy wants
//!   one; without a port it is HTTP's, 80 or 443.
//! - `api` ("auto"): the version of etcd's API, "v2", "v3" or "auto". With "auto" the first call finds out, once for the
//!   client: v3 if the cluster is of version 3.6 or later; else v2 if any endpoint serves it; else v3.
//! - `username`, `password` (none): credentials, for the endpoints and the cluster's members only. Over v2 they are sent with
//!   every request, over v3 they are exchanged for a token, which is renewed when it is no longer good.
//! - `tls.ca_file` (the system's authorities): PEM file of the authorities to trust; the server's own certificate may be
//!   one. The environment's `SSL_CERT_FILE` and `SSL_CERT_DIR` say where the system's are, but not to a program that is
//!   setuid, setgid or has file capabilities.
//! - `tls.cert_file`, `tls.key_file` (none): PEM files of the client's certificate and of its key, in PKCS#8, PKCS#1 or
//!   SEC1.
//! - `tls.server_name` (the endpoint's host): the name that the server's certificate must have.
//! - `tls.insecure_skip_verify` ("false"): "true" trusts any server, whatever its certificate and key are, if a handshake
//!   with it can be done; for tests only.
//! - `timeout.connect_ms` (2000): to open one connection, TLS included; 1 to 3600000 ms. The look-up of a name is not: it may
//!   use the whole time of the call.
//! - `timeout.request_ms` (10000): for one call, all its requests and tries included; 1 to 3600000 ms.
//! - `retry.attempts` (2): how often each endpoint is tried in one call; 1 to 100.
//! - `retry.max_delay_ms` (2000): the longest pause between two tries; 0 to 3600000 ms.
//! - `sync_interval_ms` (0): the time after which the endpoints are read anew from the cluster; 0 (never) to 86400000 ms. A
//!   forked child does not do so.
//! - `discovery.srv_domain` (none): a domain whose SRV records name the endpoints, read when connecting: those of
//!   `_etcd-client-ssl._tcp` or, if there are none and nothing asks for TLS, of `_etcd-client._tcp`.
//! - `discovery.nameserver` (the system's): the name server to ask for them, an address with a port, "127.0.0.1:53".
//! - `max_response_bytes` (134217728): the largest reply that is read; 1024 to 1099511627776 bytes.
//! - `watch.queue` (1024): how many events of a watch without a callback can wait to be fetched; when the queue is full, the
//!   watch waits; 1 to 1000000.
//! - `watch.poll_ms` (30000): the longest time that a watch waits before it asks again, and so the time in which it notices
//!   that its server has gone silently; 100 to 3600000 ms.
//! - `user_agent` ("libetcd/" and the version): the `User-Agent` line; visible ASCII.
//! - `root` ("/"): what every key of the v3 API begins with: "" for keys without a leading slash, or like "/app/", with a
//!   slash at its end. Replies
//!   have it taken off, and keys that do not begin with it are not seen. On v2, the directory that every key is below.
//! - `v3.strict_tree` ("true"): "false" leaves out the rules of a tree over v3: errors 102 and 104 are not found. What a call
//!   itself asks for holds: 105 of `etcd_create`, 108 of `etcd_deletedir`.
//! - `v3.tell_expire` ("true"): "false" saves the request that tells `expire` from `delete` in the events of a watch over v3.
//!   A key whose lease was revoked has expired, too.
//! - `no_value_on_success` ("false"): "true" has the replies of `etcd_create`, `etcd_update` and `etcd_cas` leave out the
//!   node, as `ETCD_NO_VALUE_ON_SUCCESS` has that of `etcd_set`.
//!
//! An https endpoint, or any setting that begins with `tls.`, asks for TLS. Then the only plain endpoints that are used are
//! configured ones, whatever name servers or the cluster say.

use std::ffi::{c_char, c_int};
use std::sync::Arc;

use super::connect::etcd_client;
use super::handles::{CLIENTS, CONFIGS};
use super::{argument, guard};
use crate::base::code;
use crate::client::Client;
use crate::config::Settings;

/// A configuration to connect with; see `etcd_config_new`.
#[allow(non_camel_case_types)]
pub struct etcd_config {
    _opaque: [u8; 0],
}

/// Makes a configuration in which everything has its default.
///
/// Returns the configuration, which the caller owns and frees with `etcd_config_free`.
///
/// ```c
/// etcd_config *config = etcd_config_new();
/// etcd_config_set(config, "endpoints", "https://10.0.0.1:2379,https://10.0.0.2:2379");
/// etcd_config_set(config, "tls.ca_file", "/etc/etcd/ca.pem");
/// etcd_client *client = etcd_connect_config(config, &error);
/// etcd_config_free(config);
/// ```
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_config_new() -> *mut etcd_config {
    guard::plain(std::ptr::null_mut(), || CONFIGS.insert(Arc::default()))
}

/// Sets one thing, in place of its former value. An invalid name or value is remembered: `etcd_connect_config` fails with
/// the first one, and says what is wrong with it.
///
/// - `config`: must not be NULL.
/// - `name`: must not be NULL; one of the list above.
/// - `value`: must not be NULL; a number is digits only; yes or no is "true" or "false".
///
/// Returns 0; or 1001, `ETCD_ERROR_INVALID_ARGUMENT`, for a name or a value that is invalid, or a configuration that is
/// none.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_config_set(config: *mut etcd_config, name: *const c_char, value: *const c_char) -> c_int {
    guard::plain(code::ETCD_ERROR_INTERNAL, || {
        let set = CONFIGS.change(config, "config", |settings: &mut Settings| {
            // SAFETY: the header's conventions on strings.
            let texts = unsafe { argument::text(name, "name") }
                .and_then(|name| Ok((name, unsafe { argument::text(value, name) }?)));
            settings.set(texts)
        });
        set.map_or_else(|error| error.code, |()| 0)
    })
}

/// Makes a client as configured. The only I/O is to read files, and to ask for SRV records if `discovery.srv_domain` is set.
///
/// - `config`: must not be NULL. The caller still owns it; later changes to it do not affect the client.
/// - `error`: where to put an error's text, or NULL. NULL is put there on success.
///
/// Returns the client, which the caller owns and ends with `etcd_disconnect`; NULL on failure.
///
/// Errors: 1001 (the first invalid name or value, or a file that cannot be read), 1002 (no SRV records), 1010, 1011.
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_connect_config(config: *const etcd_config, error: *mut *mut c_char) -> *mut etcd_client {
    // SAFETY: the header's conventions on `error`.
    unsafe {
        guard::value(error, std::ptr::null_mut(), || {
            let settings = CONFIGS.get(config, "config")?;
            Ok(CLIENTS.insert(Client::new(settings.config()?)?))
        })
    }
}

/// Frees a configuration; clients made with it live on.
///
/// - `config`: NULL is fine.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_config_free(config: *mut etcd_config) {
    guard::plain((), || drop(CONFIGS.remove(config)));
}

/// Makes a client that shares another one's endpoints, connections and token, with settings of its own: a time limit for
/// some calls, a part of the tree, another user. It costs no connection, no thread and less than 1 KB (2 KB with another user), so it
/// may be made for a single call, which another thread then ends with `etcd_disconnect` of this client alone. (A write that is
/// given up so is error 1009, whose `cause` says whether it was sent. What stands in the line of a lock is given up with
/// `etcd_lock_free`.)
///
/// - `client`: must not be NULL; may be derived itself. Its end is this one's, too: calls under way end with 1009, watches are
///   stopped.
/// - `changes`: must not be NULL; what was set in it, and no more, is another than `client`'s: `timeout.request_ms`,
///   `retry.attempts`, `retry.max_delay_ms`, `root`, `watch.queue`, `watch.poll_ms`,
///   `username`, `password` or `user_agent`. The root is appended to that of `client`: "sub/" of one with "/app/" is
///   "/app/sub/". Another `username` has no password but the one that comes with it. The caller
///   still owns it.
/// - `error`: where to put an error's text, or NULL. NULL is put there on success.
///
/// Returns the client, which the caller owns and ends with `etcd_disconnect`, before or after `client`; NULL on failure.
///
/// Errors: 1001 (an invalid setting, or one that cannot be another's), 1009 (`client` has ended).
///
/// etcd: nothing
///
/// ```c
/// etcd_config *changes = etcd_config_new();
/// etcd_config_set(changes, "timeout.request_ms", "200");
/// etcd_client *hasty = etcd_with(client, changes, &error);
/// etcd_config_free(changes);
/// ```
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_with(
    client: *const etcd_client,
    changes: *const etcd_config,
    error: *mut *mut c_char,
) -> *mut etcd_client {
    // SAFETY: the header's conventions on `error`.
    unsafe {
        guard::value(error, std::ptr::null_mut(), || {
            let client = CLIENTS.get(client, "client")?;
            let settings = CONFIGS.get(changes, "changes")?;
            Ok(CLIENTS.insert(client.derive(settings.over(client.config())?)?))
        })
    }
}
