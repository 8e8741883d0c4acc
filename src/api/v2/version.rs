//! Which abilities a server has, by its version.

use crate::base::error::Result;
use crate::base::json;

use crate::transport::Server;

/// `refresh` came with 2.3 and empties values before 2.3.7 (etcd issue 5651); up to 2.2 the parameter is
/// unknown, and such a request writes "". `None`: the server hides its version, and the worst must be assumed.
pub fn can_refresh(server: &dyn Server) -> Result<Option<bool>> {
    let response = server.send(&super::request::get("/version"))?;
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
    use crate::api::v2::script::Script;
    use crate::http::{Headers, Response};

    fn says(status: u16, body: &str) -> Script {
        Script::new([Ok(Response { status, headers: Headers::default(), body: body.into() })])
    }

    #[test]
    fn only_servers_that_refresh_rightly_are_asked_to() {
        for (version, can) in [
            (r#"{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}"#, true),
            (r#"{"etcdserver":"3.5.0-rc.1","etcdcluster":"not_decided"}"#, true),
            (r#"{"etcdserver":"2.3.7","etcdcluster":"2.3.0"}"#, true),
            (r#"{"etcdserver":"2.3.6","etcdcluster":"2.3.0"}"#, false),
            (r#"{"etcdserver":"2.3.8","etcdcluster":"2.2.0"}"#, false),
            ("etcd 2.0.13", false),
            (r#"{"releaseVersion":"0.4.8","internalVersion":"1"}"#, false),
        ] {
            assert_eq!(can_refresh(&says(200, version)).unwrap(), Some(can), "{version}");
        }
    }

    #[test]
    fn what_tells_no_version_is_no_reason_to_believe_one() {
        assert_eq!(can_refresh(&says(200, "nginx")).unwrap(), None);
        assert_eq!(can_refresh(&says(404, "404 page not found")).unwrap(), None);
        assert!(can_refresh(&says(502, "no server")).is_err(), "it may tell another time");
    }
}
