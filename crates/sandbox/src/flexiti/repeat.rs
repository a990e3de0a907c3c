//! `x-idempotency-key`, where it is honoured: the first answer again, for the same body.

use axum::body::Bytes;

use crate::call::Reply;

use super::refusal::{Code, Refusal};
use super::{Asked, Flexiti};

/// An answer that was given under a key.
#[derive(Debug)]
pub(super) struct Kept {
    path: String,
    body: Bytes,
    context_hash: Option<String>,
    json: String,
}

impl Flexiti {
    /// The answer that was given under the call's key.
    pub(super) fn repeated(&self, asked: &Asked) -> Result<Option<Reply>, Refusal> {
        let state = self.state();
        let memory = &state.flexiti;
        let key = asked.idempotency_key.as_ref();
        let key = key.filter(|_| memory.options.idempotency && asked.operation.moves_credit());
        let Some(kept) = key.and_then(|key| memory.kept.get(key)) else {
            return Ok(None);
        };
        let same = kept.path == asked.path
            && kept.body == asked.body
            && kept.context_hash == asked.context_hash;
        if !same {
            return Err(Code::IdempotencyConflict.into());
        }
        Ok(Some(Reply::of(asked.reference(), false, kept.json.clone())))
    }

    pub(super) fn keep(&self, asked: &Asked, reply: &Reply) {
        let Some(key) = asked.idempotency_key.clone() else {
            return;
        };
        if !asked.operation.moves_credit() {
            return;
        }
        self.state()
            .flexiti
            .kept
            .entry(key)
            .or_insert_with(|| Kept {
                path: asked.path.clone(),
                body: asked.body.clone(),
                context_hash: asked.context_hash.clone(),
                json: reply.json.clone(),
            });
    }
}
