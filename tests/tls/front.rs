//! A scripted server that speaks TLS in whatever way a test wants, and one that hands on to a real etcd what it
//! has decrypted.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

use crate::certificates::{Authority, Identity};
use crate::configured::Configured;
use crate::support::port;

pub const TLS12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
pub const TLS13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// Which TLS it speaks.
pub struct Speaking<'a> {
    pub identity: &'a Identity,
    pub versions: &'static [&'static SupportedProtocolVersion],
    /// Asks clients for a certificate of this authority's, and lets in those that have none.
    pub asking: Option<&'a Authority>,
}

pub struct Front {
    port: u16,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
    handshakes: AtomicUsize,
    resumed: AtomicUsize,
    requests: Mutex<Vec<String>>,
}

/// One connection, as a script sees it.
pub struct Session {
    tls: StreamOwned<ServerConnection, TcpStream>,
    input: Vec<u8>,
    shared: Arc<Shared>,
}

impl<'a> Speaking<'a> {
    pub fn with(identity: &'a Identity) -> Speaking<'a> {
        Speaking { identity, versions: rustls::DEFAULT_VERSIONS, asking: None }
    }

    fn config(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_protocol_versions(self.versions).expect("versions that ring knows");
        let builder = match self.asking {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(certificate(authority.file())).expect("our own authority");
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.allow_unauthenticated().build().expect("a verifier"))
            }
        };
        let key = PrivateKeyDer::from_pem_file(&self.identity.key).expect("our own key");
        let mut config = builder.with_single_cert(vec![certificate(&self.identity.cert)], key).expect("they match");
        if self.versions.len() == 1 {
            config.session_storage = Arc::new(NoServerSessionStorage {});
        }
        Arc::new(config)
    }
}

fn certificate(file: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(file).expect("our own certificate")
}

impl Front {
    /// Each connection that has shaken hands runs `script`.
    pub fn start(speaking: &Speaking, script: impl Fn(Session) + Send + Sync + 'static) -> Front {
        let listener = port::listen();
        let port = port::of(&listener);
        let (shared, config, script) = (Arc::<Shared>::default(), speaking.config(), Arc::new(script));
        let acceptor = thread::spawn({
            let shared = shared.clone();
            move || accept(&listener, &shared, &config, &script)
        });
        Front { port, shared, acceptor: Some(acceptor) }
    }

