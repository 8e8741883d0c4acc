//! The error codes: the one table, from which the macros of the C header are made.
//!
//! 100 to 501 are etcd's own (`error/error.go` of etcd 2.x to 3.5), named as etcd names them;
//! from 1000 up they are what the library finds itself. A number is never reused.

/// Nothing is stored under this key. `cause` is the first component that is missing.
pub const ETCD_ERROR_KEY_NOT_FOUND: i32 = 100;
/// The condition of a compare-and-swap or compare-and-delete did not hold. `cause` is `[given != actual]`.
pub const ETCD_ERROR_COMPARE_FAILED: i32 = 101;
/// The key is a directory; the call is for keys with a value.
pub const ETCD_ERROR_NOT_FILE: i32 = 102;
/// etcd 0.4: the cluster has its full number of peers.
pub const ETCD_ERROR_NO_MORE_PEER: i32 = 103;
/// A component of the key's path holds a value, so nothing can be below it.
pub const ETCD_ERROR_NOT_DIRECTORY: i32 = 104;
/// The key exists already.
pub const ETCD_ERROR_KEY_EXISTS: i32 = 105;
/// etcd 0.4: the key's prefix is a keyword of etcd.
pub const ETCD_ERROR_KEY_IS_PRESERVED: i32 = 106;
/// The root directory can be neither written nor deleted.
pub const ETCD_ERROR_ROOT_READ_ONLY: i32 = 107;
/// The directory is not empty; hidden keys count too.
pub const ETCD_ERROR_DIRECTORY_NOT_EMPTY: i32 = 108;
/// etcd 0.4: a peer with this address exists.
pub const ETCD_ERROR_EXISTING_PEER_ADDRESS: i32 = 109;
/// The server's code for missing permission; the library reports `ETCD_ERROR_UNAUTHENTICATED` for it.
pub const ETCD_ERROR_UNAUTHORIZED: i32 = 110;

/// The request had no value.
pub const ETCD_ERROR_VALUE_REQUIRED: i32 = 200;
/// The condition's value was empty.
pub const ETCD_ERROR_PREV_VALUE_REQUIRED: i32 = 201;
/// The ttl was not a number.
pub const ETCD_ERROR_TTL_NOT_A_NUMBER: i32 = 202;
/// An index was not a number.
pub const ETCD_ERROR_INDEX_NOT_A_NUMBER: i32 = 203;
/// The request had neither value nor ttl.
pub const ETCD_ERROR_VALUE_OR_TTL_REQUIRED: i32 = 204;
/// The timeout was not a number.
pub const ETCD_ERROR_TIMEOUT_NOT_A_NUMBER: i32 = 205;
/// The request had no name.
pub const ETCD_ERROR_NAME_REQUIRED: i32 = 206;
/// The request had neither index nor value.
pub const ETCD_ERROR_INDEX_OR_VALUE_REQUIRED: i32 = 207;
/// The request had both index and value.
pub const ETCD_ERROR_INDEX_VALUE_MUTEX: i32 = 208;
/// A parameter of the request had an impossible value.
pub const ETCD_ERROR_INVALID_FIELD: i32 = 209;
/// The request's form could not be read; one above 10 MiB says so here.
pub const ETCD_ERROR_INVALID_FORM: i32 = 210;
/// A refresh came with a value.
pub const ETCD_ERROR_REFRESH_VALUE: i32 = 211;
/// A refresh came without a ttl.
pub const ETCD_ERROR_REFRESH_TTL_REQUIRED: i32 = 212;

/// Something failed inside the cluster; `cause` says what.
pub const ETCD_ERROR_RAFT_INTERNAL: i32 = 300;
/// etcd 0.4: no leader at this moment.
pub const ETCD_ERROR_LEADER_ELECTION: i32 = 301;

/// A watch was ended by the server's recovery; or there is no such revision yet.
pub const ETCD_ERROR_WATCHER_CLEARED: i32 = 400;
/// etcd's history no longer reaches back to the index asked for.
pub const ETCD_ERROR_EVENT_INDEX_CLEARED: i32 = 401;
/// etcd 0.4: a standby failed.
pub const ETCD_ERROR_STANDBY_INTERNAL: i32 = 402;
/// etcd 0.4: an invalid active size.
pub const ETCD_ERROR_INVALID_ACTIVE_SIZE: i32 = 403;
/// etcd 0.4: an invalid standby remove delay.
pub const ETCD_ERROR_INVALID_REMOVE_DELAY: i32 = 404;

/// A client's internal failure, as etcd's own clients number it.
pub const ETCD_ERROR_CLIENT_INTERNAL: i32 = 500;
/// No peer could be reached, as etcd's own clients number it.
pub const ETCD_ERROR_CLIENT_UNREACHABLE: i32 = 501;

/// An argument of the call was invalid; nothing was sent. `cause` names the parameter.
pub const ETCD_ERROR_INVALID_ARGUMENT: i32 = 1001;
/// No endpoint could be reached, or a read lost its connection; nothing was carried out.
pub const ETCD_ERROR_UNAVAILABLE: i32 = 1002;
/// A read gave no answer in time.
pub const ETCD_ERROR_TIMEOUT: i32 = 1003;
/// A write was sent and no answer came that can be understood: it may or may not have been carried out; it was not repeated.
pub const ETCD_ERROR_OUTCOME_UNKNOWN: i32 = 1004;
/// An HTTP failure with no etcd error in it; `cause` holds the body's text.
pub const ETCD_ERROR_HTTP: i32 = 1005;
/// The answer to a read was not HTTP, truncated, not JSON where JSON is due, or too large.
pub const ETCD_ERROR_BAD_RESPONSE: i32 = 1006;
/// Certificate or handshake refused; `cause` says why.
pub const ETCD_ERROR_TLS: i32 = 1007;
/// The server wants credentials, or better ones.
pub const ETCD_ERROR_UNAUTHENTICATED: i32 = 1008;
/// The client was disconnected, or the watch stopped, while the call was under way.
pub const ETCD_ERROR_CANCELLED: i32 = 1009;
/// This server cannot do that.
pub const ETCD_ERROR_UNSUPPORTED: i32 = 1010;
/// The system has no thread, descriptor or memory left for the call; `cause` says which.
pub const ETCD_ERROR_SYSTEM_LIMIT: i32 = 1011;
/// A bug in the library.
pub const ETCD_ERROR_INTERNAL: i32 = 1099;
