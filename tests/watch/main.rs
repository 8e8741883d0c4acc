//! Watches lose nothing, on real servers and on fake ones.

mod cluster;
mod cut;
mod delivery;
mod failures;
mod freeing;
mod history;
mod load;
mod matching;
mod noise;
mod process;
mod pull;
mod push;
mod refused;
mod resync;
mod rows;
mod scripted;
mod stopping;
