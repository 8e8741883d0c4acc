//! TLS by rustls: whom to trust, who we are, and what went wrong, in words that tell what to do.

mod verifier;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::ResolvesClientCert;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, CertificateError, ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{Stream, Tcp};
use crate::config::TlsConfig;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::log::{self, Level};

/// What the files held.
#[derive(Clone)]
pub struct TlsMaterial {
    roots: Arc<RootCertStore>,
    /// The client's certificate chain and its key.
    identity: Option<Arc<CertifiedKey>>,
    server_name: Option<ServerName<'static>>,
    skip_verify: bool,
}

/// One process's TLS. (Its cache of sessions has a lock, which a forked child must not share.)
pub struct TlsClient {
    config: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
    identity: Arc<Identity>,
}

/// Answers the server that asks who we are, and remembers that it asked in vain.
#[derive(Debug)]
struct Identity {
    key: Option<Arc<CertifiedKey>>,
    missing: AtomicBool,
}

impl TlsMaterial {
    pub fn load(config: &TlsConfig) -> Result<TlsMaterial> {
        if config.insecure_skip_verify {
            log::log(Level::Warn, || "tls.insecure_skip_verify: any server is trusted, an attacker's too".to_owned());
        }
        let server_name = config.server_name.as_ref().map(|name| {
            ServerName::try_from(name.clone())
                .map_err(|_| Error::invalid(format!("tls.server_name: {name:?} is neither a host name nor an address")))
        });
        let identity = match (&config.cert_file, &config.key_file) {
            (Some(cert_file), Some(key_file)) => Some(Arc::new(identity(cert_file, key_file)?)),
            _ => None,
        };
        Ok(TlsMaterial {
            roots: Arc::new(roots(config.ca_file.as_deref())?),
            identity,
            server_name: server_name.transpose()?,
            skip_verify: config.insecure_skip_verify,
        })
    }
}

fn roots(ca_file: Option<&str>) -> Result<RootCertStore> {
    let certificates = match ca_file {
        Some(file) => certificates("tls.ca_file", file)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates);
    match ca_file {
        Some(file) if added == 0 => Err(Error::invalid(format!("tls.ca_file: no certificate in {file:?}"))),
        _ => Ok(roots),
    }
}

fn identity(cert_file: &str, key_file: &str) -> Result<CertifiedKey> {
    let chain = certificates("tls.cert_file", cert_file)?;
    if chain.is_empty() {
        return Err(Error::invalid(format!("tls.cert_file: no certificate in {cert_file:?}")));
    }
    let wrong = |why: String| Error::invalid(format!("tls.key_file: {key_file:?}: {why}"));
    let key = PrivateKeyDer::from_pem_file(key_file).map_err(|error| wrong(no_key(key_file, &error)))?;
    CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => wrong("is not the key of the certificate in tls.cert_file".to_owned()),
        error => wrong(error.to_string()),
    })
}

fn no_key(file: &str, error: &pem::Error) -> String {
    // PKCS#8 has it in the section's name, the older formats in a line of their own.
    if std::fs::read(file).is_ok_and(|text| text.windows(9).any(|word| word == b"ENCRYPTED")) {
        return "is encrypted, which libetcd cannot read; decrypt it: openssl pkey -in FILE -out NEW".to_owned();
    }
    match error {
        pem::Error::NoItemsFound => "no private key in it".to_owned(),
        error => error.to_string(),
    }
}

fn certificates(name: &str, file: &str) -> Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    found.map_err(|error| Error::invalid(format!("{name}: {file:?}: {error}")))
}

impl TlsClient {
    pub fn new(material: &TlsMaterial) -> Arc<TlsClient> {
        let provider = Arc::new(ring::default_provider());
        let identity = Arc::new(Identity { key: material.identity.clone(), missing: AtomicBool::new(false) });
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("ring has what TLS 1.2 and 1.3 need");
        let builder = if material.skip_verify {
            builder.dangerous().with_custom_certificate_verifier(verifier::TrustAnyone::new(provider))
        } else {
            builder.with_root_certificates(material.roots.clone())
        };
        let config = Arc::new(builder.with_client_cert_resolver(identity.clone()));
        Arc::new(TlsClient { config, server_name: material.server_name.clone(), identity })
    }

