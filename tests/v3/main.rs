//! The v3 API through the C interface, as a program uses it, on real servers of every version.

mod atomicity;
mod auto;
mod derived;
mod faults;
mod interplay;
mod ledger;
mod limits;
mod listings;
mod programs;
mod pulled;
mod quorum;
mod ranges;
mod rules;
mod secured;
mod servers;
mod statuses;
mod tokens;
mod ttl;
mod users;
mod watch_ranges;
mod watches;
mod watches_faults;
