//! What only the v2 API cannot do, checked before anything is sent.

use crate::base::error::{Error, Result};
use crate::operation::{Condition, DeleteKind, Operation, Precondition, Put, Ttl};

/// An error if the v2 API would misread the operation.
pub fn check(operation: &Operation) -> Result<()> {
    match operation {
        Operation::Put(Put { ttl, precondition, .. }) => {
            if let Precondition::Matches(condition) = precondition {
                check_condition(condition)?;
            }
            check_ttl(*ttl)
        }
        Operation::Append { ttl, .. } | Operation::Refresh { ttl, .. } => check_ttl(*ttl),
        Operation::Delete { kind: DeleteKind::KeyThatMatches(condition), .. } => check_condition(condition),
        _ => Ok(()),
    }
}

/// An empty `prevValue` counts as none, and the server would write or delete unconditionally.
fn check_condition(condition: &Condition) -> Result<()> {
    if condition.value() != Some("") {
        return Ok(());
    }
    Err(Error::invalid("prev_value: must not be empty, for etcd's v2 API cannot compare with \"\"; use prev_index"))
}

/// The server would wrap a longer one, or drop it without a word.
fn check_ttl(ttl: Ttl) -> Result<()> {
    match ttl.seconds() {
        Some(seconds) if i32::try_from(seconds).is_err() => {
            Err(Error::invalid(format!("ttl: must be at most {} seconds, not {seconds}", i32::MAX)))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Key;

    fn refresh(ttl: i64) -> Operation {
        Operation::Refresh { key: Key::parse("/a").unwrap(), ttl: Ttl::from_seconds(ttl) }
    }

    #[test]
    fn a_ttl_that_the_server_would_wrap_is_refused() {
        assert!(check(&refresh(2147483647)).is_ok() && check(&refresh(-1)).is_ok());
        for bad in [2147483648, i64::MAX] {
            let error = check(&refresh(bad)).unwrap_err();
            assert_eq!((error.code, error.cause.starts_with("ttl: must be at most 2147483647")), (1001, true));
        }
    }

    #[test]
    fn nothing_is_compared_with_an_empty_value() {
        let delete = |value, index| {
            let kind = DeleteKind::KeyThatMatches(Condition::new(Some(value), index).unwrap());
            Operation::Delete { key: Key::parse("/a").unwrap(), kind }
        };
        assert!(check(&delete("v", 0)).is_ok());
        assert_eq!(check(&delete("", 7)).unwrap_err().code, 1001);
    }
}
