//! A name server on loopback that knows SRV records, or answers what it should not.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::port;

/// A record of a service: who offers it, and who is to be asked first.
#[derive(Debug, Clone)]
pub struct Srv {
    pub priority: u16,
    pub weight: u16,
    pub port: u16,
    pub target: &'static str,
}

/// How a question is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Well,
    /// Not at all.
    Silently,
    /// By TCP only: over UDP it says that the answer is too long for it.
    ByTcp,
    /// By TCP only, and there a byte now and then, without end.
    Dribbling,
    /// With an error: 2 is a server's failure, 5 is a refusal.
    Code(u8),
    /// The same if endpoints with TLS are asked for, and well if plain ones are. 0: not at all.
    CodeIfSecure(u8),
    /// With the name of another question.
    AnotherQuestion,
    /// With the number of another question.
    AnotherNumber,
    /// With bytes that are no message.
    Noise,
    /// With a head that promises records, and none.
    Promise,
    /// With a record that says it is longer than the message.
    LongRecord,
    /// With names that point to themselves.
    Circle,
}

/// Dropping it ends it.
pub struct NameServer {
    port: u16,
    stop: UdpSocket,
    asked: Arc<Mutex<Vec<String>>>,
    threads: Vec<JoinHandle<()>>,
    tcp: Arc<Mutex<bool>>,
}

type Zone = HashMap<String, Vec<Srv>>;

impl NameServer {
    /// `zone`: names like `_etcd-client._tcp.example.test`, and their records.
    pub fn start(zone: &[(&str, Vec<Srv>)], manner: Manner) -> NameServer {
        let (udp, tcp) = port::bind(|address| Ok((UdpSocket::bind(address)?, TcpListener::bind(address)?)));
        let port = port::of(&tcp);
        let zone: Arc<Zone> =
            Arc::new(zone.iter().map(|(name, records)| ((*name).to_owned(), records.clone())).collect());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let stopped = Arc::<Mutex<bool>>::default();
        let stop = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let stopper = stop.local_addr().expect("it is bound");
        let over_udp = {
            let (zone, asked) = (zone.clone(), asked.clone());
            move || {
                let mut bytes = [0; 1500];
                loop {
                    let Ok((length, from)) = udp.recv_from(&mut bytes) else { continue };
                    if from == stopper {
                        return;
                    }
                    let Some(question) = Question::read(&bytes[..length]) else { continue };
                    asked.lock().unwrap_or_else(PoisonError::into_inner).push(question.name());
                    if let Some(answer) = question.answer(&zone, manner) {
                        let _ = udp.send_to(&answer, from); // an error: nobody listens any more
                    }
                }
            }
        };
        let over_tcp = {
            let stopped = stopped.clone();
            move || {
                let is_over = || *stopped.lock().unwrap_or_else(PoisonError::into_inner);
                for stream in tcp.incoming() {
                    if is_over() {
                        return;
                    }
                    match stream {
                        Ok(stream) if manner == Manner::Dribbling => dribble(stream, &is_over),
                        Ok(stream) => answer_by_tcp(stream, &zone),
                        Err(_) => {}
                    }
                }
            }
        };
        let threads = vec![thread::spawn(over_udp), thread::spawn(over_tcp)];
        NameServer { port, stop, asked, threads, tcp: stopped }
    }

    /// As `discovery.nameserver` wants it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The names that were asked for over UDP, in that order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        *self.tcp.lock().unwrap_or_else(PoisonError::into_inner) = true;
        let told = self.stop.send_to(b"stop", (Ipv4Addr::LOCALHOST, self.port));
        let woken = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        let ended = self.threads.drain(..).all(|thread| thread.join().is_ok());
        if !thread::panicking() {
            assert!(told.is_ok() && woken.is_ok() && ended, "a name server panicked");
        }
    }
}

fn answer_by_tcp(mut stream: TcpStream, zone: &Zone) {
    let mut length = [0; 2];
    let Ok(()) = stream.read_exact(&mut length) else { return };
    let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
    let Ok(()) = stream.read_exact(&mut bytes) else { return };
    let answer = Question::read(&bytes).and_then(|question| question.answer(zone, Manner::Well));
    if let Some(answer) = answer {
        let length = u16::try_from(answer.len()).expect("a message that fits");
        let _ = stream.write_all(&[&length.to_be_bytes()[..], &answer].concat()); // an error: nobody listens any more
    }
}

