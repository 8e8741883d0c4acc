//! What a server's refusals mean: for retrying, and for the caller.
//!
//! etcd's own refusals are told by their texts, which are the same from 3.3 to 3.7 (`rpctypes/error.go`); the codes alone
//! are too few.

use crate::base::code;
use crate::base::effect::{Effect, Verdict};
use crate::base::error::{Error, NOT_ALLOWED};
use crate::base::failure::NO_ANSWER_IN_TIME;
use crate::grpc::{Status, codes};

/// What a call was refused for, or why it brought no answer.
#[derive(Debug)]
pub enum Refused {
    By(Status, Effect),
    Failed(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Refused {
        Refused::Failed(error)
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Error {
        match refused {
            Refused::By(status, effect) => into_error(status, effect),
            Refused::Failed(error) => error,
        }
    }
}

impl Refused {
    /// The server said no, or found the condition wanting: as certain as it gets that nothing was written.
    pub fn is_surely_not_carried_out(&self) -> bool {
        match self {
            Refused::By(status, _) => judge(status) != Verdict::Failed && !is_reply_unsendable(status),
            Refused::Failed(Error { code, .. }) => *code < 1000,
        }
    }

    /// Whether it is open if a write has been carried out.
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            Refused::By(status, effect) => {
                (judge(status) == Verdict::Failed || is_reply_unsendable(status)) && !effect.is_read()
            }
            Refused::Failed(Error { code, .. }) => *code == code::ETCD_ERROR_OUTCOME_UNKNOWN,
        }
    }

    fn says(&self, text: &str) -> bool {
        matches!(self, Refused::By(status, _) if status.message.contains(text))
    }

    pub fn has_code(&self, wanted: u32) -> bool {
        matches!(self, Refused::By(Status { code, .. }, _) if *code == wanted)
    }

    /// Whether a role does not allow it. (Asked before the token is doubted: see `auth`.)
    pub fn is_denied(&self) -> bool {
        self.has_code(codes::PERMISSION_DENIED)
    }

    pub fn is_lease_not_found(&self) -> bool {
        self.says("requested lease not found")
    }

    pub fn is_lease_taken(&self) -> bool {
        self.says("lease already exists")
    }

    pub fn is_compacted(&self) -> bool {
        self.says("required revision has been compacted")
    }

    /// The server asked has not come as far as the revision asked for.
    pub fn is_future_revision(&self) -> bool {
        self.says("required revision is a future revision")
    }

    /// The member asked has no vote yet. It answers reads of its own copy that are no transactions, and little else.
    pub fn is_of_a_learner(&self) -> bool {
        self.says("not supported for learner")
    }

    pub fn is_unimplemented(&self) -> bool {
        self.has_code(codes::UNIMPLEMENTED)
    }

    pub fn is_authentication_off(&self) -> bool {
        self.says("authentication is not enabled")
    }

    /// The reply is larger than the server (up to 3.4.16) sends, or than we take. A smaller page may do.
    pub fn is_reply_too_large(&self) -> bool {
        match self {
            Refused::By(status, _) => status.code == codes::RESOURCE_EXHAUSTED && is_message_too_large(status),
            Refused::Failed(error) => error.is_permanent,
        }
    }

    pub fn is_root_role_missing(&self) -> bool {
        self.says("root user does not have root role")
    }

    pub fn is_user_not_found(&self) -> bool {
        self.says("user name not found")
    }

    pub fn is_role_not_found(&self) -> bool {
        self.says("role name not found")
    }

    pub fn is_role_there(&self) -> bool {
        self.says("role name already exists")
    }

    /// No answer came in time, be it by our clock or by the server's, which was told of our deadline.
    pub fn is_silence(&self) -> bool {
        match self {
            Refused::By(status, _) => is_deadline(status),
            Refused::Failed(Error { code, .. }) => {
                matches!(*code, code::ETCD_ERROR_TIMEOUT | code::ETCD_ERROR_OUTCOME_UNKNOWN)
            }
        }
    }

    pub fn wants_token(&self) -> bool {
        matches!(self, Refused::By(status, _) if wants_token(status))
    }

