//! What a request does to the server, and what an answer says about it: together they decide what may be repeated.

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It leaves everything as it is, so that asking twice does no harm.
    Read,
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

impl Effect {
    pub fn is_read(self) -> bool {
        self == Effect::Read
    }
}

impl Verdict {
    /// Whether the request may be sent again after this answer.
    pub fn allows_retry(self, effect: Effect) -> bool {
        match self {
            Verdict::Answer => false,
            Verdict::NotCarriedOut => true,
            Verdict::Failed => effect.is_read(),
        }
    }
}
