//! Whom to trust: the authorities in `tls.ca_file` or, without it, the system's.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem;
use rustls_native_certs::{CertificateResult, ErrorKind, load_certs_from_paths, load_native_certs};

use super::file::certificates;
use crate::base::error::{Error, Result};
use crate::base::failure::is_system_limit;
use crate::base::log::{self, Level};
use crate::base::process;
use crate::config::TlsConfig;

#[derive(Clone)]
pub struct Authorities {
    pub roots: Arc<RootCertStore>,
    /// The same as they came, if a file of the user's names them; not the system's, which are many.
    pub given: Vec<CertificateDer<'static>>,
}

impl Authorities {
    /// None where no check asks for them.
    pub fn load(config: &TlsConfig) -> Result<Authorities> {
        let (roots, given) = match &config.ca_file {
            Some(file) => {
                let given = certificates("tls.ca_file", file)?;
                (of_file(file, given.clone())?, given)
            }
            None if config.insecure_skip_verify => (RootCertStore::empty(), Vec::new()),
            None => (of_system()?, Vec::new()),
        };
        Ok(Authorities { roots: Arc::new(roots), given })
    }
}

/// Those of that file; there is at least one.
fn of_file(file: &str, given: Vec<CertificateDer<'static>>) -> Result<RootCertStore> {
    let (roots, left_out) = readable(given);
    match (roots.len(), left_out) {
        (0, 0) => Err(Error::invalid(format!("tls.ca_file: no certificate in {file:?}"))),
        (0, _) => Err(Error::invalid(format!("tls.ca_file: no certificate in {file:?} can be read"))),
        (_, 0) => Ok(roots),
        (added, _) => {
            log::log(Level::Warn, || {
                format!("tls.ca_file: {left_out} of {} certificates in {file:?} cannot be read", added + left_out)
            });
            Ok(roots)
        }
    }
}

/// The system's; there is at least one.
fn of_system() -> Result<RootCertStore> {
    let found = if process::may_ask_environment() { load_native_certs() } else { of_system_folders() };
    // What a shortage of descriptors hides now would be missing as long as the client lives.
    if let Some(error) = found.errors.iter().find(|error| is_of_system_limit(error)) {
        return Err(Error::system_limit(format!("the system's authorities cannot be read: {error}")));
    }
    let (roots, left_out) = readable(found.certs);
    let mut troubles = Vec::from_iter(found.errors.iter().map(ToString::to_string));
    if left_out > 0 {
        troubles.push(format!("{left_out} of {} certificates cannot be read", roots.len() + left_out));
    }
    if roots.is_empty() {
        let why = if troubles.is_empty() { "no certificate was found".to_owned() } else { troubles.join("; ") };
        return Err(Error::invalid(format!(
            "tls.ca_file: is not set, and the system has no authority to trust ({why}); set it, install the system's \
             authorities (ca-certificates), or look at SSL_CERT_FILE and SSL_CERT_DIR in the environment"
        )));
    }
    if !troubles.is_empty() {
        log::log(Level::Warn, || format!("of the system's authorities some are not trusted: {}", troubles.join("; ")));
    }
    Ok(roots)
}

/// Without a look at the environment, which `load_native_certs` asks first. The usual bundles of all authorities in one
/// file stand in these folders, too.
fn of_system_folders() -> CertificateResult {
    let mut all = CertificateResult::default();
    for folder in openssl_probe::candidate_cert_dirs() {
        let found = load_certs_from_paths(None::<&Path>, Some(folder));
        all.certs.extend(found.certs);
        all.errors.extend(found.errors);
    }
    // Distributions link these folders to one another.
    all.certs.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
    all.certs.dedup();
    all
}

/// What can be read of them, and how many cannot.
fn readable(certificates: Vec<CertificateDer<'static>>) -> (RootCertStore, usize) {
    let mut roots = RootCertStore::empty();
    let (_, left_out) = roots.add_parsable_certificates(certificates);
    (roots, left_out)
}

fn is_of_system_limit(error: &rustls_native_certs::Error) -> bool {
    match &error.kind {
        ErrorKind::Io { inner, .. } | ErrorKind::Pem(pem::Error::Io(inner)) => is_system_limit(inner),
        _ => false,
    }
}
