//! Watching that loses nothing, on real servers and on a scripted one.

#[path = "../support/child.rs"]
mod child;
#[path = "../support/configured.rs"]
mod configured;
#[path = "../support/hostile.rs"]
mod hostile;
#[path = "../support/resolver.rs"]
mod resolver;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/watch.rs"]
mod watching;

mod cluster;
mod cut;
mod delivery;
mod failures;
mod freeing;
mod history;
mod ledger;
mod load;
mod matching;
mod noise;
mod process;
mod proxy;
mod pull;
mod push;
mod refused;
mod resync;
mod scripted;
mod stopping;