    /// How many new tokens are worth asking with.
    pub fn worthwhile_tokens(&self) -> u32 {
        match self {
            Refused::By(status, _) if is_overtaken(status) => MAX_OVERTAKEN,
            _ => u32::from(self.wants_token()),
        }
    }
}

/// A stream that has ended without the server's doing.
pub fn stream_closed(cause: &str) -> Error {
    Error::new(code::ETCD_ERROR_UNAVAILABLE, "The stream was closed", cause)
}

/// Each change of the users and roles may overtake what was asked just then, and an administrator makes many in a row.
const MAX_OVERTAKEN: u32 = 16;

/// Whether a token, or a new one, would help. None of them has been carried out.
pub fn wants_token(status: &Status) -> bool {
    let texts = ["invalid auth token", "user name is empty"];
    status.code == codes::UNAUTHENTICATED
        || texts.iter().any(|text| status.message.contains(text))
        || is_overtaken(status)
}

/// Whether users or roles were changed since the token was made, which JWT tokens are bound to, or, with any token,
/// between the time a server took what was asked and the time it was carried out.
pub fn is_overtaken(status: &Status) -> bool {
    // The latter are the words of an etcd's own parts, which 3.5 passes on.
    let texts = ["revision of auth store is old", "auth: revision in header is old"];
    texts.iter().any(|text| status.message.contains(text))
}

/// What a refusal means for retrying.
pub fn judge(status: &Status) -> Verdict {
    let says = |text: &str| status.message.contains(text);
    match status.code {
        // Found before anything is proposed: by the interceptors, or for want of room in the queue.
        codes::UNAVAILABLE if says("no leader") || says("unhealthy cluster") => Verdict::NotCarriedOut,
        codes::RESOURCE_EXHAUSTED if says("too many requests") => Verdict::NotCarriedOut,
        _ if says("not supported for learner") || says("not capable") || says("not a primary lessor") => {
            Verdict::NotCarriedOut
        }
        codes::CANCELED | codes::DEADLINE_EXCEEDED | codes::INTERNAL | codes::UNAVAILABLE => Verdict::Failed,
        codes::UNKNOWN if is_loose_end(status) => Verdict::Failed,
        _ => Verdict::Answer,
    }
}

/// A refusal as the caller gets it.
pub fn into_error(status: Status, effect: Effect) -> Error {
    let said = || status.message.clone();
    let says = |text: &str| status.message.contains(text);
    let of = |code, message: &str| Error::new(code, message, said());
    if wants_token(&status) || status.code == codes::PERMISSION_DENIED || says("authentication failed") {
        return of(code::ETCD_ERROR_UNAUTHENTICATED, NOT_ALLOWED);
    }
    let verdict = judge(&status);
    if (verdict == Verdict::Failed || is_reply_unsendable(&status)) && !effect.is_read() {
        return Error::outcome_unknown(said());
    }
    match status.code {
        _ if says("has been compacted") => of(
            code::ETCD_ERROR_EVENT_INDEX_CLEARED,
            "The event in requested index is outdated and cleared: the history was compacted",
        ),
        _ if says("is a future revision") => of(
            code::ETCD_ERROR_WATCHER_CLEARED,
            "The server does not have this revision: it was restored, or lags behind",
        ),
        _ if says("no leader") || says("leader changed") || says("not leader") || says("not a primary lessor") => {
            of(code::ETCD_ERROR_LEADER_ELECTION, "The cluster has no leader at this moment; try again")
        }
        _ if says("not supported for learner") => of(
            code::ETCD_ERROR_UNAVAILABLE,
            "The member asked is a learner, and nothing was done: name a voting member among the endpoints",
        ),
        _ if says("database space exceeded") => of(
            code::ETCD_ERROR_RAFT_INTERNAL,
            "The server has no space left, and nothing was written: compact and defragment it, then disarm its alarm",
        ),
        _ if says("too many requests") => {
            of(code::ETCD_ERROR_RAFT_INTERNAL, "The server has too much to do, and nothing was done; try again later")
        }
        _ if says("request is too large") || is_message_too_large(&status) && !effect.is_read() => of(
            code::ETCD_ERROR_INVALID_FIELD,
            "The value is too large for this server, and nothing was written: see its --max-request-bytes",
        ),
        _ if is_message_too_large(&status) => Error {
            is_permanent: true,
            ..Error::bad_response("a reply that is too large for this server to send; read less at once")
        },
        // `ETCD_IGNORE_VALUE` and `ETCD_IGNORE_LEASE` of a key that is not there.
        _ if status.message == "etcdserver: key not found" => of(code::ETCD_ERROR_KEY_NOT_FOUND, "Key not found"),
        _ if says("requested lease not found") => of(
            code::ETCD_ERROR_RAFT_INTERNAL,
            "There is no such lease, and nothing was done: it has ended, or was never granted",
        ),
        _ if says("too many operations") || says("duplicate key given") => {
            of(code::ETCD_ERROR_INVALID_FIELD, "The server does not take such a transaction; nothing was done")
        }
        _ if says("too large lease TTL") => {
            of(code::ETCD_ERROR_TTL_NOT_A_NUMBER, "The ttl is longer than the server allows, 9000000000 seconds")
        }
        _ if is_deadline(&status) => of(code::ETCD_ERROR_TIMEOUT, NO_ANSWER_IN_TIME),
        codes::UNIMPLEMENTED => Error::unsupported(said()),
        codes::CANCELED | codes::UNKNOWN | codes::NOT_FOUND | codes::INTERNAL | codes::UNAVAILABLE => {
            of(code::ETCD_ERROR_RAFT_INTERNAL, "The cluster could not do it at this moment; try again")
        }
        _ => of(code::ETCD_ERROR_HTTP, &format!("gRPC status {}", codes::name(status.code))),
    }
}

