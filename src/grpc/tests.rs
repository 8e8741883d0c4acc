//! Calls to real servers, and to one that does what real ones never do.

mod calls;
mod etcd;
mod fork;
mod server;
mod streams;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use servers::PATIENCE;

use super::{Call, Channel, Origin};
use crate::base::effect::Effect;
use crate::base::failure::Failure;
use crate::net::{Cancel, Deadline, Stream, Tcp};

const MAX_MESSAGE: usize = 4 << 20;

fn soon() -> Deadline {
    Deadline::after(PATIENCE)
}

fn stream(port: u16) -> Stream {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    Stream::Plain(Tcp::connect(&[address], soon(), &Cancel::new()).expect("it listens"))
}

fn channel(port: u16) -> Channel {
    try_channel(port, soon(), &Cancel::new()).expect("it speaks gRPC")
}

fn try_channel(port: u16, deadline: Deadline, cancel: &Arc<Cancel>) -> Result<Channel, Failure> {
    Channel::connect(stream(port), &origin(port), deadline, cancel)
}

fn origin(port: u16) -> Origin {
    Origin {
        authority: format!("127.0.0.1:{port}"),
        user_agent: "libetcd/test".to_owned(),
        takes_credentials: true,
        max_message: MAX_MESSAGE,
    }
}

fn call(path: &'static str, message: Vec<u8>) -> Call {
    Call::new(path, message, Effect::Write)
}
