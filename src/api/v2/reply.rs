//! Replies of the v2 API as the texts or errors that callers get.

use super::header;
use crate::base::code;
use crate::base::effect::Verdict;
use crate::base::error::{Error, NOT_ALLOWED, Result};
use crate::base::header::Header;
use crate::base::{json, memory};
use crate::http::Response;
use crate::operation::Raw;

/// What a response means for retrying.
pub fn judge(response: &Response) -> Verdict {
    match response.status {
        ..=499 => Verdict::Answer,
        // A proxy that only reads, and did nothing.
        501 => Verdict::NotCarriedOut,
        503 if is_said_before_anything(&response.body) => Verdict::NotCarriedOut,
        // Also what is no status of HTTP (RFC 9110, section 15).
        _ => Verdict::Failed,
    }
}

/// Whether a 503 tells that the request went no further. Most do not: Envoy says 503, too, when the server behind it was
/// reset with the request on its way. etcd's own proxy without endpoints has nobody to hand it on to
/// (proxy/httpproxy/reverse.go).
fn is_said_before_anything(body: &[u8]) -> bool {
    let words = b"httpproxy: zero endpoints currently available";
    body.windows(words.len()).any(|window| window == words)
}

/// A reply of the keys space: etcd's own JSON with `header` appended.
pub fn keys(response: Response, is_read: bool) -> Result<String> {
    let (header, mut text) = success(response, is_read)?;
    json::append_member(&mut text, "header", &header.to_json());
    Ok(text)
}

/// A successful reply that must be a JSON object.
pub fn success(response: Response, is_read: bool) -> Result<(Header, String)> {
    if !(200..300).contains(&response.status) {
        return Err(error(response, is_read));
    }
    // What an old `etcd --proxy` answers when the member behind it dies: 200 and nothing.
    if response.body.is_empty() && !is_read {
        return Err(Error::outcome_unknown("the server answered 200 with an empty body").with_status(response.status));
    }
    let Response { status, headers, body } = response;
    let text = text(status, body, is_read)?;
    match json::count(&text, ERROR_CODE).filter(|_| text.trim_start().starts_with('{')) {
        Some(0) => Ok((header::read(&headers), text)),
        Some(_) => Err(error_of_a_success(&text, status, is_read)),
        None => {
            Err(Error::bad_response_to(is_read, format!("not a JSON object: {}", excerpt(&text))).with_status(status))
        }
    }
}

/// A successful reply as it is, unless callers would take it for an error of the library's: no reply of etcd's has such a
/// member with a status of success, and a server might so claim that a write was not carried out.
pub fn no_error(text: String, status: u16, is_read: bool) -> Result<String> {
    match json::count(&text, ERROR_CODE) {
        Some(1..) => Err(error_of_a_success(&text, status, is_read)),
        _ => Ok(text),
    }
}

#[cold]
fn error_of_a_success(text: &str, status: u16, is_read: bool) -> Error {
    let cause = format!("an error with status {status}: {}", excerpt(text));
    Error::bad_response_to(is_read, cause).with_status(status)
}

const ERROR_CODE: &str = "errorCode";

/// The reply to a request that the library did not make up itself: any JSON as it is, else its text as a
/// JSON string.
pub fn raw(response: Response, raw: &Raw) -> Result<String> {
    let is_read = matches!(raw.method.as_str(), "GET" | "HEAD" | "OPTIONS");
    if !(200..300).contains(&response.status) {
        let mut error = error(response, is_read);
        // The page may be missing, and not the API.
        if error.code == code::ETCD_ERROR_UNSUPPORTED && error.status == Some(404) {
            error.code = code::ETCD_ERROR_HTTP;
            if !raw.path.starts_with("/v2") {
                error.message = "HTTP status 404".to_owned();
            }
        }
        return Err(error);
    }
    let mut text = text(response.status, response.body, is_read)?;
    match json::count(&text, ERROR_CODE) {
        Some(0) => {}
        Some(_) => return Err(error_of_a_success(&text, response.status, is_read)),
        None => return Ok(json::quote(&text)),
    }
    if raw.path.starts_with("/v2/keys") && text.starts_with('{') {
        json::append_member(&mut text, "header", &header::read(&response.headers).to_json());
    }
    Ok(text)
}

/// For the header that is appended, and the NUL that ends a text in C.
const ROOM: usize = 160;

/// The body, which must be UTF-8.
pub fn text(status: u16, mut body: Vec<u8>, is_read: bool) -> Result<String> {
    // For what is appended here, and what copies it later: to check it takes as much, and so does an event on its way.
    let has_room = body.try_reserve_exact(ROOM).is_ok() && memory::check(3, body.len()).is_ok();
    if !has_room && is_read {
        return Err(memory::lacking(body.len()).with_status(status));
    } else if !has_room {
        return Err(Error::outcome_unknown("no memory for the reply").with_status(status));
    }
    String::from_utf8(body).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Error::bad_response_to(is_read, format!("not UTF-8 at byte {at}")).with_status(status)
    })
}

