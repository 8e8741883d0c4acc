//! A panic is a bug of the library. It is caught, reported as error 1099 and in the log, and never printed.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

use crate::base::error::{Error, Result};
use crate::base::log::{self, Level};

/// Runs `body`; a panic in it becomes an error.
pub fn catch<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    let outer = INSIDE.replace(true);
    let caught = catch_unwind(AssertUnwindSafe(body));
    INSIDE.set(outer);
    caught.unwrap_or_else(|panic| Err(Error::internal(describe(&*panic))))
}

thread_local! {
    /// Whether this thread is inside the library, so that its panics are the library's.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// From now on panics inside the library go to the log, others where they went before. To be called once.
pub fn handle_panics() {
    let others = take_hook();
    set_hook(Box::new(move |panic| {
        if INSIDE.get() {
            log::log(Level::Error, || format!("a bug in libetcd: {panic}"));
        } else {
            others(panic);
        }
    }));
}

fn describe(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_error_1099_with_its_words() {
        let error = catch::<()>(|| panic!("index {} is out of range", 7)).unwrap_err();
        assert_eq!((error.code, error.cause.as_str()), (1099, "index 7 is out of range"));
        assert_eq!(catch(|| Ok(1)).unwrap(), 1);
    }
}
