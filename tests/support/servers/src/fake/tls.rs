//! The fake server's side of TLS.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{HandshakeKind, RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

use crate::certificates::{Authority, Identity};

pub const TLS12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
pub const TLS13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// How a server speaks TLS.
pub struct Tls<'a> {
    pub identity: &'a Identity,
    pub versions: &'static [&'static SupportedProtocolVersion],
    /// Asks clients for a certificate of this authority, and lets in those without one.
    pub asking: Option<&'a Authority>,
}

impl<'a> Tls<'a> {
    pub fn new(identity: &'a Identity) -> Tls<'a> {
        Tls { identity, versions: rustls::DEFAULT_VERSIONS, asking: None }
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
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

/// TLS over a socket that others may shut down meanwhile.
pub struct Session(pub(super) StreamOwned<ServerConnection, Socket>);

pub struct Socket(Arc<TcpStream>);

impl Read for Socket {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(bytes)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Session {
    pub(super) fn new(config: Arc<ServerConfig>, socket: Arc<TcpStream>) -> Session {
        Session(StreamOwned::new(ServerConnection::new(config).expect("a good config"), Socket(socket)))
    }

    /// Whether it went on with the keys of an earlier connection.
    pub(super) fn shake_hands(&mut self) -> io::Result<bool> {
        while self.0.conn.is_handshaking() {
            self.0.conn.complete_io(&mut self.0.sock)?;
        }
        Ok(self.0.conn.handshake_kind() == Some(HandshakeKind::Resumed))
    }

    pub(super) fn has_certificate(&self) -> bool {
        self.0.conn.peer_certificates().is_some()
    }

    pub(super) fn send_end(&mut self) {
        self.0.conn.send_close_notify();
        let _ = self.0.flush(); // an error: the client was faster
    }

    /// What has come and is decrypted.
    pub(super) fn decrypted(&mut self) -> io::Result<Vec<u8>> {
        let state = self.0.conn.process_new_packets().map_err(io::Error::other)?;
        let mut plain = vec![0; state.plaintext_bytes_to_read()];
        self.0.conn.reader().read_exact(&mut plain)?;
        Ok(plain)
    }

    /// Reads from the socket. False: the client has closed.
    pub(super) fn receive(&mut self) -> io::Result<bool> {
        Ok(self.0.conn.read_tls(&mut self.0.sock)? > 0)
    }
}

impl Read for Session {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl Write for Session {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
