//! Leases and registration
//!
//! A lease keeps keys alive: as long as it is kept alive itself, and not a ttl longer. The library does that, at a third
//! of the ttl, on whatever endpoint answers, until the lease is freed. A program that dies or hangs, and a machine that is
//! cut off, keeps nothing alive: what it held is gone after the ttl.
//!
//! When no server has answered for the whole ttl, the lease is taken for lost, even if a server may still have it: the time
//! counts from before the last request that was answered was sent, so it is over here before it is over there. A suspended
//! machine counts the time, too.
//!
//! Over v3 a lease is etcd's own, and may hold any number of keys. Over v2, which has none, a registration is a key with a
//! ttl that is refreshed.
//!
//! The leases, registrations and locks of a client share two threads of the library, `etcd-lease` and `etcd-recipe`,
//! however many there are, and the thread of its streams. Those of derived clients share them, too, unless they have a user
//! of their own, or over v2 a root. (Over v2 a lock that waits has a thread, as a watch has.)
//!
//! A call on a handle has the time limit of the client that the handle was made with, and ends with that client. So a lease
//! or a lock of a derived client has a limit of its own. `etcd_disconnect` ends them: free them before, for what is not
//! revoked stays until its ttl is over. A forked child has the handles, but not what they stand for: to it they are lost.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;

use super::connect::etcd_client;
use super::handles::{CLIENTS, LEASES};
use super::{argument, guard};
use crate::base::process;
use crate::operation::Key;
use crate::recipes::lease::{self, Lease};

/// A lease, or a registration; see `etcd_lease_open` and `etcd_register`.
#[allow(non_camel_case_types)]
pub struct etcd_lease {
    _opaque: [u8; 0],
}

/// Grants a lease and keeps it alive. Keys are written with its id: `etcd_put(..., etcd_lease_id(lease), 0)`.
///
/// - `client`: must not be NULL.
/// - `ttl`: how many seconds it lives without being kept alive, at least 1. (The server raises what is below its minimum,
///   usually 2.) A short one makes others learn sooner that this program is gone; but all that lasts longer, a pause of the
///   program or an election of a new leader, loses the lease. 10 is a good choice.
/// - `error`: where to put an error's text, or NULL. NULL is put there on success.
///
/// Returns the lease, which the caller owns and frees with `etcd_lease_free`; NULL on failure.
///
/// Errors: 202 (the ttl is longer than the server allows), 1010 (over v2), and those of every call.
///
/// etcd: over v3 only: `Lease/LeaseGrant`, and then `Lease/LeaseKeepAlive`
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_lease_open(
    client: *const etcd_client,
    ttl: i64,
    error: *mut *mut c_char,
) -> *mut etcd_lease {
    // SAFETY: the header's conventions on `error`.
    unsafe {
        guard::value(error, null_mut(), || {
            let client = CLIENTS.get(client, "client")?;
            Ok(LEASES.insert(Lease::open(client.household(), lease::ttl(ttl)?)?))
        })
    }
}

/// Registers something, say a service's address: writes a key that must not be there, and keeps it there. If it is lost, for
/// its ttl has passed without an answer or somebody deleted it, it is written again as soon as that can be done; if another
/// has taken the key meanwhile, as soon as it is free.
///
/// - `client`: must not be NULL.
/// - `key`: the key, like `/services/web/10.0.0.1:80`; must not be NULL.
/// - `value`: its value; must not be NULL.
/// - `ttl`, `error`: as for `etcd_lease_open`.
///
/// Returns the registration's lease, which the caller owns; NULL on failure. `etcd_lease_free` withdraws it at once.
///
/// Errors: 105 (there is such a key: another holds it, or an earlier run of this program, until its ttl is over), 107, and those of every
/// call.
///
/// etcd: `PUT /v2/keys/{key}?prevExist=false&ttl={ttl}`; over v3 `Lease/LeaseGrant` and `KV/Txn`
///
/// ```c
/// char *error;
/// etcd_lease *here = etcd_register(client, "/services/web/10.0.0.1:80", "{\"weight\":1}", 10, &error);
/// if (!here) { fprintf(stderr, "%s\n", error); etcd_free(error); return 1; }
/// ```
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_register(
    client: *const etcd_client,
    key: *const c_char,
    value: *const c_char,
    ttl: i64,
    error: *mut *mut c_char,
) -> *mut etcd_lease {
    // SAFETY: the header's conventions on strings and on `error`.
    unsafe {
        guard::value(error, null_mut(), || {
            let client = CLIENTS.get(client, "client")?;
            let key = Key::parse(argument::text(key, "key")?)?;
            let value = argument::text(value, "value")?;
            Ok(LEASES.insert(Lease::register(client.household(), key, value, lease::ttl(ttl)?)?))
        })
    }
}

