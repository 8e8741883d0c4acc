//! TLS: whom the library trusts, who it says it is, and what it says when either fails; with real servers, and with
//! scripted ones for what real servers never do.

#[path = "../support/administration.rs"]
mod administration;
#[path = "../support/certificates.rs"]
mod certificates;
#[path = "../support/child.rs"]
mod child;
#[path = "../support/configured.rs"]
mod configured;
#[path = "../support/hostile.rs"]
mod hostile;
#[path = "../support/log.rs"]
mod log;
#[path = "../support/program.rs"]
mod program;
#[path = "../support/proxy.rs"]
mod proxy;
#[path = "../support/mod.rs"]
mod support;
#[path = "../toolchain/mod.rs"]
mod toolchain;
#[path = "../support/watch.rs"]
mod watching;

mod clear;
mod connections;
mod files;
mod front;
mod identity;
mod mixups;
mod programs;
mod recipes;
mod server;
mod strangers;
mod trust;
mod users;
mod watches;