    /// Shakes hands over a new connection to `host`, by the connection's deadline.
    pub fn connect(self: &Arc<Self>, mut tcp: Tcp, host: &str) -> Result<Stream, Failure> {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(host.to_owned())
                .map_err(|_| Failure::Tls(format!("{host:?} cannot stand in a certificate; set tls.server_name")))?,
        };
        let mut connection =
            ClientConnection::new(self.config.clone(), name).map_err(|error| Failure::Tls(self.words(&error)))?;
        while connection.is_handshaking() {
            match connection.complete_io(&mut tcp) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Err(Failure::Unreachable("no answer in time during the TLS handshake".to_owned()));
                }
                Err(error) => {
                    let error = last_words(&mut connection, &mut tcp, error);
                    return Err(Failure::Tls(self.broken_handshake(&error)));
                }
            }
        }
        Ok(Stream::Tls(Box::new(StreamOwned::new(connection, tcp)), self.clone()))
    }

    /// Why the server refused the connection, if an error on it says that it did. It says so before it has read a
    /// request; any other failure of TLS leaves open what became of the one sent.
    pub fn cause(&self, error: &io::Error) -> Option<String> {
        of_tls(error).filter(|error| is_refusal(error)).map(|error| self.words(error))
    }

    fn broken_handshake(&self, error: &io::Error) -> String {
        match of_tls(error) {
            Some(error) => self.words(error),
            None if self.identity.missing.load(Ordering::Relaxed) => WANTS_A_CERTIFICATE.to_owned(),
            None => format!("the TLS handshake broke off ({error}); is this a TLS port?"),
        }
    }

    fn words(&self, error: &rustls::Error) -> String {
        use CertificateError as Wrong;
        use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage};
        let advice = match error {
            InvalidCertificate(Wrong::UnknownIssuer) => "set tls.ca_file to the authority that signed it",
            // The name is known, and so is a key: what an authority that was made anew leaves behind.
            InvalidCertificate(Wrong::BadSignature) => {
                "the trusted authority of that name has another key; set tls.ca_file to the one that signed it"
            }
            InvalidCertificate(Wrong::Expired | Wrong::ExpiredContext { .. }) => {
                "renew the server's certificate, or set this machine's clock"
            }
            InvalidCertificate(Wrong::NotValidYet | Wrong::NotValidYetContext { .. }) => "set this machine's clock",
            InvalidCertificate(Wrong::NotValidForName | Wrong::NotValidForNameContext { .. }) => {
                "connect by a name it bears, or set tls.server_name"
            }
            // What `openssl req -x509` makes if it is not told otherwise.
            InvalidCertificate(Wrong::Other(other)) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
                "it is an authority's; make the server's with basicConstraints CA:FALSE"
            }
            InvalidMessage(_) => "is this a TLS port?",
            InvalidCertificate(
                Wrong::UnsupportedSignatureAlgorithmContext { .. }
                | Wrong::UnsupportedSignatureAlgorithmForPublicKeyContext { .. },
            ) => return UNKNOWN_KEY.to_owned(),
            AlertReceived(AlertDescription::HandshakeFailure) if !self.identity.missing.load(Ordering::Relaxed) => {
                UNKNOWN_KEY
            }
            AlertReceived(_) if self.identity.missing.load(Ordering::Relaxed) => WANTS_A_CERTIFICATE,
            error if is_refusal(error) => "the server does not accept the certificate of tls.cert_file",
            _ => return error.to_string(),
        };
        format!("{error}; {advice}")
    }
}

/// A server that refuses our certificate says so and hangs up, while we may still be sending, a request even: with
/// TLS 1.3 the handshake is over for us before the server has seen what we have. Sending fails first then, and what the
/// server said lies there to be read.
pub fn last_words(connection: &mut ClientConnection, tcp: &mut Tcp, error: io::Error) -> io::Error {
    let is_lost = matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset);
    if !is_lost {
        return error;
    }
    loop {
        match connection.process_new_packets() {
            Err(said) => return io::Error::new(io::ErrorKind::InvalidData, said),
            Ok(_) if matches!(connection.read_tls(tcp), Ok(1..)) => {}
            Ok(_) => return error,
        }
    }
}

fn of_tls(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

/// Whether the server says that it does not like our certificate, or misses it.
fn is_refusal(error: &rustls::Error) -> bool {
    use AlertDescription as Alert;
    matches!(
        error,
        rustls::Error::AlertReceived(
            Alert::NoCertificate
                | Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::AccessDenied
                | Alert::DecryptError
                | Alert::CertificateRequired
        )
    )
}

/// What ring can do. Certificates by `etcd --auto-tls` are the likeliest ones that it cannot.
const UNKNOWN_KEY: &str = "the server's certificate must have and be signed by a key that libetcd knows: RSA, P-256, \
                           P-384 or Ed25519, not P-521 as by etcd --auto-tls";
const WANTS_A_CERTIFICATE: &str = "the server wants a client certificate; set tls.cert_file and tls.key_file";

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], schemes: &[rustls::SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let key = self.key.as_ref().filter(|key| key.key.choose_scheme(schemes).is_some()).cloned();
        self.missing.store(key.is_none(), Ordering::Relaxed);
        key
    }

    fn has_certs(&self) -> bool {
        // Also without one: else rustls does not tell that the server asked.
        true
    }
}

/// The provider is the same wherever one is needed.
pub(super) type Provider = Arc<CryptoProvider>;
