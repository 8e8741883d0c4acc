//! What a server says, read without the library.

use std::time::Duration;

use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body};

/// One answer, whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

/// Longer than any answer takes on a busy machine, but for one that does not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// None: no answer.
pub fn get(port: u16, path: &str) -> Option<Answer> {
    answer(agent().get(url(port, path)).call())
}

/// Writes a form, like `value=1&ttl=5`.
pub fn put(port: u16, path: &str, form: &str) -> Option<Answer> {
    answer(agent().put(url(port, path)).content_type("application/x-www-form-urlencoded").send(form))
}

/// Posts JSON, as to the v3 API's gateway.
pub fn post(port: u16, path: &str, json: &str) -> Option<Answer> {
    answer(agent().post(url(port, path)).content_type("application/json").send(json))
}

/// The sum of the counters of this name that have this among their labels, as a server of etcd's tells them.
#[track_caller]
pub fn counted(port: u16, name: &str, label: &str) -> u64 {
    let page = get(port, "/metrics").expect("its metrics").body;
    let is_ours = |line: &&str| line.starts_with(name) && line.contains(label);
    let count = |line: &str| line.rsplit(' ').next().and_then(|count| count.parse::<f64>().ok()).expect("a number");
    page.lines().filter(is_ours).map(count).sum::<f64>() as u64
}

impl Answer {
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}"));
        value.to_str().expect("etcd's headers are ASCII")
    }
}

fn url(port: u16, path: &str) -> String {
    format!("http://127.0.0.1:{port}{path}")
}

/// One for each request, so that no connection is kept: the server may be another one by the next.
fn agent() -> Agent {
    Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_idle_connections(0)
        .proxy(None)
        .build()
        .into()
}

fn answer(response: Result<Response<Body>, ureq::Error>) -> Option<Answer> {
    let (head, mut body) = response.ok()?.into_parts();
    let body = body.with_config().limit(u64::MAX).read_to_string().ok()?;
    Some(Answer { status: head.status.as_u16(), headers: head.headers, body })
}