/// What an administrator's request was refused for. As over v2 it is error 1005 with an HTTP status that tells the kind.
pub fn into_admin_error(refused: Refused) -> Error {
    let Refused::By(status, effect) = refused else { return refused.into() };
    let says = |texts: &[&str]| texts.iter().any(|text| status.message.contains(text));
    let http = match status.code {
        _ if says(&["member not found", "user name not found", "role name not found"]) => 404,
        _ if says(&["already exist", "not granted to the user", "authentication is not enabled"]) => 409,
        _ if says(&["root user does not", "not enough started members", "learner"]) => 409,
        _ if says(&["invalid auth management"]) => 403,
        codes::INVALID_ARGUMENT if !wants_token(&status) && !says(&["authentication failed"]) => 400,
        _ if says(&["permission is not granted"]) => 400,
        _ => return into_error(status, effect),
    };
    let message = format!("gRPC status {}", codes::name(status.code));
    Error::new(code::ETCD_ERROR_HTTP, message, status.message).with_status(http)
}

/// Errors of Go's that etcd passes on as they are, and that leave open what became of a proposal.
fn is_loose_end(status: &Status) -> bool {
    let texts = ["context canceled", "context deadline exceeded", "transport is closing", "server stopped", "EOF"];
    texts.iter().any(|text| status.message.contains(text))
}

/// Some servers say it with the code of an unknown error.
fn is_deadline(status: &Status) -> bool {
    status.code == codes::DEADLINE_EXCEEDED || status.message.contains("context deadline exceeded")
}

/// It has been carried out, and the reply is larger than the server sends (up to 3.4.16): of a deletion with what was there,
/// say. What is too large on its way in is "received message larger than max".
fn is_reply_unsendable(status: &Status) -> bool {
    status.message.contains("trying to send message larger than max")
}

