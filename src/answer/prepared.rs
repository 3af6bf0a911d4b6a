//! Answers that are always the same, encoded once.
//!
//! Finding out how an answer is to be written costs more than copying it. So what `send` writes
//! behind the date is kept, and copied into each answer to an ordinary request: one that wants the
//! content, and keeps the connection as HTTP/1.1 does by itself. All others are written anew.

use std::sync::Arc;
use std::time::SystemTime;

use crate::answer::handler::{BodyTransfer, Reply, Sent};
use crate::buffer::{COPIED_BYTES_MAX, Output};
use crate::http::control::Persistence;
use crate::http::date::Date;
use crate::http::encode::{self, FieldBlock};
use crate::http::method::Version;
use crate::http::status::Status;

/// An answer that is always the same but for its `Date`, for [`Reply::send_prepared`].
///
/// The client gets the same bytes as by [`ReplyHead::send`](crate::ReplyHead::send), and the server
/// spends about a third of the instructions on them. It keeps the body twice, unless the body is
/// over 8 KiB: such a body is sent from where it is, and nothing is prepared.
///
/// ```
/// use oneloop::testing::ask;
/// use oneloop::{FieldBlock, Prepared, Reply, Request, Sent, Status};
///
/// let fields = FieldBlock::new().with("Content-Type", "application/json")?;
/// let healthy = Prepared::new(Status::OK, fields, *b"{\"healthy\":true}\n");
/// let mut handle = |request: &Request<'_>, reply: Reply<'_>| -> Sent {
///     match request.path() {
///         "/health" => reply.send_prepared(&healthy),
///         _ => reply.status(Status::NOT_FOUND).send("no such page\n"),
///     }
/// };
///
/// let answer = ask(&mut handle, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
/// assert_eq!(answer.text(), "{\"healthy\":true}\n");
/// # Ok::<(), oneloop::InvalidField>(())
/// ```
#[derive(Clone, Debug)]
pub struct Prepared {
    status: Status,
    fields: FieldBlock,
    body: Arc<[u8]>,
    /// What stands behind the date in the answer to an ordinary request. Nothing if the body is not
    /// copied.
    behind_date: Option<Box<[u8]>>,
    /// How much of that is the body, in bytes: some answers have none.
    body_bytes: usize,
}

impl Prepared {
    /// An answer with this status, these fields and this body, which may be empty.
    pub fn new(status: Status, fields: FieldBlock, body: impl Into<Arc<[u8]>>) -> Prepared {
        let mut answer =
            Prepared { status, fields, body: body.into(), behind_date: None, body_bytes: 0 };
        if answer.body.len() <= COPIED_BYTES_MAX {
            answer.encode_behind_date();
        }
        answer
    }

    /// Its status.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Its fields, but for those that the server adds.
    pub fn fields(&self) -> &FieldBlock {
        &self.fields
    }

    /// Its body.
    pub fn body(&self) -> &Arc<[u8]> {
        &self.body
    }

    /// What its body and its encoded form take, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.body.len() + self.behind_date.as_ref().map_or(0, |bytes| bytes.len())
    }

    /// Writes the answer to an ordinary request, and takes away what depends on the date.
    fn encode_behind_date(&mut self) {
        let date = Date::new(SystemTime::UNIX_EPOCH);
        let mut up_to_date = Vec::new();
        encode::start(&mut up_to_date, self.status, &date);
        let mut output = Output::default();
        let _ = self.send_anew(Reply {
            output: &mut output,
            date: &date,
            transfer: BodyTransfer::Content,
            version: Version::Http11,
            persistence: Persistence::Keep,
            allow: None,
        });
        self.body_bytes = output.len() - output.head_end();
        self.behind_date = Some(output.encoded()[up_to_date.len()..].into());
    }

    #[inline(never)]
    fn send_anew(&self, reply: Reply<'_>) -> Sent {
        reply.status(self.status).fields(&self.fields).send(&self.body)
    }
}

impl Reply<'_> {
    /// Gives an answer that was [prepared](Prepared): its status, its fields and its body.
    #[inline(always)]
    pub fn send_prepared(self, answer: &Prepared) -> Sent {
        let Some(behind_date) = &answer.behind_date else { return answer.send_anew(self) };
        match (self.persistence, self.transfer, self.allow) {
            (Persistence::Keep, BodyTransfer::Content, None) => {
                let encoded = self.output.encoded();
                encode::start(encoded, answer.status, self.date);
                encoded.extend_from_slice(behind_date);
                self.output.end_head(answer.body_bytes);
                Sent::whole(Persistence::Keep)
            }
            _ => answer.send_anew(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::method::Method;

    #[test]
    fn a_prepared_answer_is_the_one_that_is_written_anew() {
        let date = Date::new(SystemTime::UNIX_EPOCH);
        let fields = |name, value| FieldBlock::new().with(name, value).expect("a field");
        let written = |give: &dyn Fn(Reply<'_>) -> Sent, transfer, persistence, allow| {
            let mut output = Output::default();
            let version = Version::Http11;
            let reply =
                Reply { output: &mut output, date: &date, transfer, version, persistence, allow };
            let persistence = give(reply).persistence;
            let head_end = output.head_end();
            let bytes = output.slices(usize::MAX).map(|slice| slice.to_vec()).concat();
            let empty_line = bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n");
            assert_eq!(
                empty_line.map(|at| at + 4),
                Some(head_end),
                "it is known where a head ends"
            );
            (bytes, persistence)
        };
        for (status, fields, body_bytes) in [
            (Status::OK, fields("Content-Type", "text/plain"), 31),
            (Status::OK, FieldBlock::new(), 0),
            (Status::OK, fields("Upgrade", "x"), 1),
            (Status::OK, fields("Allow", "GET"), COPIED_BYTES_MAX),
            (Status::OK, FieldBlock::new(), COPIED_BYTES_MAX + 1),
            (Status::NO_CONTENT, FieldBlock::new(), 5),
            (Status::RESET_CONTENT, FieldBlock::new(), 5),
            (Status::try_from(299).expect("a final status"), FieldBlock::new(), 5),
        ] {
            let answer = Prepared::new(status, fields, vec![b'x'; body_bytes]);
            for transfer in [BodyTransfer::Content, BodyTransfer::HeadOnly] {
                for persistence in [Persistence::Keep, Persistence::KeepStated, Persistence::Close]
                {
                    for allow in [None, Some(Method::ALLOWED)] {
                        let prepared = written(
                            &|reply| reply.send_prepared(&answer),
                            transfer,
                            persistence,
                            allow,
                        );
                        let anew =
                            written(&|reply| answer.send_anew(reply), transfer, persistence, allow);
                        assert_eq!(prepared, anew, "{answer:?} to {transfer:?}, {persistence:?}");
                    }
                }
            }
        }
    }
}
