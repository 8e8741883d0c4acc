//! PEM files that settings name.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};

use crate::base::error::{Error, Result};
use crate::base::failure::is_system_limit;

/// The certificates in the file that the setting `name` names; there may be none.
pub fn certificates(name: &str, file: &str) -> Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    found.map_err(|error| unread(name, file, &error))
}

/// That the file cannot be read.
pub fn unread(name: &str, file: &str, error: &pem::Error) -> Error {
    let cause = format!("{name}: {file:?}: {error}");
    match error {
        pem::Error::Io(error) if is_system_limit(error) => Error::system_limit(cause),
        _ => Error::invalid(cause),
    }
}
