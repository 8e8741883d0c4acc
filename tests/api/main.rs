//! The calls, on real servers, and on fake ones for what real servers do not do: each with its results and its errors.

mod admin;
mod arguments;
mod cancel;
mod characters;
mod cluster;
mod compare;
mod configuration;
mod connecting;
mod credentials;
mod derived;
mod directories;
mod errors;
mod futures;
mod handles;
mod keys;
mod readers;
mod threads;
