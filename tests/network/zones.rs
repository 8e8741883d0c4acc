//! Addresses of IPv6 with a zone: used as such, shown as they are written, and not sent.

use std::fs;
use std::net::{Ipv6Addr, SocketAddrV6, TcpListener};

use support::api::*;
use support::fake::{FakeServer, Request, response};

use crate::NODE;

/// This machine's addresses that need a zone, with the names and numbers of their interfaces; and one that does not.
fn zoned() -> Vec<(Ipv6Addr, String, u32)> {
    let table = fs::read_to_string("/proc/net/if_inet6").expect("IPv6");
    let found = table.lines().filter_map(|line| {
        let [address, number, _, scope, flags, name] = Vec::from_iter(line.split_whitespace()).try_into().ok()?;
        let hex = |text| u32::from_str_radix(text, 16).expect("hexadecimal");
        let address = u128::from_str_radix(address, 16).expect("hexadecimal");
        // linux/if_addr.h: neither tentative nor a duplicate.
        let is_usable = scope == "20" && hex(flags) & 0x48 == 0;
        is_usable.then(|| (Ipv6Addr::from_bits(address), name.to_owned(), hex(number)))
    });
    found.chain([(Ipv6Addr::LOCALHOST, "lo".to_owned(), 1)]).collect()
}

#[test]
fn a_zone_is_used_and_not_sent() {
    for (address, name, number) in zoned() {
        let listener = TcpListener::bind(SocketAddrV6::new(address, 0, 0, number)).expect("an address of this machine");
        let server = FakeServer::answering_on(listener, response(200, NODE));
        let port = server.port();
        for zone in [name, number.to_string()] {
            let client = Client::of(&[format!("http://[{address}%25{zone}]:{port}")], &[]);
            client.get("/a", 0).ok();
            let host = format!("{address}%{zone}");
            Client::connect(&host, port).get("/a", 0).ok();
        }
        let requests = server.requests();
        assert_eq!(requests.len(), 4);
        for head in requests.iter().map(Request::text) {
            assert!(head.contains(&format!("\r\nHost: [{address}]:{port}\r\n")), "{head}");
        }
    }
}

#[test]
fn an_unknown_interface_is_named() {
    let url = "http://[fe80::1%25no-such-one]:2379";
    let reply = Client::of(&[url], &[]).get("/a", 0).fails(ETCD_ERROR_UNAVAILABLE);
    let cause = reply.text("/cause").expect("a cause");
    assert!(
        cause.starts_with(&format!("{url}: ")) && cause.contains("no network interface \"no-such-one\""),
        "{cause}"
    );
}
