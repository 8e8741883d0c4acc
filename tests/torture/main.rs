//! Misuse from C, and servers that lie: a little of both here, and long runs by `make torture` and `make lies`, of which
//! `TORTURE_SEED` and `TORTURE_SECONDS`, `LIES_SEED` and `LIES_ANSWERS` say how they are to be.

mod lies;
mod misuse;
mod torture;
