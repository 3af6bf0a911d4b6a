//! How far a body has come that is given piece by piece.

/// What came of asking for more of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyProgress {
    /// It goes on, not before [`Streaming::due`](super::source::Streaming::due).
    GoesOn,
    /// It goes on with [`Streaming::piece`](super::source::Streaming::piece), which is sent behind what is encoded.
    Piece,
    /// The body is complete.
    Complete,
    /// The system fails to read it, or its connection is to be reset.
    Failed,
    /// It has more or fewer bytes than was said, or is broken off. Nothing that could be taken for another
    /// answer has been encoded, and nothing may follow.
    Broken,
}