/// Returns a lease's id, to write keys with. That of a registration changes when it is made again.
///
/// - `lease`: must not be NULL.
///
/// Returns the id; 0 for no lease. Over v2 it means nothing to etcd.
///
/// Since: 0.2.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_lease_id(lease: *const etcd_lease) -> i64 {
    guard::plain(0, || LEASES.get(lease, "lease").map_or(0, |lease| lease.id()))
}

/// Says how long what a lease holds is surely there still. It asks nobody.
///
/// - `lease`: NULL, or one that was freed, has no time left.
///
/// Returns the milliseconds; 0: it is lost, or may be.
///
/// Since: 0.2.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_lease_remaining_ms(lease: *const etcd_lease) -> i64 {
    guard::plain(0, || LEASES.get(lease, "lease").map_or(0, |lease| milliseconds(lease.remaining())))
}

/// Makes a lease usable with `poll`, `epoll`, asyncio or libuv.
///
/// - `lease`: must not be NULL.
///
/// Returns a descriptor that is readable once what `etcd_lease_state` says has changed (not for the time left and nothing
/// else): the lease is lost, or was revoked, by whichever thread; a registration was made again, or could not be, for
/// another reason than before. Calling `etcd_lease_state` ends that. It must not be read from or closed, and is valid until
/// `etcd_lease_free`. -1 for no lease, or if the process has no descriptor left.
///
/// Since: 0.2.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_lease_fd(lease: *const etcd_lease) -> c_int {
    guard::plain(-1, || LEASES.get(lease, "lease").ok().and_then(|lease| lease.descriptor()).unwrap_or(-1))
}

/// Says how a lease is. It asks nobody.
///
/// - `lease`: must not be NULL.
///
/// Returns `{"state":"alive","remainingMs":9800,"renewals":0,"error":null}`. `state` is `alive`, `lost` or `revoked`; a
/// registration that is lost is alive again once it could be made again, and `renewals` counts how often that was. `error`
/// is why it is lost, or why it could not be made again. The caller owns the text and frees it with `etcd_free`.
///
/// Errors: 1001.
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_lease_state(lease: *const etcd_lease) -> *mut c_char {
    guard::reply(|| Ok(LEASES.get(lease, "lease")?.state()))
}

/// Ends a lease: what it holds is deleted now. Its handle stays until `etcd_lease_free`.
///
/// - `lease`: must not be NULL.
///
/// Returns its state, as `etcd_lease_state`. The caller owns the text and frees it with `etcd_free`. After an error it is not
/// kept alive any more, and ends by itself.
///
/// Errors: those of every call.
///
/// etcd: `DELETE /v2/keys/{key}?prevIndex={index}`; over v3 `Lease/LeaseRevoke`
///
/// Since: 0.2.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_lease_revoke(lease: *mut etcd_lease) -> *mut c_char {
    guard::reply(|| LEASES.get(lease, "lease")?.revoke())
}

/// Frees a lease, and ends it at once if a server can be told within a second; else it ends by itself after its ttl.
///
/// - `lease`: NULL is fine. In a forked child only the handle is freed: the lease is the parent's.
///
/// etcd: as for `etcd_lease_revoke`
///
/// Since: 0.2.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_lease_free(lease: *mut etcd_lease) {
    guard::plain((), || {
        let Ok(found) = LEASES.get(lease, "lease") else { return };
        if found.is_of_this_process() {
            found.free();
            // Only now: a thread that frees it at the same time waits, too.
            LEASES.remove(lease);
        } else {
            process::leave((found, LEASES.remove(lease)));
        }
    });
}

/// As C counts them.
pub fn milliseconds(time: std::time::Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
