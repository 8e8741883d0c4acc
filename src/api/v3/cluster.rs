//! The cluster: members, the leader, a server's state. In the shapes that v2 gave them, and with what v3 adds.

use std::fmt::Write;

use super::errors;
use super::json::id;
use super::session::Session;
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::base::json::quote;
use crate::messages::cluster::{Member, MemberListRequest};
use crate::messages::kv::RangeRequest;
use crate::messages::maintenance::{StatusRequest, StatusResponse};
use crate::operation::Stats;

/// The members, as the asked server knows them: that is told without a quorum, too.
pub fn list(session: &Session) -> Result<Vec<Member>> {
    Ok(session.ask(&MemberListRequest { linearizable: false })?.members)
}

/// `["http://a:1","http://b:2"]`
pub fn machines(session: &Session) -> Result<String> {
    let members = list(session)?;
    Ok(array(members.iter().flat_map(|member| &member.client_urls)))
}

/// `{"8e9e05c52164694d":{"id":"8e9e05c52164694d",…},…}`
pub fn members(session: &Session) -> Result<String> {
    let members = list(session)?;
    let each = members.iter().map(|member| format!("\"{}\":{}", id(member.id), to_json(member)));
    Ok(format!("{{{}}}", Vec::from_iter(each).join(",")))
}

pub fn leader(session: &Session) -> Result<String> {
    let status = session.ask(&StatusRequest {})?;
    let members = list(session)?;
    match members.iter().find(|member| status.leader != 0 && member.id == status.leader) {
        Some(member) => Ok(to_json(member)),
        // As v2 answers then.
        None => {
            Err(Error::new(code::ETCD_ERROR_HTTP, "There is no leader at this moment; try again", "During election")
                .with_status(503))
        }
    }
}

pub fn stats(session: &Session, kind: Stats) -> Result<String> {
    let missing = |what| format!("kind: etcd's v3 API has no statistics of {what}; its servers give them at /metrics");
    match kind {
        Stats::Own => own_stats(session),
        Stats::Store => Err(Error::unsupported(missing("the store"))),
        Stats::Leader => Err(Error::unsupported(missing("the followers"))),
    }
}

/// The server that answered. Its name stands in the list of members only, which another one may give.
fn own_stats(session: &Session) -> Result<String> {
    let status = session.ask(&StatusRequest {})?;
    let own = status.header.as_ref().map_or(0, |header| header.member_id);
    let name = list(session)?.into_iter().find(|member| member.id == own).map(|member| member.name);
    let state = match status {
        StatusResponse { is_learner: true, .. } => "StateLearner",
        StatusResponse { leader, .. } if leader == own && leader != 0 => "StateLeader",
        _ => "StateFollower",
    };
    let mut out = format!(r#"{{"name":{},"id":"{}","state":"{state}","#, quote(&name.unwrap_or_default()), id(own));
    let leader = if status.leader == 0 { String::new() } else { id(status.leader) };
    // Into memory: that cannot fail.
    let _ = write!(
        out,
        r#""leaderInfo":{{"leader":"{leader}"}},"version":{},"raftTerm":{},"raftIndex":{},"raftAppliedIndex":{},"dbSize":{},"dbSizeInUse":{},"errors":{}}}"#,
        quote(&status.version),
        status.raft_term,
        status.raft_index,
        status.raft_applied_index,
        status.db_size,
        status.db_size_in_use,
        array(&status.errors),
    );
    Ok(out)
}

/// For a port that speaks gRPC alone, where `GET /version` has no answer. What the cluster as a whole is, such a server
/// does not say.
pub fn version(session: &Session) -> Result<String> {
    let status = session.ask(&StatusRequest {})?;
    Ok(format!(r#"{{"etcdserver":{}}}"#, quote(&status.version)))
}

/// Likewise for `GET /health`: whether a majority agrees on a read, as etcdctl asks it.
pub fn health(session: &Session) -> Result<String> {
    let read = RangeRequest { key: b"health".to_vec(), keys_only: true, ..RangeRequest::default() };
    match session.ask(&read) {
        Ok(_) => Ok(r#"{"health":"true"}"#.to_owned()),
        // A role that may not read it has been looked up, which takes a majority, too.
        Err(refused) if refused.is_denied() => Ok(r#"{"health":"true"}"#.to_owned()),
        Err(errors::Refused::By(status, _)) => {
            Ok(format!(r#"{{"health":"false","reason":{}}}"#, quote(&status.message)))
        }
        Err(refused) => Err(refused.into()),
    }
}

/// The id of the cluster that answers.
pub fn cluster_id(session: &Session) -> Result<String> {
    let reply = session.ask(&MemberListRequest { linearizable: false })?;
    let header = reply.header.ok_or_else(|| Error::bad_response("a list of members without a header"))?;
    Ok(id(header.cluster_id))
}

pub fn to_json(member: &Member) -> String {
    format!(
        r#"{{"id":"{}","name":{},"peerURLs":{},"clientURLs":{},"isLearner":{}}}"#,
        id(member.id),
        quote(&member.name),
        array(&member.peer_urls),
        array(&member.client_urls),
        member.is_learner
    )
}

fn array<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let texts = texts.into_iter().map(|text| quote(text.as_ref()));
    format!("[{}]", Vec::from_iter(texts).join(","))
}