/// An unsuccessful reply. etcd has three shapes of it: the keys space's error object, `{"message":…}`
/// elsewhere, and plain text from the router.
pub fn error(mut response: Response, is_read: bool) -> Error {
    // Of what there is no memory to copy, the beginning must do.
    if memory::check(6, response.body.len()).is_err() {
        response.body.truncate(memory::LARGE);
    }
    let status = response.status;
    let header = Some(header::read(&response.headers)).filter(|header| !header.is_empty()).map(Box::new);
    let location = response.headers.get("Location").map(str::to_owned);
    let body = String::from_utf8_lossy(&response.body).into_owned();
    // A member twice, or one that the library appends, would be read as one parser or another likes.
    // One that begins as a result is taken for a result.
    let is_clear = || ["header", "status"].iter().all(|name| json::count(&body, name) == Some(0));
    let is_json = body.trim_start().starts_with('{')
        && matches!(json::count(&body, ERROR_CODE), Some(0 | 1))
        && is_clear()
        && !json::begins_as_result(body.as_bytes());
    let member = |pointer| if is_json { json::find(&body, pointer) } else { None };
    let string = |pointer| member(pointer).and_then(json::unquote);

    // From 1000 up codes are the library's own, and promise what no server can.
    let code = member("/errorCode").and_then(|code| code.parse().ok()).filter(|code| (1..1000).contains(code));
    let said = string("/cause").or_else(|| string("/message")).unwrap_or_else(|| body.trim().to_owned());
    let of = |code, message: String| Error {
        status: Some(status),
        header: header.clone(),
        ..Error::new(code, message, &*said)
    };

    if status == 401
        || code == Some(code::ETCD_ERROR_UNAUTHORIZED)
        || (status == 403 && code.is_none() && string("/message").is_none())
    {
        return of(code::ETCD_ERROR_UNAUTHENTICATED, NOT_ALLOWED.into());
    }
    match code {
        Some(code::ETCD_ERROR_RAFT_INTERNAL | code::ETCD_ERROR_LEADER_ELECTION) if !is_read && is_ambiguous(&said) => {
            Error { status: Some(status), header, ..Error::outcome_unknown(said) }
        }
        Some(code) => Error {
            code,
            index: member("/index").and_then(|index| index.parse().ok()).unwrap_or_default(),
            message: string("/message").unwrap_or_default(),
            cause: string("/cause").unwrap_or_default(),
            status: Some(status),
            header,
            body: Some(body),
            is_permanent: false,
        },
        // The gateway cannot tell what became of the request it handed on.
        None if !is_read && judge(&response) == Verdict::Failed => {
            Error { status: Some(status), header, ..Error::outcome_unknown(format!("HTTP status {status}: {said}")) }
        }
        None if !is_read && status == 501 => Error {
            status: Some(status),
            header,
            ..Error::unsupported(format!(
                "HTTP status 501: {said}; nothing was carried out; does a read-only proxy answer?"
            ))
        },
        None if status == 404 && said == "404 page not found" => {
            of(code::ETCD_ERROR_UNSUPPORTED, WITHOUT_V2.to_owned())
        }
        None => of(code::ETCD_ERROR_HTTP, http_message(status, location.as_deref())),
    }
}

/// Whether an internal error of etcd's leaves open what became of a write. Nearly all do; these two are
/// found before anything is proposed, or by every member alike.
fn is_ambiguous(cause: &str) -> bool {
    !cause.contains("Not a file") && !cause.contains("TTLs are unsupported")
}

/// What etcd's router says of a page that it does not have.
const WITHOUT_V2: &str = "The server does not serve the v2 API: start etcd 3.4 or 3.5 with --enable-v2=true, or use \
                          \"v3\", which all have from 3.4 on, 3.6 and later alone";

fn http_message(status: u16, location: Option<&str>) -> String {
    match (status, location) {
        (300..400, Some(location)) => {
            format!("HTTP status {status}: a redirect to {location:?}, which is not followed")
        }
        _ => format!("HTTP status {status}"),
    }
}

