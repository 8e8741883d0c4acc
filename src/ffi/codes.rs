//! Error codes, as `crate::base::code` has them: this file exists so that the C header finds them there and
//! Rust programs find them here.

pub use crate::base::code::*;
