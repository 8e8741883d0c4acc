//! The head of a request, written, and the head of a response, read.

use std::mem::MaybeUninit;

use httparse::Status;

use super::body::Framing;
use super::request::Request;
use super::response::{Headers, number};

/// What every request to one endpoint repeats.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The `Host` line's content: name or address, and the port.
    pub host: String,
    /// What stands before every path, behind a reverse proxy; "" otherwise.
    pub prefix: String,
    /// Whether a request's credentials are sent there.
    pub takes_credentials: bool,
}

/// A response's head.
#[derive(Debug, Clone)]
pub struct Head {
    pub status: u16,
    pub headers: Headers,
    pub(super) framing: Framing,
    /// Whether the connection may carry another request.
    pub(super) keep_alive: bool,
}

/// More than any server sends that means well.
pub const MAX_HEAD_BYTES: usize = 64 << 10;
const MAX_HEADERS: usize = 64;

/// Writes the request's head, and its body where it has one.
pub fn write_request(out: &mut Vec<u8>, request: &Request, origin: &Origin, user_agent: &str) {
    let mut put = |pieces: &[&str]| pieces.iter().for_each(|piece| out.extend_from_slice(piece.as_bytes()));
    put(&[request.method.name(), " ", &origin.prefix, &request.target, " HTTP/1.1\r\nHost: ", &origin.host, "\r\n"]);
    put(&["User-Agent: ", user_agent, "\r\n"]);
    if let Some(credentials) = request.credentials.as_deref().filter(|_| origin.takes_credentials) {
        put(&["Authorization: ", credentials, "\r\n"]);
    }
    if let Some(body) = &request.body {
        if let Some(content_type) = &body.content_type {
            put(&["Content-Type: ", content_type, "\r\n"]);
        }
        put(&["Content-Length: ", &body.text.len().to_string(), "\r\n"]);
    } else if !matches!(request.method.name(), "GET" | "HEAD" | "OPTIONS" | "DELETE") {
        put(&["Content-Length: 0\r\n"]);
    }
    put(&["\r\n"]);
    if let Some(body) = &request.body {
        put(&[&body.text]);
    }
}

impl Head {
    /// Reads the response's head that `bytes` begin with: the head and its length, or `None` if there is
    /// more to come. An `Err` says what is wrong. `method` is that of the request.
    pub fn read(bytes: &[u8], method: &str) -> Result<Option<(Head, usize)>, String> {
        read(bytes, method)
    }

    /// The length of the body, if the head tells it.
    pub fn body_length(&self) -> Option<u64> {
        match self.framing {
            Framing::None => Some(0),
            Framing::Length(length) => Some(length),
            Framing::Chunked | Framing::UntilClose => None,
        }
    }
}

/// Whether a server greets with a SETTINGS frame (RFC 9113, section 6.5), as it does whatever it is asked; `None` if too
/// little of it has come.
fn is_http2(bytes: &[u8]) -> Option<bool> {
    const HEAD: [u8; 9] = [0, 0, LENGTH, 4, 0, 0, 0, 0, 0];
    const LENGTH: u8 = 0xff; // whatever it is
    let begins_so = bytes.iter().zip(HEAD).all(|(byte, expected)| *byte == expected || expected == LENGTH);
    (!begins_so || bytes.len() >= HEAD.len()).then_some(begins_so)
}