    /// Decrypts, and hands on to this plain port.
    pub fn of(speaking: &Speaking, port: u16) -> Front {
        Front::start(speaking, move |session| session.relay(port))
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// A client of it that is told this much more.
    #[track_caller]
    pub fn client(&self, names: &[(&str, &str)]) -> Configured {
        Configured::new(&[&[("endpoints", &*self.url())], names].concat())
    }

    /// How many connections came to speak under TLS.
    pub fn handshakes(&self) -> usize {
        self.shared.handshakes.load(Ordering::SeqCst)
    }

    /// How many of them went on from an earlier one's keys.
    pub fn resumed(&self) -> usize {
        self.shared.resumed.load(Ordering::SeqCst)
    }

    /// What scripts have read so far, each request whole.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        let woken = TcpStream::connect(("127.0.0.1", self.port));
        for stream in &*self.shared.lock() {
            let _ = stream.shutdown(Shutdown::Both); // an error: the client was faster
        }
        let ended = self.acceptor.take().map(JoinHandle::join);
        if !thread::panicking() {
            assert!(woken.is_ok() && matches!(ended, Some(Ok(()))), "a script panicked");
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(
    listener: &TcpListener,
    shared: &Arc<Shared>,
    config: &Arc<ServerConfig>,
    script: &Arc<impl Fn(Session) + Send + Sync + 'static>,
) {
    let mut scripts = Vec::new();
    loop {
        let (stream, _) = listener.accept().expect("a listener accepts");
        let mut connections = shared.lock();
        if shared.stopped.load(Ordering::SeqCst) {
            break;
        }
        connections.push(stream.try_clone().expect("a socket can be shared"));
        drop(connections);
        let (shared, script, config) = (shared.clone(), script.clone(), config.clone());
        scripts.push(thread::spawn(move || {
            let mut tls = StreamOwned::new(ServerConnection::new(config).expect("a good config"), stream);
            while tls.conn.is_handshaking() {
                if tls.conn.complete_io(&mut tls.sock).is_err() {
                    return; // the client would not
                }
            }
            shared.handshakes.fetch_add(1, Ordering::SeqCst);
            if tls.conn.handshake_kind() == Some(rustls::HandshakeKind::Resumed) {
                shared.resumed.fetch_add(1, Ordering::SeqCst);
            }
            script(Session { tls, input: Vec::new(), shared });
        }));
    }
    scripts.into_iter().for_each(|script| script.join().expect("a script ends without a panic"));
}

impl Session {
    /// Reads one request with its body and records it; `None`: there is no further one.
    pub fn request(&mut self) -> Option<String> {
        let head = loop {
            if let Some(end) = self.input.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
            self.fill()?;
        };
        let text = String::from_utf8_lossy(&self.input[..head]).to_ascii_lowercase();
        let length = text.split("\r\ncontent-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let whole = head + length.map_or(0, |length| length.parse::<usize>().expect("a Content-Length is a number"));
        while self.input.len() < whole {
            self.fill()?;
        }
        let request = String::from_utf8(self.input.drain(..whole).collect()).expect("a request is UTF-8");
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        Some(request)
    }

    fn fill(&mut self) -> Option<()> {
        let mut bytes = [0; 4096];
        let read = self.tls.read(&mut bytes).ok().filter(|read| *read > 0)?;
        self.input.extend_from_slice(&bytes[..read]);
        Some(())
    }

    /// Whether the client has shown who it is.
    pub fn knows_the_client(&self) -> bool {
        self.tls.conn.peer_certificates().is_some()
    }

    pub fn say(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.tls.write_all(bytes.as_ref()); // an error: the client has gone
        let _ = self.tls.flush();
    }

    /// What no TLS record begins with, past the encryption.
    pub fn say_in_the_clear(&mut self, bytes: &[u8]) {
        let _ = (&self.tls.sock).write_all(bytes);
    }

    /// Says goodbye as TLS has it, before it closes.
    pub fn close_well(mut self) {
        self.tls.conn.send_close_notify();
        let _ = self.tls.flush();
    }

    /// Hands on all that comes, and the answers back, until one side closes.
    pub fn relay(mut self, port: u16) {
        let mut server = TcpStream::connect(("127.0.0.1", port)).expect("the server behind can be reached");
        let mut bytes = vec![0; 64 << 10];
        let mut relay = || -> io::Result<()> {
            loop {
                // Some may have come with the end of the handshake.
                let state = self.tls.conn.process_new_packets().map_err(io::Error::other)?;
                let mut plain = vec![0; state.plaintext_bytes_to_read()];
                self.tls.conn.reader().read_exact(&mut plain)?;
                server.write_all(&plain)?;
                self.tls.flush()?;
                let [client, behind] = wait(&self.tls.sock, &server)?;
                if client && self.tls.conn.read_tls(&mut self.tls.sock)? == 0 {
                    return Ok(());
                }
                if behind {
                    let read = server.read(&mut bytes)?;
                    if read == 0 {
                        return Ok(());
                    }
                    self.tls.write_all(&bytes[..read])?;
                }
            }
        };
        let _ = relay(); // however it ended, it has
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // `Shared` holds a copy of the socket, so closing it would not tell the client.
        let _ = self.tls.sock.shutdown(Shutdown::Both); // an error: the client was faster
    }
}

/// Which of the two have something to read; at least one.
fn wait(client: &TcpStream, server: &TcpStream) -> io::Result<[bool; 2]> {
    let watched = |stream: &TcpStream| libc::pollfd { fd: stream.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let mut both = [watched(client), watched(server)];
    // SAFETY: an array of two, and its length.
    if unsafe { libc::poll(both.as_mut_ptr(), 2, -1) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(both.map(|one| one.revents != 0))
}
