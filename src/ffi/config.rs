//! Configuration
//!
//! Names, their defaults in brackets, then units and ranges. Values are texts, for numbers, too.
//!
//! - `endpoints` ("http://127.0.0.1:2379"): URLs of the cluster's members, separated by commas; "http" or "https", IPv6
//!   in brackets, a path where a reverse proxy wants one; without a port it is HTTP's, 80 or 443.
//! - `api` ("v2"): the version of etcd's API.
//! - `username`, `password` (none): credentials, sent with every request to the endpoints and the cluster's members.
//! - `tls.ca_file` (the system's authorities): PEM file of the authorities to trust.
//! - `tls.cert_file`, `tls.key_file` (none): PEM files of the client's certificate and of its key, in PKCS#8, PKCS#1 or
//!   SEC1.
//! - `tls.server_name` (the endpoint's host): the name that the server's certificate must bear.
//! - `tls.insecure_skip_verify` ("false"): "true" trusts any server; for tests only.
//! - `timeout.connect_ms` (2000): to open one connection, name resolution and TLS included; 1 to 3600000 ms.
//! - `timeout.request_ms` (10000): for one call, all its requests and tries included; 1 to 3600000 ms.
//! - `retry.attempts` (2): how often each endpoint is tried in one call; 1 to 100.
//! - `retry.max_delay_ms` (2000): the longest pause between two tries; 0 to 3600000 ms.
//! - `sync_interval_ms` (0): how often the endpoints are read anew from the cluster; 0, never, to 86400000 ms. A forked
//!   child does not do so.
//! - `discovery.srv_domain` (none): a domain whose SRV records name the endpoints, read when connecting: those of
//!   `_etcd-client-ssl._tcp` or, if there are none and nothing asks for TLS, of `_etcd-client._tcp`.
//! - `discovery.nameserver` (the system's): whom to ask for them, an address with a port, "127.0.0.1:53".
//! - `max_response_bytes` (134217728): the largest reply that is read; 1024 to 1099511627776 bytes.
//! - `watch.queue` (1024): how many events of a watch without a callback wait to be fetched; when so many do, the watch
//!   waits; 1 to 1000000.
//! - `watch.poll_ms` (30000): the longest that a watch waits before it asks again, and so the time in which it notices
//!   that its server is gone without a word; 100 to 3600000 ms.
//! - `user_agent` ("libetcd/" and the version): the `User-Agent` line; visible ASCII.
//!
//! An https endpoint, or anything set under `tls.`, asks for TLS: then no plain endpoint is used but those that are
//! configured, whatever name servers or the cluster say.

use std::ffi::c_char;
use std::sync::Arc;

use super::connect::{CLIENTS, etcd_client};
use super::registry::Registry;
use super::{argument, guard};
use crate::client::Client;
use crate::config::Config;
use crate::error::{Error, Result};

/// A configuration to connect with; see `etcd_config_new`.
#[allow(non_camel_case_types)]
pub struct etcd_config {
    _opaque: [u8; 0],
}

#[derive(Clone, Default)]
pub(super) struct Settings {
    config: Config,
    /// The first thing that was wrong.
    wrong: Option<Error>,
}

pub(super) static CONFIGS: Registry<Settings> = Registry::new();

/// Makes a configuration in which everything has its default.
///
/// Returns it; the caller owns it and gives it back with `etcd_config_free`.
///
///     etcd_config *config = etcd_config_new();
///     etcd_config_set(config, "endpoints", "https://10.0.0.1:2379,https://10.0.0.2:2379");
///     etcd_config_set(config, "tls.ca_file", "/etc/etcd/ca.pem");
///     etcd_client *client = etcd_connect_config(config, &error);
///     etcd_config_free(config);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_config_new() -> *mut etcd_config {
    guard::plain(std::ptr::null_mut(), || CONFIGS.insert(Arc::default()))
}

/// Sets one thing, in place of what was set before. A name or a value that is wrong spoils the configuration:
/// `etcd_connect_config` refuses it and tells the first that was.
///
/// - `config`: NULL, or one that was freed, takes nothing.
/// - `name`: must not be NULL; one of the list above.
/// - `value`: must not be NULL; a number is digits only, a truth "true" or "false".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_config_set(config: *mut etcd_config, name: *const c_char, value: *const c_char) {
    guard::plain((), || {
        CONFIGS.change(config, |settings: &mut Settings| {
            // SAFETY: the header's conventions on strings.
            let set = unsafe { argument::text(name, "name") }
                .and_then(|name| settings.config.set(name, unsafe { argument::text(value, name) }?));
            if let Err(error) = set {
                settings.wrong.get_or_insert(error);
            }
        });
    });
}

/// Makes a client as configured. No I/O is done but to read files, and to ask for SRV records if
/// `discovery.srv_domain` is set.
///
/// - `config`: must not be NULL. It stays the caller's, and later changes to it do not reach the client.
/// - `error`: where to put an error's text, or NULL. NULL is put there on success.
///
/// Returns the client, which the caller owns and gives back with `etcd_disconnect`; NULL on failure.
///
/// Errors: 1001 (the first wrong name or value, or a file that cannot be read), 1002 (no SRV records), 1010.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_connect_config(config: *const etcd_config, error: *mut *mut c_char) -> *mut etcd_client {
    // SAFETY: the header's conventions on `error`.
    unsafe {
        guard::value(error, std::ptr::null_mut(), || {
            let config = configured(config)?;
            Ok(CLIENTS.insert(Client::new(config)?))
        })
    }
}

/// Frees a configuration; clients made with it live on.
///
/// - `config`: NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_config_free(config: *mut etcd_config) {
    guard::plain((), || drop(CONFIGS.remove(config)));
}

fn configured(config: *const etcd_config) -> Result<Config> {
    let settings = CONFIGS.get(config, "config")?;
    match &settings.wrong {
        Some(error) => Err(error.clone()),
        None => Ok(settings.config.clone()),
    }
}
