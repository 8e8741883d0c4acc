//! How a call ended: gRPC's status, in the trailers of its reply.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName};
use percent_encoding::percent_decode;

use crate::base::failure::Failure;

/// gRPC's answer: 0 is success, the others are listed in its documentation ("Status codes and their use in gRPC").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub code: u32,
    pub message: String,
}

// Made once: a name given as text is parsed at each look.
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

impl Status {
    /// `None` where there is none.
    pub fn read(headers: &HeaderMap) -> Result<Option<Status>, Failure> {
        let Some(code) = headers.get(STATUS) else { return Ok(None) };
        let Some(code) = code.to_str().ok().and_then(|code| code.parse().ok()) else {
            return Err(Failure::Malformed(format!("grpc-status is no number: {code:?}")));
        };
        let message = match headers.get(MESSAGE) {
            Some(text) if !text.is_empty() => {
                String::from_utf8_lossy(&Cow::from(percent_decode(text.as_bytes()))).into_owned()
            }
            _ => String::new(),
        };
        Ok(Some(Status { code, message }))
    }

    pub fn is_ok(&self) -> bool {
        self.code == 0
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(lines: &[(&'static str, &'static [u8])]) -> Result<Option<Status>, Failure> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        Status::read(&headers)
    }

    #[test]
    fn the_message_is_percent_decoded_and_what_is_not_utf8_replaced() {
        let status = |code, message: &str| Ok(Some(Status { code, message: message.to_owned() }));
        assert_eq!(read(&[("grpc-status", b"0")]), status(0, ""));
        assert_eq!(read(&[("grpc-status", b"5"), ("grpc-message", b"no%20%C3%A4%25 %zz%")]), status(5, "no ä% %zz%"));
        assert_eq!(read(&[("grpc-status", b"5"), ("grpc-message", b"a%FFb\xfe")]), status(5, "a\u{fffd}b\u{fffd}"));
    }

    #[test]
    fn a_status_that_is_missing_or_no_number_is_none() {
        assert_eq!(read(&[("grpc-message", b"x")]), Ok(None));
        for code in [&b""[..], b"-1", b"x", b"5 ", b"99999999999"] {
            let headers =
                HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_bytes(code).unwrap())]);
            assert!(matches!(Status::read(&headers), Err(Failure::Malformed(_))), "{code:?}");
        }
    }
}
