//! One question for SRV records to one name server (RFC 1035): over UDP, and over TCP if the answer is too long for it.

#[cfg(any(test, fuzzing))]
pub mod fuzz;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use simple_dns::rdata::{OPT, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, RCODE, TYPE};

use crate::net::Deadline;

/// What a record says of a service.
pub struct Service {
    pub priority: u16,
    pub weight: u16,
    /// Without a dot at its end; empty if the service is not offered.
    pub host: String,
    pub port: u16,
}

/// The records of `name`, of which there may be none.
pub fn ask(server: SocketAddr, name: &str, deadline: Deadline) -> io::Result<Vec<Service>> {
    let question = Query::new(name)?;
    let mut answer = question.by_udp(server, deadline)?;
    if question.reply(&answer).is_some_and(|reply| reply.has_flags(PacketFlag::TRUNCATION)) {
        answer = question.by_tcp(server, deadline)?;
    }
    let reply = question.reply(&answer).ok_or_else(|| io::Error::other("an answer that cannot be read"))?;
    match reply.rcode() {
        RCODE::NoError => Ok(question.services(&reply)),
        RCODE::NameError => Ok(Vec::new()),
        code => Err(io::Error::other(format!("the name server answers with {code:?}"))),
    }
}

/// A datagram may be lost: as long as no answer comes, the question is sent again after so long.
const AGAIN: Duration = Duration::from_secs(2);

/// What passes every network in one piece, and is said to the server so.
const UDP_SIZE: u16 = 1232;

struct Query<'a> {
    name: Name<'a>,
    number: u16,
    bytes: Vec<u8>,
}

impl<'a> Query<'a> {
    fn new(name: &'a str) -> io::Result<Query<'a>> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let is_letter = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
        if !name.split('.').all(|label| !label.is_empty() && label.bytes().all(is_letter)) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is no domain name"));
        }
        let refused = |error| io::Error::new(io::ErrorKind::InvalidInput, format!("this is no domain name: {error}"));
        let name = Name::new(name).map_err(refused)?;
        // Keyed by the system's random numbers: who does not see the question cannot answer it.
        let number = RandomState::new().build_hasher().finish() as u16;
        let mut packet = Packet::new_query(number);
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
        *packet.opt_mut() = Some(OPT { opt_codes: Vec::new(), udp_packet_size: UDP_SIZE, version: 0 });
        packet.questions.push(Question::new(name.clone(), TYPE::SRV.into(), CLASS::IN.into(), false));
        let bytes = packet.build_bytes_vec().map_err(refused)?;
        Ok(Query { name, number, bytes })
    }

    /// The first datagram that answers this question. Others are not from the server, or late, or no messages.
    fn by_udp(&self, server: SocketAddr, deadline: Deadline) -> io::Result<Vec<u8>> {
        let any: SocketAddr = match server {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any)?;
        socket.connect(server)?;
        let mut bytes = [0; UDP_SIZE as usize];
        loop {
            socket.send(&self.bytes)?;
            let again = Deadline::after(AGAIN).min(deadline);
            while let Some(left) = again.left() {
                socket.set_read_timeout(Some(left))?;
                match socket.recv(&mut bytes) {
                    Ok(length) if self.reply(&bytes[..length]).is_some() => return Ok(bytes[..length].to_vec()),
                    Ok(_) => {}
                    Err(error) if is_timeout(&error) || error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            if deadline.is_over() {
                return Err(late());
            }
        }
    }

    fn by_tcp(&self, server: SocketAddr, deadline: Deadline) -> io::Result<Vec<u8>> {
        let left = || deadline.left().ok_or_else(late);
        let mut stream = TcpStream::connect_timeout(&server, left()?)?;
        stream.set_write_timeout(Some(left()?))?;
        stream.write_all(&[&(self.bytes.len() as u16).to_be_bytes()[..], &self.bytes].concat())?;
        let mut length = [0; 2];
        stream.set_read_timeout(Some(left()?))?;
        stream.read_exact(&mut length).map_err(in_time)?;
        let mut bytes = vec![0; u16::from_be_bytes(length).into()];
        stream.set_read_timeout(Some(left()?))?;
        stream.read_exact(&mut bytes).map_err(in_time)?;
        Ok(bytes)
    }

    /// `bytes` as a message, if it is one and answers this question.
    fn reply<'b>(&self, bytes: &'b [u8]) -> Option<Packet<'b>> {
        let reply = Packet::parse(bytes).ok()?;
        let is_ours = reply.id() == self.number
            && reply.has_flags(PacketFlag::RESPONSE)
            && matches!(&reply.questions[..], [asked] if asked.qname == self.name && asked.qtype == TYPE::SRV.into());
        is_ours.then_some(reply)
    }

    fn services(&self, reply: &Packet) -> Vec<Service> {
        let mut owner = &self.name;
        // No more links than records: a chain may be a circle.
        for _ in &reply.answers {
            let alias = reply
                .answers
                .iter()
                .filter(|record| record.name == *owner)
                .find_map(|record| if let RData::CNAME(alias) = &record.rdata { Some(&alias.0) } else { None });
            owner = alias.unwrap_or(owner);
        }
        let records = reply.answers.iter().filter(|record| record.class == CLASS::IN && record.name == *owner);
        let services = records.filter_map(|record| if let RData::SRV(srv) = &record.rdata { Some(srv) } else { None });
        let service = |srv: &simple_dns::rdata::SRV| Service {
            priority: srv.priority,
            weight: srv.weight,
            host: srv.target.to_string(),
            port: srv.port,
        };
        services.map(service).collect()
    }
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no answer in time")
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn in_time(error: io::Error) -> io::Error {
    if is_timeout(&error) { late() } else { error }
}
