//! TLS: which servers the library trusts, what it sends of itself, and the errors when either fails. With real servers,
//! and with fake ones for what real servers never do.

mod clear;
mod connections;
mod files;
mod identity;
mod mixups;
mod programs;
mod recipes;
mod server;
mod strangers;
mod trust;
mod users;
mod watches;
