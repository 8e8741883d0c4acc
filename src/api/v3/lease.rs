//! Leases: what gives a key its time to live.
//!
//! One lease a key, so that none dies with another. A client remembers those it has granted: a key that is written again
//! with the same ttl keeps its lease, which a heartbeat would otherwise leave behind each time.

use std::time::{Duration, Instant};

use super::errors::Refused;
use super::json::Life;
use super::leases::{Lease, Leases, MAX_KNOWN};
use super::session::Session;
use crate::base::random;
use crate::messages::lease::{LeaseGrantRequest, LeaseKeepAliveRequest, LeaseRevokeRequest, LeaseTimeToLiveRequest};

impl Leases {
    /// The lease of a key that is written whatever comes: the one it has, kept alive, or a new one.
    pub fn keep_or_grant(&self, session: &Session, key: &[u8], wanted: i64) -> Result<Lease, Refused> {
        let lease = self.of(key, wanted).filter(|lease| lease.ends > Instant::now());
        let kept = lease.map_or(Ok(None), |lease| self.keep(session, key, lease))?;
        kept.map_or_else(|| self.grant(session, key, wanted), Ok)
    }

    /// The lease a key has, if it is good for as long as a call may take: it is to be kept alive once the write, which
    /// may yet be refused, is done.
    pub fn in_use(&self, key: &[u8], wanted: i64) -> Option<Lease> {
        let half = Duration::from_secs(wanted.unsigned_abs()) / 2;
        self.of(key, wanted).filter(|lease| lease.ends.saturating_duration_since(Instant::now()) >= half)
    }

    /// Keeps a lease alive; `None` if it is gone.
    pub fn keep(&self, session: &Session, key: &[u8], lease: Lease) -> Result<Option<Lease>, Refused> {
        let began = Instant::now();
        let ttl = keep_alive(session, lease.id)?;
        if ttl <= 0 {
            self.forget(key, lease.id);
            return Ok(None);
        }
        let kept = Lease { granted: ttl, ends: began + seconds(ttl), is_new: false, ..lease };
        self.remember(key, kept);
        Ok(Some(kept))
    }

    /// Grants a lease for a key.
    pub fn grant(&self, session: &Session, key: &[u8], wanted: i64) -> Result<Lease, Refused> {
        let began = Instant::now();
        let (id, granted) = grant(session, wanted)?;
        let lease = Lease { id, wanted, granted, ends: began + seconds(granted), is_new: true };
        self.remember(key, lease);
        Ok(lease)
    }

    /// The write it was granted for has been refused. If it cannot be revoked now, it ends by itself.
    pub fn discard(&self, session: &Session, key: &[u8], lease: Lease) {
        if lease.is_new {
            self.forget(key, lease.id);
            let _ = session.ask(&LeaseRevokeRequest { id: lease.id });
        }
    }

    /// The lease of a key, if it is ours and was asked for with this ttl.
    pub fn of(&self, key: &[u8], wanted: i64) -> Option<Lease> {
        self.known.with(|known| known.get(key).copied()).filter(|lease| lease.wanted == wanted)
    }

    pub fn forget(&self, key: &[u8], id: i64) {
        self.known.with(|known| {
            if known.get(key).is_some_and(|lease| lease.id == id) {
                known.remove(key);
            }
        });
    }

    fn remember(&self, key: &[u8], lease: Lease) {
        self.known.with(|known| {
            if known.len() >= MAX_KNOWN && !known.contains_key(key) {
                let now = Instant::now();
                known.retain(|_, lease| lease.ends > now);
                if known.len() >= MAX_KNOWN {
                    let first = known.iter().min_by_key(|(_, lease)| lease.ends).map(|(key, _)| key.clone());
                    first.map(|key| known.remove(&key));
                }
            }
            known.insert(key.to_vec(), Lease { is_new: false, ..lease });
        });
    }
}

impl Lease {
    pub fn life(&self) -> Life {
        Life::of(self.granted)
    }

    /// What is left of it, where it could not be kept alive.
    pub fn rest(&self) -> Life {
        Life::of(self.ends.saturating_duration_since(Instant::now()).as_secs() as i64)
    }
}

/// Grants a lease with an id of our own, so that a grant whose answer is lost can be asked for again; and the seconds
/// that it is granted for.
pub fn grant(session: &Session, wanted: i64) -> Result<(i64, i64), Refused> {
    let id = random::id()?;
    let granted = match session.ask(&LeaseGrantRequest { ttl: wanted, id }) {
        Ok(reply) => reply.ttl,
        // The answer to the first try was lost.
        Err(refused) if refused.is_lease_taken() => {
            session.ask(&LeaseTimeToLiveRequest { id, keys: false })?.granted_ttl
        }
        Err(refused) => return Err(refused),
    };
    Ok((id, granted))
}

/// The seconds that a lease has from now on; 0 or less: it is gone.
pub fn keep_alive(session: &Session, id: i64) -> Result<i64, Refused> {
    Ok(session.ask(&LeaseKeepAliveRequest { id })?.ttl)
}

/// The seconds that are left of a lease; `None` if it is gone.
pub fn remaining(session: &Session, id: i64) -> Result<Option<i64>, Refused> {
    let ttl = session.ask(&LeaseTimeToLiveRequest { id, keys: false })?.ttl;
    Ok((ttl >= 0).then_some(ttl))
}

/// No server grants more than 9,000,000,000; and a clock could not count it.
fn seconds(ttl: i64) -> Duration {
    Duration::from_secs(ttl.clamp(0, 9_000_000_000).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heartbeats_of_many_keys_in_turn_keep_their_leases() {
        let leases = Leases::default();
        let ends = Instant::now() + Duration::from_secs(60);
        for id in 1..=50_000_i64 {
            leases.remember(&id.to_be_bytes(), Lease { id, wanted: 60, granted: 60, ends, is_new: true });
        }
        // It would be granted anew just before its turn, and so would each of them.
        assert!(leases.of(&1_i64.to_be_bytes(), 60).is_some());
    }
}