/// Enough of a text to recognise it.
pub fn excerpt(text: &str) -> String {
    let mut short: String = text.chars().take(80).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Headers;

    fn response(status: u16, body: &str) -> Response {
        Response { status, headers: Headers::new(b"X-Etcd-Index: 8\r\n\r\n"), body: body.into() }
    }

    #[test]
    fn a_reply_passes_verbatim_and_gains_the_header() {
        let text = keys(response(201, "{\"action\":\"set\", \"x\":1.50}\n"), false).unwrap();
        assert_eq!(text, r#"{"action":"set", "x":1.50,"header":{"etcdIndex":8}}"#);
    }

    #[test]
    fn what_is_no_part_of_the_api_is_not_taken_for_its_absence() {
        let message = |path: &str, status, location: Option<&str>| {
            let asked = Raw { method: "GET".into(), path: path.into(), body: None, content_type: None };
            let mut response = response(status, "404 page not found");
            let line = location.map_or(String::new(), |location| format!("Location: {location}\r\n"));
            response.headers = Headers::new(line.as_bytes());
            raw(response, &asked).unwrap_err().message
        };
        assert!(message("/v2/keys/a", 404, None).contains("--enable-v2"));
        assert_eq!(message("/metrics", 404, None), "HTTP status 404");
        for path in ["/v2/keys/a", "/metrics"] {
            assert!(message(path, 301, Some("/b")).contains("\"/b\", which is not followed"), "{path}");
        }
    }

    #[test]
    fn the_servers_error_passes_verbatim() {
        let found = error(
            response(404, "{\"errorCode\":100,\"message\":\"Key not found\",\"cause\":\"/a\",\"index\":8}\n"),
            true,
        );
        assert_eq!((found.code, found.index), (100, 8));
        assert_eq!(
            found.to_json(),
            r#"{"errorCode":100,"message":"Key not found","cause":"/a","index":8,"header":{"etcdIndex":8},"status":404}"#
        );
    }

    #[test]
    fn what_claims_to_be_the_librarys_own_error_is_not_passed_on() {
        for body in [
            r#"{"errorCode":1002,"message":"m","cause":"c","index":0}"#,
            r#"{"action":"set","node":{},"errorCode":100}"#,
            r#"{"error\u0043ode":1002}"#,
            r#" { "errorCode" : "1002" } "#,
        ] {
            let asked = |method: &str| Raw { method: method.into(), path: "/x".into(), body: None, content_type: None };
            for (read, write) in [
                (success(response(200, body), true).err(), success(response(201, body), false).err()),
                (raw(response(200, body), &asked("GET")).err(), raw(response(200, body), &asked("PUT")).err()),
            ] {
                assert_eq!(read.map(|error| (error.code, error.body)), Some((1006, None)), "{body}");
                assert_eq!(write.map(|error| error.code), Some(1004), "{body}");
            }
        }
        for body in [r#"{"node":{"value":"errorCode"}}"#, r#"{"node":{"errorCode":1}}"#, r#"{"a":"\u0041"}"#] {
            assert!(success(response(200, body), true).is_ok(), "{body}");
        }
        for body in [
            r#"{"errorCode":100,"message":"m","cause":"c","index":0,"errorCode":1002}"#,
            r#"{"errorCode":100,"message":"m","cause":"c","index":0,"error\u0043ode":1002}"#,
            r#"{"errorCode":100,"message":"m","cause":"c","index":0,"status":200}"#,
            r#"{"errorCode":100,"message":"m","cause":"c","index":0,"header":{}}"#,
            r#"{"errorCode":1002,"message":"m","cause":"c","index":0}"#,
            r#"{"action":"get","errorCode":100,"message":"m","cause":"c","index":0}"#,
        ] {
            let found = error(response(404, body), false);
            assert_eq!((found.code, found.body, found.status), (1005, None, Some(404)), "{body}");
        }
    }

    #[test]
    fn each_failure_has_its_code() {
        let timed_out =
            r#"{"errorCode":300,"message":"Raft Internal Error","cause":"etcdserver: request timed out","index":0}"#;
        let not_a_file =
            r#"{"errorCode":300,"message":"Raft Internal Error","cause":"nodePath /1/d : Not a file ()","index":0}"#;
        for (status, body, read, write) in [
            (404, "404 page not found\n", 1010, 1010),
            (401, r#"{"errorCode":110,"message":"m","cause":"Insufficient credentials","index":0}"#, 1008, 1008),
            (401, r#"{"message":"Insufficient credentials"}"#, 1008, 1008),
            (403, "<html>Forbidden", 1008, 1008),
            (403, r#"{"message":"not current leader"}"#, 1005, 1005),
            (500, timed_out, 300, 1004),
            (500, not_a_file, 300, 300),
            (500, "oops", 1005, 1004),
            (502, "bad gateway", 1005, 1004),
            (503, "upstream connect error or disconnect/reset before headers", 1005, 1004),
            (503, r#"{"message":"httpproxy: zero endpoints currently available"}"#, 1005, 1005),
            (501, "", 1005, 1010),
            (504, "", 1005, 1004),
            (301, "<a href", 1005, 1005),
        ] {
            let codes = (error(response(status, body), true).code, error(response(status, body), false).code);
            assert_eq!(codes, (read, write), "{status} {body}");
        }
        assert_eq!(error(response(404, "404 page not found\n"), true).cause, "404 page not found");
        assert_eq!(error(response(403, r#"{"message":"not current leader"}"#), true).cause, "not current leader");
    }

    #[test]
    fn a_success_that_is_no_json_object_is_a_bad_response() {
        for body in ["", "[]", "{", "{\"a\":1}x", "<html>", "\u{feff}{}"] {
            assert_eq!(success(response(200, body), true).unwrap_err().code, 1006, "{body}");
        }
        assert_eq!(success(response(200, ""), false).unwrap_err().code, 1004);
        assert_eq!(success(response(200, "<html>"), false).unwrap_err().code, 1004);
        let garbage = Response { body: vec![b'{', 0xff], ..response(200, "") };
        assert_eq!(success(garbage, true).unwrap_err().code, 1006);
    }
}
