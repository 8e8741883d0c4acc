//! What a request does to the server, and what an answer says about it: together they decide what may be repeated.

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It leaves everything as it is, so that asking twice does no harm.
    Read,
    /// It may change something, and to do so twice is the same as once: it is repeated as a read is. Where no answer tells
    /// what became of it, its outcome is as unknown as a write's.
    Repeatable,
    /// It may change something. It is repeated only if it was certainly not carried out.
    Write,
}

/// What an answer means for retrying. The API version judges it, for only it knows the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The answer counts, whatever it says.
    Answer,
    /// The server says that it did nothing; another endpoint, or the same one later, may do it.
    NotCarriedOut,
    /// The server failed, or cannot tell what became of the request: a read is asked again, a write is not.
    Failed,
}

/// Whose word it takes that a request was not carried out, where several endpoints are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanimity {
    Any,
    /// Every endpoint's but those that nobody listens at.
    Living,
    /// Every endpoint's.
    All,
}

impl Effect {
    /// Whether it has changed nothing, whatever became of it.
    pub fn is_read(self) -> bool {
        self == Effect::Read
    }

    /// Whether asking twice does no harm.
    pub fn may_be_repeated(self) -> bool {
        self != Effect::Write
    }
}

impl Verdict {
    /// Whether the request may be sent again after this answer.
    pub fn allows_retry(self, effect: Effect) -> bool {
        match self {
            Verdict::Answer => false,
            Verdict::NotCarriedOut => true,
            Verdict::Failed => effect.may_be_repeated(),
        }
    }
}