fn is_message_too_large(status: &Status) -> bool {
    status.message.contains("message larger than max")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u32, message: &str) -> Status {
        Status { code, message: message.into() }
    }

    #[test]
    fn each_refusal_has_its_code_and_its_verdict() {
        use Verdict::{Answer, Failed, NotCarriedOut};
        for (grpc, text, verdict, read, write) in [
            (16, "etcdserver: invalid auth token", Answer, 1008, 1008),
            (3, "etcdserver: user name is empty", Answer, 1008, 1008),
            (3, "etcdserver: revision of auth store is old", Answer, 1008, 1008),
            (2, "auth: revision in header is old", Answer, 1008, 1008),
            (3, "etcdserver: authentication failed, invalid user ID or password", Answer, 1008, 1008),
            (7, "etcdserver: permission denied", Answer, 1008, 1008),
            (11, "etcdserver: mvcc: required revision has been compacted", Answer, 401, 401),
            (11, "etcdserver: mvcc: required revision is a future revision", Answer, 400, 400),
            (14, "etcdserver: no leader", NotCarriedOut, 301, 301),
            (14, "etcdserver: leader changed", Failed, 301, 1004),
            (2, "not a primary lessor", NotCarriedOut, 301, 301),
            (9, "etcdserver: not leader", Answer, 301, 301),
            (9, "etcdserver: rpc not supported for learner", NotCarriedOut, 1002, 1002),
            (14, "etcdserver: request timed out", Failed, 300, 1004),
            (14, "etcdserver: request timed out, possibly due to connection lost", Failed, 300, 1004),
            (14, "etcdserver: server stopped", Failed, 300, 1004),
            (14, "transport is closing", Failed, 300, 1004),
            (4, "context deadline exceeded", Failed, 1003, 1004),
            (2, "context deadline exceeded", Failed, 1003, 1004),
            (1, "etcdserver: request canceled", Failed, 300, 1004),
            (13, "stream terminated by RST_STREAM", Failed, 300, 1004),
            (2, "etcdserver: something new", Answer, 300, 300),
            (8, "etcdserver: mvcc: database space exceeded", Answer, 300, 300),
            (8, "etcdserver: too many requests", NotCarriedOut, 300, 300),
            (8, "grpc: received message larger than max (6000142 vs. 4194304)", Answer, 1006, 209),
            (8, "grpc: trying to send message larger than max (2500142 vs. 2097152)", Answer, 1006, 1004),
            (3, "etcdserver: request is too large", Answer, 209, 209),
            (3, "etcdserver: too many operations in txn request", Answer, 209, 209),
            (3, "etcdserver: duplicate key given in txn request", Answer, 209, 209),
            (5, "etcdserver: requested lease not found", Answer, 300, 300),
            (3, "etcdserver: key not found", Answer, 100, 100),
            (11, "etcdserver: too large lease TTL", Answer, 202, 202),
            (12, "unknown service etcdserverpb.KV", Answer, 1010, 1010),
            (99, "?", Answer, 1005, 1005),
        ] {
            let status = status(grpc, text);
            assert_eq!(judge(&status), verdict, "{text}");
            let codes = (into_error(status.clone(), Effect::Read).code, into_error(status, Effect::Write).code);
            assert_eq!(codes, (read, write), "{grpc} {text}");
        }
    }

    #[test]
    fn an_error_hands_on_etcds_words_and_says_what_to_do() {
        let full = into_error(status(8, "etcdserver: mvcc: database space exceeded"), Effect::Write);
        assert_eq!(full.cause, "etcdserver: mvcc: database space exceeded");
        assert!(full.message.contains("nothing was written") && full.message.contains("disarm"), "{}", full.message);
    }

    #[test]
    fn an_administrators_errors_have_a_status_of_their_kind() {
        for (grpc, text, http) in [
            (5, "etcdserver: member not found", Some(404)),
            (9, "etcdserver: user name not found", Some(404)),
            (9, "etcdserver: role name already exists", Some(409)),
            (9, "etcdserver: Peer URLs already exists", Some(409)),
            (9, "etcdserver: role is not granted to the user", Some(409)),
            (9, "etcdserver: root user does not exist", Some(409)),
            (9, "etcdserver: authentication is not enabled", Some(409)),
            (9, "etcdserver: can only promote a learner member which is in sync with leader", Some(409)),
            (3, "etcdserver: invalid auth management", Some(403)),
            (3, "etcdserver: user name is empty", None),
            (3, "etcdserver: given member URLs are invalid", Some(400)),
            (9, "etcdserver: permission is not granted to the role", Some(400)),
            (7, "etcdserver: permission denied", None),
        ] {
            let error = into_admin_error(Refused::By(status(grpc, text), Effect::Write));
            assert_eq!(error.status, http, "{text}");
            assert_eq!(error.code, if http.is_some() { 1005 } else { 1008 }, "{text}");
            assert_eq!(error.cause, text);
        }
    }
}
