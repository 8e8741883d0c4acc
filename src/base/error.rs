//! What went wrong, as C gets it: etcd's own error object, or one of the same shape.

use std::fmt;

use crate::base::code;
use crate::base::header::Header;
use crate::base::json;

/// One error. `body` is the server's own object where there is one; it is handed on verbatim.
#[derive(Debug, Clone, Default)]
pub struct Error {
    pub code: i32,
    pub message: String,
    pub cause: String,
    pub index: u64,
    pub status: Option<u16>,
    /// Boxed, for results are many and errors few.
    pub header: Option<Box<Header>>,
    pub body: Option<String>,
    /// Whether asking again would bring the same: a reply that is larger than may be.
    pub is_permanent: bool,
}

/// With error 1008.
pub const NOT_ALLOWED: &str = "Not allowed: the credentials are missing, wrong, or not enough for this key; see `username` and \
                               `password`, and what the user's roles allow";

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    #[cold]
    pub fn new(code: i32, message: impl Into<String>, cause: impl Into<String>) -> Error {
        Error { code, message: message.into(), cause: cause.into(), ..Error::default() }
    }

    /// The call was wrong. `cause` names the parameter and says what it must be.
    #[cold]
    pub fn invalid(cause: impl Into<String>) -> Error {
        Error::new(code::ETCD_ERROR_INVALID_ARGUMENT, "Invalid argument; nothing was sent", cause)
    }

    /// Of the keys space, in etcd's words. `header` is what the store said with it.
    #[cold]
    pub fn of_keys(code: i32, cause: impl Into<String>, header: Header) -> Error {
        let message = match code {
            code::ETCD_ERROR_KEY_NOT_FOUND => "Key not found",
            code::ETCD_ERROR_COMPARE_FAILED => "Compare failed",
            code::ETCD_ERROR_NOT_FILE => "Not a file",
            code::ETCD_ERROR_NOT_DIRECTORY => "Not a directory",
            code::ETCD_ERROR_KEY_EXISTS => "Key already exists",
            code::ETCD_ERROR_DIRECTORY_NOT_EMPTY => "Directory not empty",
            _ => "Refused",
        };
        let index = header.etcd_index.unwrap_or_default();
        Error { index, header: Some(Box::new(header)), ..Error::new(code, message, cause) }
    }

    #[cold]
    pub fn bad_response(cause: impl Into<String>) -> Error {
        Error::new(
            code::ETCD_ERROR_BAD_RESPONSE,
            "The server's answer cannot be understood; is this an etcd, and nothing between that changes its answers?",
            cause,
        )
    }

    /// The same for what may have been a write: its outcome is unknown, whatever hides it.
    #[cold]
    pub fn bad_response_to(is_read: bool, cause: impl Into<String>) -> Error {
        if is_read {
            return Error::bad_response(cause);
        }
        let message = "The server's answer cannot be understood; the write may or may not have been carried out and is \
                       not repeated: look whether it was";
        Error::new(code::ETCD_ERROR_OUTCOME_UNKNOWN, message, cause)
    }

    #[cold]
    pub fn outcome_unknown(cause: impl Into<String>) -> Error {
        Error::new(
            code::ETCD_ERROR_OUTCOME_UNKNOWN,
            "No answer came; the write may or may not have been carried out and is not repeated: look whether it was",
            cause,
        )
    }

    #[cold]
    pub fn unsupported(cause: impl Into<String>) -> Error {
        Error::new(code::ETCD_ERROR_UNSUPPORTED, "This server or version cannot do that", cause)
    }

    #[cold]
    pub fn cancelled(cause: impl Into<String>) -> Error {
        Error::new(code::ETCD_ERROR_CANCELLED, "The call was given up", cause)
    }

    #[cold]
    pub fn disconnected() -> Error {
        Error::cancelled("the client was disconnected")
    }

    /// `cause` says what is lacking.
    #[cold]
    pub fn system_limit(cause: impl Into<String>) -> Error {
        let message =
            "The system has no thread, descriptor or memory left; use less, or raise the limits of the process";
        Error::new(code::ETCD_ERROR_SYSTEM_LIMIT, message, cause)
    }

    #[cold]
    pub fn internal(cause: impl Into<String>) -> Error {
        Error::new(code::ETCD_ERROR_INTERNAL, "A bug in libetcd; please report it", cause)
    }

    #[cold]
    pub fn with_status(mut self, status: u16) -> Error {
        self.status = Some(status);
        self
    }

    /// The JSON text that C gets.
    #[cold]
    pub fn to_json(&self) -> String {
        let mut text = match &self.body {
            Some(body) => body.clone(),
            None => format!(
                r#"{{"errorCode":{},"message":{},"cause":{},"index":{}}}"#,
                self.code,
                json::quote(&self.message),
                json::quote(&self.cause),
                self.index
            ),
        };
        if let Some(header) = &self.header {
            json::append_member(&mut text, "header", &header.to_json());
        }
        if let Some(status) = self.status {
            json::append_member(&mut text, "status", &status.to_string());
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} - {} ({})", self.message, self.cause, self.code)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_library_finds_has_the_shape_of_etcds_errors() {
        let error = Error::invalid("key: must not be NULL");
        assert_eq!(
            error.to_json(),
            r#"{"errorCode":1001,"message":"Invalid argument; nothing was sent","cause":"key: must not be NULL","index":0}"#
        );
    }

    #[test]
    fn the_servers_object_stays_and_gains_header_and_status() {
        let error = Error {
            code: 100,
            body: Some("{\"errorCode\":100,\"new\":1}\n".into()),
            header: Some(Box::new(Header { etcd_index: Some(8), ..Header::default() })),
            status: Some(404),
            ..Error::default()
        };
        assert_eq!(error.to_json(), r#"{"errorCode":100,"new":1,"header":{"etcdIndex":8},"status":404}"#);
    }
}
