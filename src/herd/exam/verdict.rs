//! What comes of a stage.

/// If it passed, what is worth saying about it, or nothing.
pub type Verdict = Result<String, Problem>;

/// Why a stage did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The server did something wrong.
    Failed(String),
    /// The stage needs what is not there: an option, a server that can be tried so, or more than the
    /// examiner's own machine allows.
    NotTried(String),
}

impl From<String> for Problem {
    fn from(what: String) -> Problem {
        Problem::Failed(what)
    }
}

impl Problem {
    /// The same, of this.
    pub fn of(self, what: &str) -> Problem {
        match self {
            Problem::Failed(why) => Problem::Failed(format!("{what}: {why}")),
            Problem::NotTried(why) => Problem::NotTried(format!("{what}: {why}")),
        }
    }

    /// What there is to say about it.
    pub fn told(&self) -> &str {
        let (Problem::Failed(told) | Problem::NotTried(told)) = self;
        told
    }
}

/// The server is wrong.
pub fn failed<T>(what: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::Failed(what.into()))
}

/// This cannot be tried.
pub fn not_tried<T>(why: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::NotTried(why.into()))
}
