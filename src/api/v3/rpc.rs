//! A request of etcd's services as a gRPC call.

use std::sync::Arc;

use crate::grpc;
use crate::messages::{self, Unary};

pub fn call<R: Unary>(request: &R, credentials: Option<Arc<str>>) -> grpc::Call {
    grpc::Call {
        is_confidential: request.is_confidential(),
        credentials,
        judge: super::errors::judge,
        ..grpc::Call::new(R::METHOD, request.encode_to_vec(), request.effect())
    }
}

/// The same for one that was put together from JSON.
pub fn prepared(call: &messages::Call, credentials: Option<Arc<str>>) -> grpc::Call {
    grpc::Call {
        is_confidential: call.is_confidential,
        credentials,
        judge: super::errors::judge,
        ..grpc::Call::new(call.method, call.message.clone(), call.effect)
    }
}
