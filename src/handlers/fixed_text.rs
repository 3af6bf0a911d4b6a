//! Answers everything with one text: the most basic web server.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::answer::file::FileRange;
use crate::answer::handler::{ContentPlan, HEAD_BYTES, Handler, Needs, Reply, Sent};
use crate::answer::prepared::Prepared;
use crate::buffer::COPIED_BYTES_MAX;
use crate::http::encode::{FieldBlock, InvalidField};
use crate::http::fault::{Fault, FaultKind};
use crate::http::method::Method;
use crate::http::request::Request;
use crate::http::status::Status;
use crate::system_calls::{Call, note};

/// Texts of these lengths, in bytes, are held by the kernel, which then sends them without a copy. Below,
/// a second call and the kernel's account of pages cost as much as the copy. Above, the client takes what
/// has come while more is on its way, and waking it for each piece costs four times as much as the copy.
const IN_KERNEL_BYTES: RangeInclusive<usize> = 32 * 1024..=256 * 1024;

/// Answers every request with the same status, fields and body.
///
/// Because the answer does not depend on the request, bytes that are no request are answered with
/// it too, unless the handler is [`strict`](FixedText::strict). With
/// [`Timeouts::typing_grace`](crate::Timeouts::typing_grace) set, so is a head that a person began
/// to type and did not finish.
///
/// ```
/// use oneloop::handlers::FixedText;
/// let handler = FixedText::new(*b"hello\n").header("Cache-Control", "no-store")?.strict();
/// # Ok::<(), oneloop::InvalidField>(())
/// ```
#[derive(Clone, Debug)]
pub struct FixedText {
    /// With both of the fields below. Without a body if the kernel holds the text.
    answer: Prepared,
    /// The text, if the kernel holds it.
    in_kernel: Option<FileRange>,
    content_type: FieldBlock,
    fields: FieldBlock,
    /// What `Allow` says where an answer needs it. Nothing if the user gives that field.
    allow: Option<&'static str>,
    faults: Faults,
}

/// What a client gets that sent no acceptable request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Faults {
    Text,
    HttpError,
}

impl FixedText {
    /// Answers 200 with this body, as `text/plain; charset=utf-8`.
    pub fn new(body: impl Into<Arc<[u8]>>) -> FixedText {
        let body = body.into();
        let in_kernel = in_kernel(&body);
        let body = if in_kernel.is_some() { Arc::default() } else { body };
        let handler = FixedText {
            answer: Prepared::new(Status::OK, FieldBlock::new(), body),
            in_kernel,
            content_type: FieldBlock::new(),
            fields: FieldBlock::new(),
            allow: Some(Method::ALLOWED),
            faults: Faults::Text,
        };
        handler.content_type("text/plain; charset=utf-8").expect("this is a valid field")
    }

    /// Answers with this status instead of 200.
    pub fn status(self, status: Status) -> FixedText {
        self.prepared(status)
    }

    /// Says that the body is of this media type.
    ///
    /// # Errors
    /// If it cannot be a field's value.
    pub fn content_type(self, media_type: &str) -> Result<FixedText, InvalidField> {
        let content_type = FieldBlock::new().with("Content-Type", media_type)?;
        Ok(FixedText { content_type, ..self }.joined())
    }

    /// Adds a field to the answer. A `Content-Type` replaces the one there is, and an `Allow` the
    /// one that answers to OPTIONS have.
    ///
    /// # Errors
    /// If it cannot be a field, or is one that the server writes itself.
    pub fn header(self, name: &str, value: &str) -> Result<FixedText, InvalidField> {
        if name.eq_ignore_ascii_case("Content-Type") {
            return self.content_type(value);
        }
        let fields = self.fields.clone().with(name, value)?;
        let allow = self.allow.filter(|_| !name.eq_ignore_ascii_case("Allow"));
        Ok(FixedText { fields, allow, ..self }.joined())
    }

    /// Answers only requests with the text, and everything else with an HTTP error that says what
    /// is wrong.
    pub fn strict(self) -> FixedText {
        FixedText { faults: Faults::HttpError, ..self }
    }

    fn joined(self) -> FixedText {
        let status = self.answer.status();
        self.prepared(status)
    }

