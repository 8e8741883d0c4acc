//! Numbers that nobody else has: from the kernel, for a forked child would draw the same ones as its parent from a
//! generator that both have a copy of.

use super::error::{Error, Result};

/// Above 0.
pub fn id() -> Result<i64> {
    let mut bytes = [0; 8];
    getrandom::getrandom(&mut bytes)
        .map_err(|error| Error::system_limit(format!("no random number from the kernel: {error}")))?;
    Ok((i64::from_ne_bytes(bytes) & i64::MAX).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_another_and_none_is_zero_or_less() {
        let count = if cfg!(miri) { 100 } else { 1000 };
        let ids = std::collections::BTreeSet::from_iter((0..count).map(|_| id().unwrap()));
        assert!(ids.len() == count && ids.iter().all(|id| *id > 0));
    }
}
