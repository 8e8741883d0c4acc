//! Replies of the v2 API as the texts or errors that callers get.

use crate::code;
use crate::error::{Error, Result};
use crate::header::Header;
use crate::json;
use crate::operation::Raw;
use crate::response::Response;

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
    if text.trim_start().starts_with('{') && json::is_valid(&text) {
        Ok((headers.etcd, text))
    } else {
        Err(Error::bad_response_to(is_read, format!("not a JSON object: {}", excerpt(&text))).with_status(status))
    }
}

/// The reply to a request that the library did not make up itself: any JSON as it is, else its text as a
/// JSON string.
pub fn raw(response: Response, raw: &Raw) -> Result<String> {
    let is_read = matches!(raw.method.as_str(), "GET" | "HEAD" | "OPTIONS");
    if !(200..300).contains(&response.status) {
        let mut error = error(response, is_read);
        // That the API is missing says nothing of what is no part of it.
        if error.code == code::ETCD_ERROR_HTTP && error.status == Some(404) && !raw.path.starts_with("/v2") {
            error.message = "HTTP status 404".to_owned();
        }
        return Err(error);
    }
    let mut text = text(response.status, response.body, is_read)?;
    if !json::is_valid(&text) {
        return Ok(json::quote(&text));
    }
    if raw.path.starts_with("/v2/keys") && text.starts_with('{') {
        json::append_member(&mut text, "header", &response.headers.etcd.to_json());
    }
    Ok(text)
}

/// The body, which must be UTF-8.
pub fn text(status: u16, body: Vec<u8>, is_read: bool) -> Result<String> {
    String::from_utf8(body).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Error::bad_response_to(is_read, format!("not UTF-8 at byte {at}")).with_status(status)
    })
}

/// An unsuccessful reply. etcd has three shapes of it: the keys space's error object, `{"message":…}`
/// elsewhere, and plain text from the router.
pub fn error(response: Response, is_read: bool) -> Error {
    let status = response.status;
    let header = Some(response.headers.etcd).filter(|header| !header.is_empty()).map(Box::new);
    let location = response.headers.location;
    let body = String::from_utf8_lossy(&response.body).into_owned();
    let is_json = body.trim_start().starts_with('{') && json::is_valid(&body);
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
        let message = "Not allowed: the credentials are missing, wrong, or not enough for this key";
        return of(code::ETCD_ERROR_UNAUTHENTICATED, message.into());
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
            is_lasting: false,
        },
        // The gateway cannot tell what became of the request it handed on.
        None if !is_read && matches!(status, 500 | 502 | 504) => {
            Error { status: Some(status), header, ..Error::outcome_unknown(format!("HTTP status {status}: {said}")) }
        }
        None => of(code::ETCD_ERROR_HTTP, http_message(status, &said, location.as_deref())),
    }
}

/// Whether an internal error of etcd's leaves open what became of a write. Nearly all do; these two are
/// found before anything is proposed, or by every member alike.
fn is_ambiguous(cause: &str) -> bool {
    !cause.contains("Not a file") && !cause.contains("TTLs are unsupported")
}

fn http_message(status: u16, said: &str, location: Option<&str>) -> String {
    match (status, location) {
        (404, _) if said == "404 page not found" => "The server has no such API: etcd 3.4 and 3.5 serve v2 only when \
                                                     started with --enable-v2, 3.6 not at all"
            .into(),
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
    use crate::response::Headers;

    fn response(status: u16, body: &str) -> Response {
        let etcd = Header { etcd_index: Some(8), ..Header::default() };
        let headers = Headers { etcd, ..Headers::default() };
        Response { status, headers, body: body.into() }
    }

    #[test]
    fn a_reply_passes_verbatim_and_gains_the_header() {
        let text = keys(response(201, "{\"action\":\"set\", \"x\":1.50}\n"), false).unwrap();
        assert_eq!(text, r#"{"action":"set", "x":1.50,"header":{"etcdIndex":8}}"#);
    }

    #[test]
    fn what_is_no_part_of_the_api_is_not_taken_for_its_absence() {
        let told = |path: &str, status, location: Option<&str>| {
            let asked = Raw { method: "GET".into(), path: path.into(), body: None, content_type: None };
            let mut response = response(status, "404 page not found");
            response.headers.location = location.map(str::to_owned);
            raw(response, &asked).unwrap_err().message
        };
        assert!(told("/v2/keys/a", 404, None).contains("--enable-v2"));
        assert_eq!(told("/metrics", 404, None), "HTTP status 404");
        for path in ["/v2/keys/a", "/metrics"] {
            assert!(told(path, 301, Some("/b")).contains("\"/b\", which is not followed"), "{path}");
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
    fn each_failure_has_its_code() {
        let timed_out =
            r#"{"errorCode":300,"message":"Raft Internal Error","cause":"etcdserver: request timed out","index":0}"#;
        let not_a_file =
            r#"{"errorCode":300,"message":"Raft Internal Error","cause":"nodePath /1/d : Not a file ()","index":0}"#;
        for (status, body, read, write) in [
            (404, "404 page not found\n", 1005, 1005),
            (401, r#"{"errorCode":110,"message":"m","cause":"Insufficient credentials","index":0}"#, 1008, 1008),
            (401, r#"{"message":"Insufficient credentials"}"#, 1008, 1008),
            (403, "<html>Forbidden", 1008, 1008),
            (403, r#"{"message":"not current leader"}"#, 1005, 1005),
            (500, timed_out, 300, 1004),
            (500, not_a_file, 300, 300),
            (500, "oops", 1005, 1004),
            (502, "bad gateway", 1005, 1004),
            (503, "unavailable", 1005, 1005),
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
        let garbage = Response { body: vec![b'{', 0xff], ..response(200, "") };
        assert_eq!(success(garbage, true).unwrap_err().code, 1006);
    }
}
