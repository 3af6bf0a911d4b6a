//! Where a request's content ends, for content that arrives in pieces or in chunks.
//!
//! Chunked content that is whole when its head has been parsed is joined beside the input, so that the
//! head stays parsed. All other is decoded *in part*: data moves left over the size lines in front of
//! it, so a whole body lies in one piece behind its head, and decoding allocates nothing. The decoder
//! takes every byte it is given, so no later look sees a chunk's size line again.
//!
//! Content that the handler does not want is dropped as it arrives. It is framed and limited like
//! any other, so a client is answered at the same byte whether its content is held or not.
//!
//! Invariant: of the input, `head_bytes` are the head and the next `decoded` bytes are content, if it
//! is held.

use super::chunks::{Chunks, Done};
use super::control::Framing;
use super::fault::FaultKind;
use crate::config::{Limits, RECEIVE_BYTES, REQUESTS_BYTES};

/// A request's content, part of which may have arrived.
#[derive(Debug)]
pub(crate) struct Content {
    head_bytes: usize,
    /// How many bytes of content have come.
    decoded: usize,
    /// How much of what was taken last is framing, in bytes.
    framing_bytes: usize,
    decoder: Decoder,
    content_use: ContentUse,
}

/// What becomes of content that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentUse {
    /// It is kept behind its head until it is whole.
    Held,
    /// It is forgotten at once.
    Dropped,
}

#[derive(Debug)]
enum Decoder {
    Length(usize),
    Chunked(Chunks),
}

/// How far the content has come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ContentProgress {
    /// It is whole: its bytes lie right behind the head, and the message took `message_bytes` of
    /// the input.
    Whole { content_bytes: usize, message_bytes: usize },
    /// More has to come. Only the first `kept` bytes of the input are still needed.
    Partial { kept: usize },
}

impl Content {
    /// The content behind a head of `head_bytes`. Refuses a declared length above the limit.
    pub(crate) fn new(
        head_bytes: usize,
        framing: Framing,
        content_use: ContentUse,
        limits: &Limits,
    ) -> Result<Content, FaultKind> {
        let decoder = match framing {
            Framing::Length(length) => match usize::try_from(length) {
                Ok(length) if length <= limits.body_bytes_max => Decoder::Length(length),
                _ => return Err(FaultKind::BodyTooLarge),
            },
            Framing::Chunked => Decoder::Chunked(Chunks::default()),
        };
        Ok(Content { head_bytes, decoded: 0, framing_bytes: 0, decoder, content_use })
    }

    /// How many bytes of the input are the head.
    pub(crate) fn head_bytes(&self) -> usize {
        self.head_bytes
    }

    /// How many bytes to receive at once at the most, so that not more than a few requests come with
    /// the end of content that is dropped. Of content that is held, as much as there is room for.
    pub(crate) fn receive_bytes_max(&self) -> usize {
        match (self.content_use, &self.decoder) {
            (ContentUse::Held, _) => RECEIVE_BYTES,
            (ContentUse::Dropped, Decoder::Length(length)) => {
                *length - self.decoded + REQUESTS_BYTES
            }
            (ContentUse::Dropped, Decoder::Chunked(_)) => REQUESTS_BYTES,
        }
    }

    /// What becomes of it.
    pub(crate) fn content_use(&self) -> ContentUse {
        self.content_use
    }

    /// How much of what was taken last stands around chunks, in bytes: these are looked at one by
    /// one.
    pub(crate) fn framing_bytes(&self) -> usize {
        self.framing_bytes
    }

    /// Takes what has arrived: `input` begins with the head, and what an earlier call has kept.
    pub(crate) fn take(
        &mut self,
        input: &mut [u8],
        limits: &Limits,
    ) -> Result<ContentProgress, FaultKind> {
        match self.content_use {
            ContentUse::Held => self.hold(input, limits),
            ContentUse::Dropped => {
                Ok(match self.drop_arrived(&input[self.head_bytes..], limits)? {
                    Some(bytes) => ContentProgress::Whole {
                        content_bytes: 0,
                        message_bytes: self.head_bytes + bytes,
                    },
                    None => ContentProgress::Partial { kept: self.head_bytes },
                })
            }
        }
    }

