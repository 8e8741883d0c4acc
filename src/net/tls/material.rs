//! The files that a configuration names: whom to trust, and who we are.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;

use crate::config::TlsConfig;
use crate::error::{Error, Result};
use crate::log::{self, Level};

/// What the files held.
#[derive(Clone)]
pub struct TlsMaterial {
    pub(super) roots: Arc<RootCertStore>,
    /// The client's certificate chain and its key.
    pub(super) identity: Option<Arc<CertifiedKey>>,
    pub(super) server_name: Option<ServerName<'static>>,
    pub(super) skip_verify: bool,
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
    let (added, left_out) = roots.add_parsable_certificates(certificates);
    let Some(file) = ca_file else { return Ok(roots) };
    match (added, left_out) {
        (0, 0) => Err(Error::invalid(format!("tls.ca_file: no certificate in {file:?}"))),
        (0, _) => Err(Error::invalid(format!("tls.ca_file: no certificate in {file:?} can be read"))),
        (_, 0) => Ok(roots),
        _ => {
            log::log(Level::Warn, || {
                format!("tls.ca_file: {left_out} of {} certificates in {file:?} cannot be read", added + left_out)
            });
            Ok(roots)
        }
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
