//! Replies about the cluster: machines, members, leader, statistics, version, health.

use super::reply::{error, excerpt, no_error, success, text};
use super::{header, request};
use crate::base::error::{Error, Result};
use crate::base::json;
use crate::http::{Method, Response};
use crate::operation::Member;
use crate::transport::Server;

/// A JSON object as it is.
pub fn object(response: Response) -> Result<String> {
    Ok(success(response, true)?.1.trim_end().to_owned())
}

/// `http://a:1, http://b:2` as a JSON array.
pub fn machines(response: Response) -> Result<String> {
    let text = plain_text(response)?;
    let urls = text.split(',').map(str::trim).filter(|url| !url.is_empty()).map(json::quote);
    Ok(format!("[{}]", Vec::from_iter(urls).join(",")))
}

/// `{"members":[{"id":"a",…},…]}` as `{"a":{"id":"a",…},…}`.
pub fn members(response: Response) -> Result<String> {
    let (_, text) = success(response, true)?;
    let members: Result<Vec<_>> = each(&text)?.map(|member| Ok(format!("{}:{member}", id_of(member)?))).collect();
    no_error(format!("{{{}}}", members?.join(",")), 200, true)
}

/// The same as data.
pub fn member_list(response: Response) -> Result<Vec<Member>> {
    let (_, text) = success(response, true)?;
    let member = |member| {
        let urls = json::find(member, "/clientURLs").and_then(json::elements).into_iter().flatten();
        let client_urls = urls.filter_map(json::unquote).collect();
        Ok(Member { id: json::unquote(id_of(member)?).unwrap_or_default(), client_urls })
    };
    each(&text)?.map(member).collect()
}

fn each(text: &str) -> Result<impl Iterator<Item = &str>> {
    let list = json::find(text, "/members").and_then(json::elements);
    list.ok_or_else(|| Error::bad_response(format!("no list of members: {}", excerpt(text))))
}

fn id_of(member: &str) -> Result<&str> {
    let id = json::find(member, "/id").filter(|id| id.starts_with('"'));
    id.ok_or_else(|| Error::bad_response(format!("a member without an id: {}", excerpt(member))))
}

/// JSON since etcd 2.1; 2.0 answered `etcd 2.0.13`, which is put into the same shape.
pub fn version(response: Response) -> Result<String> {
    let text = plain_text(response)?;
    match text.strip_prefix("etcd ") {
        Some(number) => Ok(format!("{{\"etcdserver\":{}}}", json::quote(number))),
        None if text.starts_with('{') && json::is_valid(&text) => no_error(text, 200, true),
        None => Err(Error::bad_response(format!("not a version: {}", excerpt(&text))).with_status(200)),
    }
}

/// What the server says of its health. A sick one says so with status 503, which is an answer, too.
pub fn health(response: Response) -> Result<String> {
    let says = std::str::from_utf8(&response.body).ok().and_then(|body| json::find(body, "/health"));
    let status = if says.is_some() { 200 } else { response.status };
    Ok(success(Response { status, ..response }, true)?.1)
}

/// The cluster's id, which stands in the headers of the keys space; before that a server must tell its version.
pub fn id(server: &dyn Server) -> Result<String> {
    version(server.send(&request::get("/version"))?)?;
    let root = request::new(Method::Head, "/v2/keys/", None);
    let header = header::read(&server.send(&root)?.headers);
    header.cluster_id.ok_or_else(|| Error::bad_response("no X-Etcd-Cluster-Id"))
}

fn plain_text(response: Response) -> Result<String> {
    if !(200..300).contains(&response.status) {
        return Err(error(response, true));
    }
    Ok(text(response.status, response.body, true)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Headers;

    fn response(status: u16, body: &str) -> Response {
        Response { status, headers: Headers::default(), body: body.into() }
    }

    #[test]
    fn machines_are_a_list() {
        assert_eq!(machines(response(200, "http://a:1, http://b:2")).unwrap(), r#"["http://a:1","http://b:2"]"#);
        assert_eq!(machines(response(200, "")).unwrap(), "[]");
    }

    #[test]
    fn members_go_by_their_id() {
        let list = r#"{"members":[{"id":"a","name":"m1"},{"id":"b","name":""}]}"#;
        assert_eq!(members(response(200, list)).unwrap(), r#"{"a":{"id":"a","name":"m1"},"b":{"id":"b","name":""}}"#);
        assert_eq!(members(response(200, r#"{"members":[]}"#)).unwrap(), "{}");
        assert_eq!(members(response(200, r#"{"members":[{}]}"#)).unwrap_err().code, 1006);
        assert_eq!(members(response(200, "{}")).unwrap_err().code, 1006);
    }

    #[test]
    fn all_client_urls_of_all_members_are_data() {
        let list = r#"{"members":[{"id":"a","clientURLs":["http://a:1","http://a:2"]},{"id":"b","clientURLs":[]},{"id":"c"}]}"#;
        let member = |id: &str, urls: &[&str]| Member {
            id: id.to_owned(),
            client_urls: urls.iter().map(ToString::to_string).collect(),
        };
        let expected = [member("a", &["http://a:1", "http://a:2"]), member("b", &[]), member("c", &[])];
        assert_eq!(member_list(response(200, list)).unwrap(), expected);
    }

    #[test]
    fn every_etcds_version_is_an_object() {
        let new = r#"{"etcdserver":"3.4.23","etcdcluster":"3.4.0"}"#;
        assert_eq!(version(response(200, new)).unwrap(), new);
        assert_eq!(version(response(200, "etcd 2.0.13")).unwrap(), r#"{"etcdserver":"2.0.13"}"#);
        assert_eq!(version(response(200, "nginx")).unwrap_err().code, 1006);
    }

    #[test]
    fn a_sick_server_is_an_answer_and_no_error() {
        assert_eq!(health(response(503, r#"{"health":"false"}"#)).unwrap(), r#"{"health":"false"}"#);
        assert_eq!(health(response(503, "no backend")).unwrap_err().code, 1005);
    }
}