    fn hold(&mut self, input: &mut [u8], limits: &Limits) -> Result<ContentProgress, FaultKind> {
        match &mut self.decoder {
            Decoder::Length(length) => {
                self.decoded = (input.len() - self.head_bytes).min(*length);
                Ok(match self.decoded == *length {
                    true => ContentProgress::Whole {
                        content_bytes: *length,
                        message_bytes: self.head_bytes + *length,
                    },
                    false => ContentProgress::Partial { kept: input.len() },
                })
            }
            Decoder::Chunked(chunks) => {
                let content = &mut input[self.head_bytes..];
                let (taken, done) = chunks.decode(content, &mut self.decoded, limits)?;
                self.framing_bytes = taken - self.decoded;
                Ok(match done {
                    Done::Yes => ContentProgress::Whole {
                        content_bytes: self.decoded,
                        message_bytes: self.head_bytes + taken,
                    },
                    Done::No => ContentProgress::Partial { kept: self.head_bytes + self.decoded },
                })
            }
        }
    }

    /// Takes what has arrived behind what earlier calls have taken, and forgets it. Says how many of
    /// these bytes belong to the message, if it is whole by them.
    pub(crate) fn drop_arrived(
        &mut self,
        arrived: &[u8],
        limits: &Limits,
    ) -> Result<Option<usize>, FaultKind> {
        match &mut self.decoder {
            Decoder::Length(length) => {
                let bytes = arrived.len().min(*length - self.decoded);
                self.decoded += bytes;
                Ok((self.decoded == *length).then_some(bytes))
            }
            Decoder::Chunked(chunks) => {
                let parts = chunks.parts(arrived, &mut self.decoded, limits, |_| {})?;
                self.framing_bytes = parts.framing;
                Ok((parts.done == Done::Yes).then_some(parts.taken))
            }
        }
    }
}

