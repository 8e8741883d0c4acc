//! Which abilities a server has, by its version.

use crate::api::Server;
use crate::error::Result;
use crate::json;
use crate::request::Request;

/// `refresh` came with 2.3 and empties values before 2.3.7 (etcd issue 5651); up to 2.2 the parameter is
/// unknown, and such a request writes "". Of a server that hides its version the worst is assumed.
pub fn can_refresh(server: &dyn Server) -> Result<bool> {
    let response = server.send(&Request::get("/version"))?;
    let text = super::cluster::version(response).unwrap_or_default();
    let number = |pointer| json::find(&text, pointer).and_then(json::unquote).as_deref().and_then(parse);
    // While a cluster is being upgraded its version is that of its oldest member.
    let oldest = [number("/etcdserver"), number("/etcdcluster")].into_iter().flatten().min_by_key(|v| (v.0, v.1));
    let server = number("/etcdserver");
    Ok(oldest.is_some_and(|(major, minor, _)| (major, minor) >= (2, 3)) && server.is_some_and(|v| v >= (2, 3, 7)))
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

    struct Says(&'static str);

    impl Server for Says {
        fn send(&self, _: &Request) -> Result<Response> {
            Ok(Response { status: 200, headers: Headers::default(), body: self.0.into() })
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
            ("nginx", false),
        ] {
            assert_eq!(can_refresh(&Says(says)).unwrap(), can, "{says}");
        }
    }
}
