//! What went wrong.

use std::fmt;

use serde::Deserialize;

use super::header::Header;
use super::key_value::KeyValue;
use crate::base::error;

/// What etcd or the library has to say against a call. [`codes`](crate::codes) names the codes: 100 to 501 are etcd's own,
/// from 1000 up they are what the library finds itself.
///
/// ```
/// use etcd::{Client, codes};
/// # let Ok(url) = std::env::var("ETCD_DOCTEST") else { return Ok(()) };
/// # let client = etcd::Config::new().endpoints([url]).connect()?;
/// match client.get("/no/such/key") {
///     Ok(reply) => println!("{:?}", reply.value()),
///     Err(error) if error.code == codes::ETCD_ERROR_KEY_NOT_FOUND => println!("nothing is there"),
///     Err(error) => return Err(error),
/// }
/// # Ok::<(), etcd::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Error {
    /// What is wrong, to be compared; see [`codes`](crate::codes).
    #[serde(rename = "errorCode")]
    pub code: i32,
    /// The same as a sentence.
    pub message: String,
    /// What in particular: the key, the parameter, the server's own words.
    #[serde(default)]
    pub cause: String,
    /// Where in its history the store was; 0 where it is not told.
    #[serde(default)]
    pub index: u64,
    /// Of HTTP, or of the same kind; `None` if no answer came.
    pub status: Option<u16>,
    /// What the store said besides.
    pub header: Option<Box<Header>>,
    /// Of a condition of [`put_if`](crate::Client::put_if) or [`delete_if`](crate::Client::delete_if) that did not hold:
    /// the key as it is.
    pub kv: Option<Box<KeyValue>>,
}

/// What calls return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<error::Error> for Error {
    fn from(error: error::Error) -> Error {
        Error::read(&error.to_json()).unwrap_or(Error {
            code: error.code,
            message: error.message,
            cause: error.cause,
            index: error.index,
            status: error.status,
            header: None,
            kv: None,
        })
    }
}

impl Error {
    /// An error's text, if it is one.
    pub(super) fn read(text: &str) -> Option<Error> {
        serde_json::from_str(text).ok()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.cause {
            "" => write!(f, "{} ({})", self.message, self.code),
            cause => write!(f, "{} - {cause} ({})", self.message, self.code),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_what_its_text_says() {
        let own = Error::from(error::Error::invalid("key: must not be empty").with_status(400));
        assert_eq!((own.code, &*own.cause, own.status), (1001, "key: must not be empty", Some(400)));
        assert_eq!(own.to_string(), "Invalid argument; nothing was sent - key: must not be empty (1001)");
        let body = r#"{"errorCode":101,"message":"Compare failed","index":7,"kv":{"key":"a","value_base64":"/w==","mod_revision":3}}"#;
        let etcds = Error::from(error::Error { code: 101, body: Some(body.into()), ..error::Error::default() });
        assert_eq!((etcds.index, etcds.kv.map(|kv| kv.value)), (7, Some(vec![0xff])));
        assert_eq!(etcds.message, "Compare failed");
        let odd = error::Error { code: 7, body: Some("{}".into()), cause: "why".into(), ..error::Error::default() };
        assert_eq!((Error::from(odd.clone()).code, &*Error::from(odd).cause), (7, "why"));
    }
}
