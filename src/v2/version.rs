//! Which abilities a server has, by its version.

use crate::api::Server;
use crate::error::Result;
use crate::json;
use crate::request::Request;

/// `refresh` came with 2.3 and empties values before 2.3.7 (etcd issue 5651); up to 2.2 the parameter is
/// unknown, and such a request writes "". `None`: the server hides its version, and the worst must be assumed.
pub fn can_refresh(server: &dyn Server) -> Result<Option<bool>> {
    let response = server.send(&Request::get("/version"))?;
    let is_failing = response.status >= 500;
    let text = match super::cluster::version(response) {
        Err(error) if is_failing => return Err(error),
        Err(_) => return Ok(None),
        Ok(text) => text,
    };
    let number = |pointer| json::find(&text, pointer).and_then(json::unquote).as_deref().and_then(parse);
    // While a cluster is being upgraded its version is that of its oldest member.
    let oldest = [number("/etcdserver"), number("/etcdcluster")].into_iter().flatten().min_by_key(|v| (v.0, v.1));
    let server = number("/etcdserver");
    let all_know_it = oldest.is_some_and(|(major, minor, _)| (major, minor) >= (2, 3));
    Ok(Some(all_know_it && server.is_some_and(|version| version >= (2, 3, 7))))
}

fn parse(version: &str) -> Option<(u32, u32, u32)> {
    let core = version.split(['-', '+']).next()?;
    let mut numbers = core.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::{Headers, Response};

    struct Says(u16, &'static str);

    impl Server for Says {
        fn send(&self, _: &Request) -> Result<Response> {
            Ok(Response { status: self.0, headers: Headers::default(), body: self.1.into() })
        }
    }

    #[test]
    fn only_servers_that_refresh_rightly_are_asked_to() {
        for (says, can) in [
            (r#"{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}"#, true),
            (r#"{"etcdserver":"3.5.0-rc.1","etcdcluster":"not_decided"}"#, true),
            (r#"{"etcdserver":"2.3.7","etcdcluster":"2.3.0"}"#, true),
            (r#"{"etcdserver":"2.3.6","etcdcluster":"2.3.0"}"#, false),
            (r#"{"etcdserver":"2.3.8","etcdcluster":"2.2.0"}"#, false),
            ("etcd 2.0.13", false),
            (r#"{"releaseVersion":"0.4.8","internalVersion":"1"}"#, false),
        ] {
            assert_eq!(can_refresh(&Says(200, says)).unwrap(), Some(can), "{says}");
        }
    }

    #[test]
    fn what_tells_no_version_is_no_reason_to_believe_one() {
        assert_eq!(can_refresh(&Says(200, "nginx")).unwrap(), None);
        assert_eq!(can_refresh(&Says(404, "404 page not found")).unwrap(), None);
        assert!(can_refresh(&Says(502, "no server")).is_err(), "it may tell another time");
    }
}