/// Copies the data of the chunks with which `arrived` begins behind each other. Says how many bytes of
/// it they are, if they are whole, so that `joined` is the content; and how many bytes are framing.
pub(crate) fn join_chunks(
    arrived: &[u8],
    joined: &mut Vec<u8>,
    limits: &Limits,
) -> Result<(Option<usize>, usize), FaultKind> {
    let parts =
        Chunks::default().parts(arrived, &mut 0, limits, |data| joined.extend_from_slice(data))?;
    Ok(((parts.done == Done::Yes).then_some(parts.taken), parts.framing))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { body_bytes_max: 100, head_bytes_max: 1000, fields_max: 3, ..Limits::default() }
    }

    /// Decodes `body` behind a head of four bytes, a piece at a time, as a connection does.
    fn decode_in(body: &[u8], piece: usize) -> Result<(Vec<u8>, usize), FaultKind> {
        let limits = limits();
        let mut content = Content::new(4, Framing::Chunked, ContentUse::Held, &limits)?;
        let mut input = b"HEAD".to_vec();
        let mut taken = 0;
        for piece in body.chunks(piece) {
            let before = input.len();
            input.extend_from_slice(piece);
            match content.take(&mut input, &limits)? {
                ContentProgress::Partial { kept } => input.truncate(kept),
                ContentProgress::Whole { content_bytes, message_bytes } => {
                    assert_eq!(&input[..4], b"HEAD");
                    return Ok((
                        input[4..4 + content_bytes].to_vec(),
                        taken + message_bytes - before,
                    ));
                }
            }
            taken += piece.len();
        }
        Err(FaultKind::BodyUnfinished)
    }

    /// How many bytes of `body` belong to the message, when they are dropped a piece at a time.
    fn drop_in(body: &[u8], piece: usize) -> Result<usize, FaultKind> {
        let mut content = Content::new(4, Framing::Chunked, ContentUse::Dropped, &limits())?;
        for (number, arrived) in body.chunks(piece).enumerate() {
            if let Some(bytes) = content.drop_arrived(arrived, &limits())? {
                return Ok(number * piece + bytes);
            }
        }
        Err(FaultKind::BodyUnfinished)
    }

    /// Decodes it, and finds that dropping it comes to the same end.
    #[track_caller]
    fn decode(body: &[u8]) -> Result<(Vec<u8>, usize), FaultKind> {
        let whole = decode_in(body, body.len());
        let end = whole.as_ref().map(|(_, end)| *end).map_err(|kind| *kind);
        for piece in 1..=body.len() {
            assert_eq!(decode_in(body, piece), whole, "in pieces of {piece}");
            assert_eq!(drop_in(body, piece), end, "dropped in pieces of {piece}");
        }
        whole
    }

    #[test]
    fn chunks_are_joined_and_what_follows_is_left_alone() {
        let body = b"3\r\nhel\r\nA\r\nlo, world!\r\n0\r\n\r\nGET";
        assert_eq!(decode(body), Ok((b"hello, world!".to_vec(), body.len() - 3)));
        assert_eq!(decode(b"0\r\n\r\n"), Ok((Vec::new(), 5)));
        assert_eq!(
            decode(b"0005\r\n\r\nabc\r\n0\r\n\r\n").map(|(data, _)| data),
            Ok(b"\r\nabc".to_vec())
        );
    }

    #[test]
    fn a_size_may_have_zeros_in_front_up_to_the_longest_line() {
        for digits in [1, 14, 15, 16, 17, 255] {
            let body = format!("{:0>digits$}\r\nhello\r\n{:0>digits$}\r\n\r\n", 5, 0);
            assert_eq!(decode(body.as_bytes()), Ok((b"hello".to_vec(), body.len())), "{digits}");
        }
        let body = format!("{:0>256}\r\nhello\r\n0\r\n\r\n", 5);
        assert_eq!(decode(body.as_bytes()), Err(FaultKind::ChunkInvalid));
    }

    #[test]
    fn the_empty_line_at_the_end_counts_as_a_trailer_does() {
        // The name, the colon, and two line ends.
        let with_value = |len: usize| format!("0\r\na:{}\r\n\r\n", "v".repeat(len));
        assert!(decode(with_value(1000 - 6).as_bytes()).is_ok());
        for len in 1000 - 5..1000 {
            let decoded = decode(with_value(len).as_bytes());
            assert_eq!(decoded, Err(FaultKind::TrailersTooLarge), "{len}");
        }
    }

    #[test]
    fn extensions_are_checked_and_ignored() {
        for line in ["5;a", "5;a=b", "5 ; a = b", "5;a=\"b;\\\"c\"", "5;a;b=\"\" ;c", "5;a\t=b"] {
            let body = format!("{line}\r\nhello\r\n0;x\r\n\r\n");
            assert_eq!(decode(body.as_bytes()), Ok((b"hello".to_vec(), body.len())), "{line}");
        }
        for line in [
            "5;",
            "5;=x",
            "5;a=",
            "5;a=\"b",
            "5 ",
            "5;a ",
            "5;a\n",
            "5;a=b c",
            "5;a\0",
            "5;a=\"\x01\"",
        ] {
            let body = format!("{line}\r\nhello\r\n0\r\n\r\n");
            assert_eq!(decode(body.as_bytes()), Err(FaultKind::ChunkInvalid), "{line:?}");
        }
    }

    #[test]
    fn a_broken_size_line_or_data_end_is_refused() {
        for body in [
            "-5\r\nhello\r\n0\r\n\r\n",
            "+5\r\nhello\r\n0\r\n\r\n",
            "0x5\r\nhello\r\n0\r\n\r\n",
            "\r\nhello\r\n0\r\n\r\n",
            "5\nhello\r\n0\r\n\r\n",
            "5\r\r\nhello\r\n0\r\n\r\n",
            "5\r\nhelloXX\r\n0\r\n\r\n",
            "5\r\nhello0\r\n\r\n",
            "5\r\nhello\n0\r\n\r\n",
            "10000000000000000\r\n",
            "0\r\nbad trailer\r\n\r\n",
            "0\r\na: \0\r\n\r\n",
            "0\r\na: b\n\r\n",
            "0\r\n\n",
        ] {
            assert_eq!(decode(body.as_bytes()), Err(FaultKind::ChunkInvalid), "{body:?}");
        }
    }

    #[test]
    fn limits_hold_at_their_edge() {
        let of_size = |len: usize| format!("{len:x}\r\n{}\r\n0\r\n\r\n", "d".repeat(len));
        assert!(decode(of_size(99).as_bytes()).is_ok());
        assert!(decode(of_size(100).as_bytes()).is_ok());
        assert_eq!(decode(of_size(101).as_bytes()), Err(FaultKind::BodyTooLarge));
        assert_eq!(decode(b"60\r\n"), Err(FaultKind::BodyUnfinished));
        let in_two = format!("63\r\n{}\r\n2\r\n", "d".repeat(99));
        assert_eq!(decode(in_two.as_bytes()), Err(FaultKind::BodyTooLarge));

        let with_trailers = |n: usize| format!("0\r\n{}\r\n", "a: b\r\n".repeat(n));
        assert!(decode(with_trailers(2).as_bytes()).is_ok());
        assert!(decode(with_trailers(3).as_bytes()).is_ok());
        assert_eq!(decode(with_trailers(4).as_bytes()), Err(FaultKind::TrailersTooLarge));
        let long = format!("0\r\na: {}\r\n\r\n", "v".repeat(1000));
        assert_eq!(decode(long.as_bytes()), Err(FaultKind::TrailersTooLarge));

        let of_line = |len: usize| format!("1;{}\r\nd\r\n0\r\n\r\n", "e".repeat(len - 3));
        assert!(decode(of_line(255).as_bytes()).is_ok());
        assert!(decode(of_line(256).as_bytes()).is_ok());
        assert_eq!(decode(of_line(257).as_bytes()), Err(FaultKind::ChunkInvalid));
    }

    #[test]
    fn content_of_a_declared_length_is_dropped_up_to_its_end() {
        let limits = limits();
        for piece in 1..=8 {
            let content = Content::new(4, Framing::Length(5), ContentUse::Dropped, &limits);
            let mut content = content.expect("a length below the limit");
            let mut input = b"HEAD".to_vec();
            let mut end = None;
            for (number, arrived) in b"helloGET".chunks(piece).enumerate() {
                input.extend_from_slice(arrived);
                match content.take(&mut input, &limits).expect("nothing is wrong with it") {
                    ContentProgress::Partial { kept } => {
                        assert_eq!(kept, 4, "nothing is kept but the head");
                        input.truncate(kept);
                    }
                    ContentProgress::Whole { content_bytes, message_bytes } => {
                        assert_eq!(content_bytes, 0);
                        end = Some(number * piece + message_bytes - 4);
                        break;
                    }
                }
            }
            assert_eq!(end, Some(5), "in pieces of {piece}");
        }
    }

    #[test]
    fn a_declared_length_above_the_limit_is_refused_unread() {
        let new = |length| {
            Content::new(0, Framing::Length(length), ContentUse::Dropped, &limits()).map(|_| ())
        };
        assert_eq!(new(99), Ok(()));
        assert_eq!(new(100), Ok(()));
        assert_eq!(new(101), Err(FaultKind::BodyTooLarge));
        assert_eq!(new(u64::MAX), Err(FaultKind::BodyTooLarge));
    }
}
