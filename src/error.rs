//! What went wrong, as C gets it: etcd's own error object, or one of the same shape.

use std::fmt;

use crate::code;
use crate::header::Header;
use crate::json;

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
    pub is_lasting: bool,
}

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

    #[cold]
    pub fn bad_response(cause: impl Into<String>) -> Error {
        Error::new(code::ETCD_ERROR_BAD_RESPONSE, "The server's answer cannot be understood; is this an etcd?", cause)
    }

    /// The same for what may have been a write.
    #[cold]
    pub fn bad_response_to(is_read: bool, cause: impl Into<String>) -> Error {
        let error = Error::bad_response(cause);
        if is_read {
            return error;
        }
        let message = "The server's answer cannot be understood; the write may or may not have been carried out";
        Error { message: message.to_owned(), ..error }
    }

    #[cold]
    pub fn outcome_unknown(cause: impl Into<String>) -> Error {
        Error::new(
            code::ETCD_ERROR_OUTCOME_UNKNOWN,
            "No answer came; the write may or may not have been carried out and was not repeated",
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
