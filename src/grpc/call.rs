//! One call, as data, and the head of the request that makes it.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, TE, USER_AGENT};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};

use super::status::Status;
use crate::base::effect::{Effect, Verdict};
use crate::base::failure::Failure;
use crate::net::Deadline;

#[derive(Debug, Clone)]
pub struct Call {
    /// `/package.Service/Method`
    pub path: &'static str,
    /// Encoded, without gRPC's framing.
    pub message: Vec<u8>,
    pub effect: Effect,
    /// Whether it holds a secret (a password to be set), which is for known endpoints only.
    pub is_confidential: bool,
    /// The token, sent to trusted endpoints only.
    pub credentials: Option<Arc<str>>,
    /// `None`: the connection's own.
    pub user_agent: Option<Arc<str>>,
    /// What a status means for retrying.
    pub judge: fn(&Status) -> Verdict,
}

impl Call {
    /// A call of which every status counts, without a secret and without credentials.
    pub fn new(path: &'static str, message: Vec<u8>, effect: Effect) -> Call {
        let judge = |_: &Status| Verdict::Answer;
        Call { path, message, effect, is_confidential: false, credentials: None, user_agent: None, judge }
    }
}

/// What every call over one connection repeats.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Name or address, and the port.
    pub authority: String,
    pub user_agent: String,
    /// Whether a call's credentials are sent there.
    pub takes_credentials: bool,
    /// The largest message that is taken from there.
    pub max_message: usize,
}

/// What the heads of one connection's requests have in common.
pub struct Head {
    scheme: Scheme,
    authority: Authority,
    headers: HeaderMap,
    takes_credentials: bool,
}

const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const TOKEN: HeaderName = HeaderName::from_static("token");

impl Head {
    pub fn new(origin: &Origin, is_tls: bool) -> Result<Head, Failure> {
        let user_agent = HeaderValue::from_str(&origin.user_agent).map_err(|_| unfit(&origin.user_agent))?;
        let headers = HeaderMap::from_iter([
            // Calls have another, and streams none: a place that is there need not be made for each call.
            (TIMEOUT, HeaderValue::from_static("1m")),
            (TE, HeaderValue::from_static("trailers")),
            (CONTENT_TYPE, HeaderValue::from_static("application/grpc")),
            (USER_AGENT, user_agent),
        ]);
        Ok(Head {
            scheme: if is_tls { Scheme::HTTPS } else { Scheme::HTTP },
            authority: origin.authority.parse().map_err(|_| unfit(&origin.authority))?,
            headers,
            takes_credentials: origin.takes_credentials,
        })
    }

    /// `deadline`: when a call is over. A stream has none.
    pub fn request(
        &self,
        path: &'static str,
        credentials: Option<&str>,
        user_agent: Option<&str>,
        metadata: &[(&'static str, &'static str)],
        deadline: Option<Deadline>,
    ) -> Result<Request<()>, Failure> {
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(PathAndQuery::from_static(path));
        *request.uri_mut() = Uri::from_parts(parts).expect("scheme, authority and path are there");
        let mut headers = self.headers.clone();
        match deadline.map(|deadline| deadline.left().unwrap_or_default()) {
            Some(left) => {
                let timeout = HeaderValue::from_maybe_shared(timeout(left)).expect("digits and a letter");
                headers.insert(TIMEOUT, timeout);
            }
            None => _ = headers.remove(TIMEOUT),
        }
        if let Some(token) = credentials.filter(|_| self.takes_credentials) {
            let unfit = |_| Failure::Unreachable("the token cannot stand in a request; nothing was sent".to_owned());
            headers.insert(TOKEN, HeaderValue::from_str(token).map_err(unfit)?);
        }
        if let Some(user_agent) = user_agent {
            headers.insert(USER_AGENT, HeaderValue::from_str(user_agent).map_err(|_| unfit(user_agent))?);
        }
        for (name, value) in metadata {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        *request.headers_mut() = headers;
        Ok(request)
    }
}

fn unfit(text: &str) -> Failure {
    Failure::Unreachable(format!("{text:?} cannot stand in a request"))
}

/// What the server is told of the time left: never less, so that the call ends here first and it is known how. In steps
/// of a sixteenth or so: HPACK then sends what it sent the last time.
fn timeout(left: Duration) -> String {
    let ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
    let quantum = (ms / 16).max(1).next_power_of_two();
    let ms = ms.div_ceil(quantum).saturating_mul(quantum);
    // Eight digits at most.
    let (number, unit) = match ms {
        ..=99_999_999 => (ms, "m"),
        _ => (ms.div_ceil(1000).min(99_999_999), "S"),
    };
    // Not `format!`: this is done for every call.
    [itoa::Buffer::new().format(number), unit].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_told_is_no_shorter_and_seldom_another() {
        assert_eq!(timeout(Duration::ZERO), "1m");
        assert_eq!(timeout(Duration::from_micros(9_999_900)), timeout(Duration::from_micros(9_700_000)));
        for ms in [0, 1, 2, 15, 16, 17, 99, 100, 5000, 9999, 10_000, 60_000, 3_600_000, 90_000_000] {
            let told = timeout(Duration::from_millis(ms));
            assert!(told.len() <= 9, "{told}");
            let (digits, unit) = told.split_at(told.len() - 1);
            let told = digits.parse::<u64>().unwrap() * if unit == "S" { 1000 } else { 1 };
            assert!(told > ms && told <= ms + ms / 8 + 1000 * u64::from(unit == "S") + 1, "{ms}: {told}");
        }
        assert_eq!(timeout(Duration::MAX), "99999999S");
    }

    #[test]
    fn unfit_texts_are_refused_and_strangers_get_no_token() {
        let origin = Origin {
            authority: "[::1]:2379".to_owned(),
            user_agent: "me/1".to_owned(),
            takes_credentials: true,
            max_message: 1,
        };
        for unfit in [
            Origin { authority: "a b".to_owned(), ..origin.clone() },
            Origin { user_agent: "a\nb".to_owned(), ..origin.clone() },
        ] {
            assert!(matches!(Head::new(&unfit, false), Err(Failure::Unreachable(_))));
        }
        let head = Head::new(&origin, false).unwrap();
        let refused = head.request("/p.S/M", Some("to\nken"), None, &[], None);
        assert!(matches!(refused, Err(Failure::Unreachable(_))));
        let request = head.request("/p.S/M", Some("to.ken"), None, &[("hasleader", "true")], None).unwrap();
        assert_eq!(request.uri(), "http://[::1]:2379/p.S/M");
        let header =
            |request: &Request<()>, name| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let expected = [("token", "to.ken"), ("hasleader", "true"), ("user-agent", "me/1"), ("te", "trailers")];
        assert!(expected.iter().all(|(name, value)| header(&request, *name).as_deref() == Some(value)));

        let stranger = Head::new(&Origin { takes_credentials: false, ..origin }, true).unwrap();
        let request = stranger.request("/p.S/M", Some("to.ken"), Some("other/2"), &[], None).unwrap();
        assert_eq!((request.uri().scheme_str(), header(&request, "token")), (Some("https"), None));
        assert_eq!(header(&request, "user-agent").as_deref(), Some("other/2"));
    }
}
