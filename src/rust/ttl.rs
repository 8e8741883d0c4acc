//! Times to live, in whole seconds.

use std::time::Duration;

use super::error::Result;
use crate::base::error::Error;
use crate::operation::Ttl;

/// Rounded up: rounded down, the shortest would become none.
pub fn seconds(ttl: Duration) -> Result<i64> {
    if ttl.is_zero() {
        return Err(Error::invalid("ttl: must not be zero; None is no expiry").into());
    }
    Ok(i64::try_from(ttl.as_secs().saturating_add(u64::from(ttl.subsec_nanos() > 0))).unwrap_or(i64::MAX))
}

/// Of a key; `None`: without end.
pub fn optional(ttl: Option<Duration>) -> Result<Ttl> {
    Ok(Ttl::from_seconds(ttl.map_or(Ok(0), seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ttl_is_rounded_up_and_zero_is_none() {
        for (given, expected) in [(1, 1), (999, 1), (1000, 1), (1001, 2), (90_000, 90)] {
            assert_eq!(seconds(Duration::from_millis(given)).unwrap(), expected);
        }
        assert_eq!(seconds(Duration::MAX).unwrap(), i64::MAX);
        assert_eq!(seconds(Duration::ZERO).unwrap_err().code, 1001);
        assert_eq!(optional(None).unwrap().seconds(), None);
    }
}
