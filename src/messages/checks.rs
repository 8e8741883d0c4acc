//! What is wrong with a caller's message though each of its members is well: found before it is sent, and named by its place.

use std::collections::HashMap;

use super::auth::RoleGrantPermissionRequest;
use super::fields::Fields;
use super::kv::{
    Compare, CompareTarget, DeleteRangeRequest, Op, Operand, PutRequest, RangeRequest, RequestOp, TxnRequest,
};
use super::place::Place;
use crate::base::error::Result;

/// etcd knows no empty key.
fn has_key(key: &[u8], place: &Place) -> Result<()> {
    if key.is_empty() { Err(place.member("key").error("must be given, and not be empty")) } else { Ok(()) }
}

impl RangeRequest {
    pub fn has_key(&mut self, _: &[&str], place: &Place) -> Result<()> {
        has_key(&self.key, place)
    }
}

impl PutRequest {
    pub fn has_key(&mut self, _: &[&str], place: &Place) -> Result<()> {
        has_key(&self.key, place)
    }
}

impl DeleteRangeRequest {
    pub fn has_key(&mut self, _: &[&str], place: &Place) -> Result<()> {
        has_key(&self.key, place)
    }
}

impl RoleGrantPermissionRequest {
    /// An etcd that does not look whether it is there would end in a panic, and each member with it.
    pub fn has_perm(&mut self, _: &[&str], place: &Place) -> Result<()> {
        if self.perm.is_none() { Err(place.member("perm").error("must be given")) } else { Ok(()) }
    }
}

impl RequestOp {
    pub fn is_one(&mut self, _: &[&str], place: &Place) -> Result<()> {
        match self.request {
            Some(_) => Ok(()),
            None => Err(place.error(format_args!("must have one of {}", RequestOp::names().join(", ")))),
        }
    }
}

impl Compare {
    /// What is compared follows from what it is compared with; a server would take a target that does not fit for 0.
    pub fn is_meant(&mut self, given: &[&str], place: &Place) -> Result<()> {
        has_key(&self.key, place)?;
        let (target, operand) = match self.operand {
            Some(Operand::Version(_)) => (CompareTarget::Version, "version"),
            Some(Operand::CreateRevision(_)) => (CompareTarget::Create, "create_revision"),
            Some(Operand::ModRevision(_)) => (CompareTarget::Mod, "mod_revision"),
            Some(Operand::Value(_)) => (CompareTarget::Value, "value"),
            Some(Operand::Lease(_)) => (CompareTarget::Lease, "lease"),
            None => {
                return Err(place.error("must have one of version, create_revision, mod_revision, value, lease"));
            }
        };
        if given.contains(&"target") && self.target != target as i32 {
            return Err(place.member("target").error(format_args!("does not go with {operand}")));
        }
        self.target = target as i32;
        Ok(())
    }
}

impl TxnRequest {
    /// The server refuses two puts of one key, without saying which.
    pub fn puts_each_once(&mut self, _: &[&str], place: &Place) -> Result<()> {
        for (name, branch) in [("success", &self.success), ("failure", &self.failure)] {
            let mut written = HashMap::new();
            for (index, op) in branch.iter().enumerate() {
                let Some(Op::Put(put)) = &op.request else { continue };
                if let Some(first) = written.insert(&put.key, index) {
                    let (branch, put) = (place.member(name), "request_put");
                    let what = format!("the same key as that of {}/{put}", branch.element(first));
                    return Err(branch.element(index).member(put).member("key").error(what));
                }
            }
        }
        Ok(())
    }
}