fn dribble(mut stream: TcpStream, is_over: &dyn Fn() -> bool) {
    let mut goes_on = stream.write_all(&[0x7f, 0xff]).is_ok();
    while goes_on && !is_over() {
        thread::sleep(Duration::from_millis(50)); // slowness is what is tested
        goes_on = stream.write_all(&[0]).is_ok();
    }
}

/// The question of a message (RFC 1035, section 4.1).
struct Question<'a> {
    number: &'a [u8],
    /// Name, type and class, as they stand in the message.
    bytes: &'a [u8],
}

const HEAD: usize = 12;
const NXDOMAIN: u8 = 3;
const SRV: [u8; 2] = [0, 33];
const IN: [u8; 2] = [0, 1];
/// The question's name, wherever a name may stand.
const SAME_NAME: [u8; 2] = [0xc0, HEAD as u8];

impl<'a> Question<'a> {
    fn read(message: &'a [u8]) -> Option<Question<'a>> {
        let mut end = HEAD;
        while *message.get(end)? != 0 {
            end += 1 + usize::from(message[end]);
        }
        Some(Question { number: &message[..2], bytes: message.get(HEAD..end + 5)? })
    }

    fn name(&self) -> String {
        let mut rest = self.bytes;
        let mut labels = Vec::new();
        while rest[0] != 0 {
            let (label, after) = rest[1..].split_at(usize::from(rest[0]));
            labels.push(String::from_utf8_lossy(label).into_owned());
            rest = after;
        }
        labels.join(".")
    }

    fn answer(&self, zone: &Zone, manner: Manner) -> Option<Vec<u8>> {
        let manner = match manner {
            Manner::CodeIfSecure(_) if !self.name().contains("-ssl.") => Manner::Well,
            Manner::CodeIfSecure(0) => Manner::Silently,
            Manner::CodeIfSecure(code) => Manner::Code(code),
            manner => manner,
        };
        let records = zone.get(&self.name());
        let code = if records.is_some() { 0 } else { NXDOMAIN };
        let records = records.map_or(&[][..], |records| records);
        let answers: Vec<Vec<u8>> = records.iter().map(|srv| record(&rdata(srv, &encoded(srv.target)))).collect();
        let message = |code, count: usize, question: &[u8], answers: &[u8]| {
            self.message(0x80, code, u16::try_from(count).expect("few records"), question, answers)
        };
        Some(match manner {
            Manner::Silently | Manner::CodeIfSecure(_) => return None,
            Manner::Well => message(code, answers.len(), self.bytes, &answers.concat()),
            Manner::ByTcp | Manner::Dribbling => self.message(0x82, 0, 0, self.bytes, &[]),
            Manner::Code(code) => message(code, 0, self.bytes, &[]),
            Manner::AnotherQuestion => {
                let question = [&encoded("another.test."), &SRV[..], &IN[..]].concat();
                message(0, answers.len(), &question, &answers.concat())
            }
            Manner::AnotherNumber => {
                let mut message = message(0, answers.len(), self.bytes, &answers.concat());
                message[0] ^= 0xff;
                message
            }
            Manner::Noise => [self.number, &[0xff; 40]].concat(),
            Manner::Promise => message(0, 65535, self.bytes, &[]),
            Manner::LongRecord => {
                let mut record = record(&[0; 7]);
                record[10..12].copy_from_slice(&[0xff, 0xff]);
                message(0, 1, self.bytes, &record)
            }
            Manner::Circle => {
                let start = HEAD + self.bytes.len() + record(&[]).len() + 6;
                let pointer = [0xc0 | (start >> 8) as u8, start as u8];
                let srv = Srv { priority: 0, weight: 0, port: 1, target: "" };
                message(0, 1, self.bytes, &record(&rdata(&srv, &pointer)))
            }
        })
    }

    fn message(&self, flags: u8, code: u8, count: u16, question: &[u8], answers: &[u8]) -> Vec<u8> {
        let count = count.to_be_bytes();
        let head = [self.number, &[flags, code, 0, 1], &count, &[0, 0, 0, 0]].concat();
        [&head, question, answers].concat()
    }
}

/// A record of the question's name.
fn record(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("a short record").to_be_bytes();
    let ttl = [0, 0, 0, 60];
    [&SAME_NAME[..], &SRV, &IN, &ttl, &length, data].concat()
}

/// RFC 2782.
fn rdata(srv: &Srv, target: &[u8]) -> Vec<u8> {
    let numbers = [srv.priority, srv.weight, srv.port].map(u16::to_be_bytes);
    [&numbers.concat(), target].concat()
}

/// A name like `localhost.`; `.` is the root.
fn encoded(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).expect("a short label"));
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes
}
