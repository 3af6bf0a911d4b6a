//! From a file as it is found to the answer: whole, in part, or not at all.
//!
//! Decides by what the client has asked for; what is in the file is known by then. It reads nothing, and
//! copies no file: an answer has the bytes that are kept, or a range of an open file.

use std::io::Write;
use std::sync::Arc;

use super::conditional::{self, Verdict};
use super::content::Content;
use super::error_page::Refusal;
use super::range::{self, Part, Wanted};
use super::request_fields::RequestFields;
use super::variant::Variant;
use crate::answer::file::FileRange;
use crate::answer::handler::{Reply, ReplyHead, Sent};
use crate::http::method::Method;
use crate::http::request::Request;
use crate::http::status::Status;

/// Answers with what the conditions and the range leave of a file.
pub(super) fn send(
    variant: &Variant,
    asked: &RequestFields<'_>,
    request: &Request<'_>,
    reply: Reply<'_>,
) -> Sent {
    let current = variant.validators();
    match conditional::judge(asked, current, request.date()) {
        Verdict::Proceed => {}
        Verdict::NotModified => {
            let reply = reply.status(Status::NOT_MODIFIED);
            return reply.fields(&variant.fields_not_modified).send("");
        }
        Verdict::Failed => {
            let reply = reply.status(Status::PRECONDITION_FAILED);
            return Refusal::CONDITION.send(request, reply.fields(&variant.fields_common));
        }
    }
    // Ranges are only for GET (RFC 9110 §14.2).
    let wanted = match asked.range.value() {
        Some(value)
            if request.method() == Method::Get
                && conditional::range_holds(asked.if_range, current, request.date()) =>
        {
            range::wanted(value, variant.len())
        }
        Some(_) | None => Wanted::Whole,
    };
    match wanted {
        Wanted::Whole => send_whole(variant, reply.status(Status::OK).fields(&variant.fields)),
        Wanted::Part(part) => send_part(variant, part, reply),
        Wanted::Unsatisfiable => {
            let reply = reply.status(Status::RANGE_NOT_SATISFIABLE);
            let reply = content_range(reply, format_args!("bytes */{}", variant.len()));
            Refusal::RANGE.send(request, reply.fields(&variant.fields_common))
        }
    }
}

/// Answers with all of a file.
pub(super) fn send_whole(variant: &Variant, reply: ReplyHead<'_>) -> Sent {
    match &variant.content {
        Content::Kept(bytes) => reply.send(bytes),
        Content::InFile(file) => {
            reply.send_file(FileRange::new(Arc::clone(file), 0, variant.len()))
        }
    }
}

fn send_part(variant: &Variant, part: Part, reply: Reply<'_>) -> Sent {
    let reply = reply.status(Status::PARTIAL_CONTENT).fields(&variant.fields);
    let Part { first, last } = part;
    let reply = content_range(reply, format_args!("bytes {first}-{last}/{}", variant.len()));
    match &variant.content {
        Content::Kept(bytes) => {
            let place = |position| usize::try_from(position).expect("a part is within the file");
            reply.send(&bytes[place(first)..=place(last)])
        }
        Content::InFile(file) => {
            reply.send_file(FileRange::new(Arc::clone(file), first, part.len()))
        }
    }
}

/// Adds `Content-Range` without an allocation.
fn content_range<'r>(reply: ReplyHead<'r>, value: std::fmt::Arguments<'_>) -> ReplyHead<'r> {
    // Three numbers of twenty digits, and what is between them.
    let mut text = [0; 80];
    let mut rest = &mut text[..];
    rest.write_fmt(value).expect("there is room for the largest numbers");
    let len = 80 - rest.len();
    reply.field("Content-Range", &text[..len])
}
