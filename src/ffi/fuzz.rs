//! The targets of `make fuzz`: what reads texts and bytes that servers or callers wrote, each a function of an input that
//! panics where something is wrong. `fuzz/` runs them on inputs without end, a test on those in `fuzz/seeds`.

mod readers;
mod texts;

use crate::{api, grpc, http, messages, net, recipes};

type Target = fn(&[u8]);

/// Each by its name.
pub const TARGETS: &[(&str, Target)] = &[
    ("base64", texts::base64),
    ("calls", messages::fuzz::calls),
    ("endpoints", texts::endpoints),
    ("frames", grpc::fuzz::frames),
    ("holding", api::v3::fuzz::holding),
    ("http", http::fuzz::responses),
    ("json", readers::json),
    ("keys", texts::keys),
    ("mirror", recipes::mirror::fuzz::events),
    ("replies", messages::fuzz::replies),
    ("settings", texts::settings),
    ("srv", net::answers),
    ("statuses", grpc::fuzz::statuses),
    ("transactions", messages::fuzz::transactions),
    ("v2", api::v2::fuzz::operations),
    ("v2_watch", api::v2::fuzz::polls),
    ("v3", api::v3::fuzz::operations),
    ("v3_watch", api::v3::watch::fuzz::streams),
];

/// Runs the target of that name on an input.
pub fn run(name: &str, input: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("there is such a target");
    target(input);
}

#[cfg(test)]
mod tests;