/// Not inlined: its room for header lines is given back before its caller waits for more bytes.
#[inline(never)]
fn read(bytes: &[u8], method: &str) -> Result<Option<(Head, usize)>, String> {
    let mut lines = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut []);
    let parser = httparse::ParserConfig::default();
    let length = match parser.parse_response_with_uninit_headers(&mut response, bytes, &mut lines) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) if bytes.len() >= MAX_HEAD_BYTES => {
            return Err(format!("the reply's head is longer than {MAX_HEAD_BYTES} bytes"));
        }
        Ok(Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(format!("the reply has more than {MAX_HEADERS} headers")),
        Err(error) => match is_http2(bytes) {
            None => return Ok(None),
            Some(true) => {
                let text =
                    "this port speaks gRPC alone, as etcd's do beside --listen-client-http-urls; set `api` to \"v3\"";
                return Err(text.into());
            }
            Some(false) => return Err(format!("the reply is not HTTP: {error}")),
        },
    };
    let status = response.code.unwrap_or_default();
    let mut keep_alive = response.version == Some(1);
    let mut headers = Headers::with_capacity(response.headers.len());
    let mut content_length = None;
    let mut chunked = None;
    for header in response.headers.iter() {
        if header.name.eq_ignore_ascii_case("Content-Length") {
            let value = number(header.value).ok_or("the reply's Content-Length is not a number")?;
            if content_length.replace(value).is_some_and(|earlier| earlier != value) {
                return Err("the reply has two different Content-Lengths".into());
            }
        } else if header.name.eq_ignore_ascii_case("Transfer-Encoding") {
            if !header.value.eq_ignore_ascii_case(b"chunked") || chunked.is_some() {
                return Err("the reply has an unknown Transfer-Encoding".into());
            }
            chunked = Some(());
        } else if header.name.eq_ignore_ascii_case("Connection") {
            let has =
                |word: &[u8]| header.value.split(|b| *b == b',').any(|w| w.trim_ascii().eq_ignore_ascii_case(word));
            keep_alive = (keep_alive || has(b"keep-alive")) && !has(b"close");
        } else {
            headers.push(header.name, header.value);
        }
    }
    // RFC 9112, section 6.3.
    let framing = match (chunked, content_length) {
        _ if method == "HEAD" || status == 204 || status == 304 || status < 200 => Framing::None,
        (Some(()), None) => Framing::Chunked,
        // Both: the sign of a smuggled reply. Chunked counts, and the connection is not used again.
        (Some(()), Some(_)) => {
            keep_alive = false;
            Framing::Chunked
        }
        (None, Some(length)) => Framing::Length(length),
        (None, None) => {
            keep_alive = false;
            Framing::UntilClose
        }
    };
    Ok(Some((Head { status, headers, framing, keep_alive }, length)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Body, Method};

    fn read_ok(text: &str) -> Head {
        read(text.as_bytes(), "GET").unwrap().unwrap().0
    }

    #[test]
    fn a_request_has_what_etcd_needs_and_no_more() {
        let origin = Origin { host: "h:1".into(), prefix: "/p".into(), takes_credentials: false };
        let mut out = Vec::new();
        write_request(&mut out, &Request::get("/v2/keys/a"), &origin, "u");
        assert_eq!(out, b"GET /p/v2/keys/a HTTP/1.1\r\nHost: h:1\r\nUser-Agent: u\r\n\r\n");

        let body = Some(Body { content_type: Some("text/plain".into()), text: "v".into() });
        let put = Request { credentials: Some("Basic x".into()), ..Request::new(Method::Put, "/a", body) };
        write_request(&mut out, &put, &origin, "u");
        assert!(!String::from_utf8_lossy(&out).contains("Basic"), "not to everybody");
        let origin = Origin { takes_credentials: true, ..origin };
        out.clear();
        write_request(&mut out, &put, &origin, "u");
        let expected = "PUT /p/a HTTP/1.1\r\nHost: h:1\r\nUser-Agent: u\r\nAuthorization: Basic x\r\n\
                        Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nv";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn the_framing_follows_the_rfc() {
        for (headers, framing, keep_alive) in [
            ("Content-Length: 5\r\n", Framing::Length(5), true),
            ("content-length: 5\r\nContent-Length: 5\r\nConnection: Close\r\n", Framing::Length(5), false),
            ("Transfer-Encoding: Chunked\r\n", Framing::Chunked, true),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", Framing::Chunked, false),
            ("", Framing::UntilClose, false),
        ] {
            let head = read_ok(&format!("HTTP/1.1 200 OK\r\n{headers}\r\n"));
            assert_eq!((head.framing, head.keep_alive), (framing, keep_alive), "{headers}");
        }
        let old = read_ok("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
        assert!(!old.keep_alive);
        let none = read(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD").unwrap().unwrap();
        assert_eq!(none.0.framing, Framing::None);
    }

    #[test]
    fn what_is_not_http_says_so() {
        for bad in [
            "hello\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        ] {
            assert!(read(bad.as_bytes(), "GET").is_err(), "{bad}");
        }
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(65));
        assert!(read(many.as_bytes(), "GET").is_err());
        let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(MAX_HEAD_BYTES));
        assert!(read(endless.as_bytes(), "GET").is_err());
        assert!(read(b"HTTP/1.1 200 OK\r\nX: y", "GET").unwrap().is_none());
    }

    #[test]
    fn http2_is_known_however_its_first_frame_is_cut() {
        let settings = b"\0\0\x06\x04\0\0\0\0\0\0\x05";
        for length in 0..9 {
            assert!(read(&settings[..length], "GET").unwrap().is_none(), "{length}");
        }
        assert!(read(settings, "GET").unwrap_err().contains("gRPC alone"));
        for other in [&b"\0\0\x06\x05"[..], b"\0\0\x06\x04\0\x01", b"\0x"] {
            assert!(read(other, "GET").unwrap_err().contains("not HTTP"), "{other:?}");
        }
    }
}