    fn prepared(self, status: Status) -> FixedText {
        let fields = self.content_type.clone().and(&self.fields);
        let answer = Prepared::new(status, fields, Arc::clone(self.answer.body()));
        FixedText { answer, ..self }
    }

    #[inline]
    fn answer(&self, reply: Reply<'_>) -> Sent {
        match self.in_kernel {
            None => reply.send_prepared(&self.answer),
            Some(_) => self.answer_as(self.answer.status(), reply),
        }
    }

    /// Answers without what is prepared.
    #[cold]
    fn answer_as(&self, status: Status, reply: Reply<'_>) -> Sent {
        let reply = reply.status(status).fields(self.answer.fields());
        match &self.in_kernel {
            None => reply.send(self.answer.body()),
            Some(text) => reply.send_file(text.clone()),
        }
    }

    /// The same with an `Allow`.
    #[cold]
    fn answer_with_allow(&self, status: Status, reply: Reply<'_>) -> Sent {
        self.answer_as(status, Reply { allow: self.allow, ..reply })
    }
}

/// Has the kernel hold a long text. Where it refuses, the text stays in the program's memory.
fn in_kernel(text: &[u8]) -> Option<FileRange> {
    if !IN_KERNEL_BYTES.contains(&text.len()) {
        return None;
    }
    let held = FileRange::in_memory(text);
    held.inspect_err(|reason| note(Call::HoldInKernel, reason)).ok()
}

impl Handler for FixedText {
    fn handle(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        match request.method() {
            // RFC 9110 §9.3.7: it asks what can be done.
            Method::Options => self.answer_with_allow(self.answer.status(), reply),
            Method::Get
            | Method::Head
            | Method::Post
            | Method::Put
            | Method::Patch
            | Method::Delete
            | Method::Connect
            | Method::Trace => self.answer(reply),
        }
    }

    /// The answer does not depend on content.
    fn content_plan(&mut self, _: &Request<'_>) -> ContentPlan {
        ContentPlan::Drop
    }

    fn needs(&mut self, _: usize) -> Needs {
        let copied = self.answer.body().len().min(COPIED_BYTES_MAX);
        let in_kernel = self.in_kernel.as_ref().map_or(0, |text| text.length() as usize);
        Needs {
            files: usize::from(self.in_kernel.is_some()),
            memory_bytes: self.answer.memory_bytes() + in_kernel,
            answer_bytes: HEAD_BYTES + self.answer.fields().lines().len() + copied,
            content: ContentPlan::Drop,
            ..Needs::default()
        }
    }

    fn handle_fault(&mut self, fault: &Fault<'_>, reply: Reply<'_>) -> Sent {
        match (self.faults, fault.kind()) {
            (Faults::HttpError, _) => fault.explain(reply),
            // These are requests, and programs that send them have to be told no: a 200 to
            // CONNECT, for one, would open a tunnel.
            (Faults::Text, FaultKind::MethodRefused) => {
                self.answer_with_allow(fault.status(), reply)
            }
            (Faults::Text, FaultKind::MethodUnknown) => self.answer_as(fault.status(), reply),
            (Faults::Text, _) => self.answer(reply),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ask;

    #[test]
    fn a_text_is_the_same_wherever_it_is_held() {
        let copied = COPIED_BYTES_MAX;
        let (least, most) = (*IN_KERNEL_BYTES.start(), *IN_KERNEL_BYTES.end());
        for bytes in [0, copied, copied + 1, least - 1, least, most, most + 1, 3 << 20] {
            let body: Vec<u8> = (0..bytes).map(|at| (at / 1000 % 251) as u8).collect();
            let mut handler = FixedText::new(body.clone());
            for request in ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "no request at all\r\n\r\n"] {
                let answer = ask(&mut handler, request.as_bytes());
                assert!(answer.is_whole() && answer.body() == body, "{bytes} bytes, {request}");
            }
            let answer = ask(&mut handler, b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(answer.field("content-length"), Some(bytes.to_string().as_str()));
            let has_descriptor = cfg!(target_os = "linux") && IN_KERNEL_BYTES.contains(&bytes);
            let needs = handler.needs(1000);
            assert_eq!(needs.files, usize::from(has_descriptor), "{bytes} bytes");
            assert!(needs.memory_bytes >= bytes);
        }
    }
}
