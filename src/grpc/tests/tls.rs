//! Under TLS: behind a front that speaks it, real servers and the one made of frames.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

use super::server::{DATA, END_STREAM, Server};
use super::*;
use crate::config::TlsConfig;
use crate::grpc::exchange::Outcome;
use crate::net::{Alpn, TlsClient, TlsMaterial};
use servers::port;

/// Speaks TLS on a port of its own, and passes on what is said on one connection.
struct Front {
    port: u16,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<Option<Vec<u8>>>>,
}

#[derive(Clone, Copy)]
struct Manner {
    version: &'static SupportedProtocolVersion,
    alpn: &'static [&'static [u8]],
    wants_certificate: bool,
}

const USUAL: Manner = Manner { version: &TLS13, alpn: &[b"h2"], wants_certificate: false };

impl Front {
    fn start(behind: u16, manner: Manner) -> Front {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_protocol_versions(&[manner.version]).unwrap();
        let certificate: CertificateDer<'static> = cert.der().clone();
        let builder = if manner.wants_certificate {
            let mut roots = RootCertStore::empty();
            roots.add(certificate.clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let mut config = builder.with_single_cert(vec![certificate], key).unwrap();
        config.alpn_protocols = manner.alpn.iter().map(|name| name.to_vec()).collect();
        let listener = port::listen();
        let (port, is_over) = (port::of(&listener), Arc::new(AtomicBool::new(false)));
        let thread = {
            let is_over = is_over.clone();
            thread::spawn(move || {
                let stream = listener.accept().unwrap().0;
                let mut tls = StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream);
                let _ = tls.conn.complete_io(&mut tls.sock); // an error: the client is told, and hangs up
                let alpn = tls.conn.alpn_protocol().map(<[u8]>::to_vec);
                pass_on(&mut tls, behind, &is_over);
                alpn
            })
        };
        Front { port, is_over, thread: Some(thread) }
    }

    fn end(mut self) -> Option<Vec<u8>> {
        self.is_over.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap()
    }
}

fn pass_on(tls: &mut StreamOwned<ServerConnection, TcpStream>, behind: u16, is_over: &AtomicBool) {
    const TICK: Duration = Duration::from_millis(1);
    let mut plain = TcpStream::connect(("127.0.0.1", behind)).unwrap();
    plain.set_read_timeout(Some(TICK)).unwrap();
    tls.sock.set_read_timeout(Some(TICK)).unwrap();
    let mut buffer = vec![0; 64 << 10];
    let is_quiet = |error: &std::io::Error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
    while !is_over.load(Ordering::SeqCst) {
        match tls.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => plain.write_all(&buffer[..read]).unwrap(),
            Err(error) if is_quiet(&error) => {}
            Err(_) => return,
        }
        match plain.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => tls.write_all(&buffer[..read]).unwrap(),
            Err(error) if is_quiet(&error) => {}
            Err(_) => return,
        }
    }
}

fn try_secure(front: &Front) -> Result<Channel, Failure> {
    let config = TlsConfig { insecure_skip_verify: true, ..TlsConfig::default() };
    let client = TlsClient::new(&TlsMaterial::load(&config).expect("nothing to be read"));
    let Stream::Plain(tcp) = stream(front.port) else { unreachable!("it is plain as yet") };
    let stream = client.connect(tcp, "localhost", true, Alpn::H2)?;
    Channel::connect(stream, &origin(front.port), soon(), &Cancel::new())
}

fn ask(channel: &Channel, message: &[u8]) -> Outcome {
    channel.call(&call("/a.Service/Method", message.to_vec()), soon(), &Cancel::new())
}

/// The bytes of a message without content: gRPC's own.
const NOTHING: usize = 5;

#[test]
fn calls_go_through_either_version_of_tls() {
    let large = Vec::from_iter((0..40_000_u32).map(|i| (i % 251) as u8));
    for version in [&TLS12, &TLS13] {
        let server = Server::start(|peer| {
            let mut messages = HashMap::<u32, Vec<u8>>::new();
            while let Some(frame) = peer.next() {
                let message = messages.entry(frame.stream).or_default();
                message.extend(&frame.payload[..if frame.kind == DATA { frame.payload.len() } else { 0 }]);
                match frame.flags & END_STREAM {
                    0 if frame.kind == DATA => {
                        peer.window_update(0, frame.payload.len() as u32);
                        peer.window_update(frame.stream, frame.payload.len() as u32);
                    }
                    0 => {}
                    // The call whose time is over: an answer that were there at the first look would be taken.
                    _ if message.len() == NOTHING => {}
                    _ => {
                        peer.window_update(0, frame.payload.len().max(1) as u32);
                        peer.head(frame.stream);
                        message.chunks(10_000).for_each(|piece| peer.data(frame.stream, piece));
                        peer.ok(frame.stream);
                    }
                }
            }
        });
        let front = Front::start(server.port, Manner { version, ..USUAL });
        let channel = try_secure(&front).expect("it speaks gRPC");
        thread::scope(|scope| {
            for thread in 0..4_u8 {
                let (channel, large) = (&channel, &large);
                scope.spawn(move || {
                    for i in 0..5 {
                        assert_eq!(ask(channel, &[thread, i]), Ok(Ok(vec![thread, i].into())));
                    }
                    let large = &large[usize::from(thread)..];
                    assert!(ask(channel, large) == Ok(Ok(large.to_vec().into())));
                });
            }
        });
        let late = channel.call(&call("/a.Service/Method", vec![]), Deadline::now(), &Cancel::new());
        assert!(matches!(late, Err(Failure::Timeout(_) | Failure::Unreachable(_))), "{late:?}");
        assert!(channel.is_usable());
        drop(channel);
        assert_eq!(front.end().as_deref(), Some(&b"h2"[..]));
        server.end();
    }
}

#[test]
fn a_server_without_alpn_will_do_and_one_of_http1_will_not() {
    let server = Server::start(|peer| peer.echo());
    let front = Front::start(server.port, Manner { alpn: &[], ..USUAL });
    let channel = try_secure(&front).expect("it speaks gRPC");
    assert_eq!(ask(&channel, b"hello"), Ok(Ok(b"hello".to_vec().into())));
    drop(channel);
    assert_eq!(front.end(), None);
    server.end();

    let server = Server::start_bare(drop);
    let front = Front::start(server.port, Manner { alpn: &[b"http/1.1"], ..USUAL });
    let failure = try_secure(&front).err();
    assert!(matches!(failure, Some(Failure::Tls(_))), "{failure:?}");
    front.end();
    server.end();
}

#[test]
fn a_certificate_that_is_missed_is_named_with_nothing_sent() {
    for version in [&TLS12, &TLS13] {
        let server = Server::start_bare(drop);
        let front = Front::start(server.port, Manner { version, wants_certificate: true, ..USUAL });
        let failure = try_secure(&front).err();
        assert!(matches!(&failure, Some(Failure::Tls(cause)) if cause.contains("tls.cert_file")), "{failure:?}");
        front.end();
        server.end();
    }
}
