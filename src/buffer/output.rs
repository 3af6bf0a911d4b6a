//! Where bytes stay between a `recv` and a `send`.
//!
//! An engine owns its receive buffers and one [`Output`]. Requests are parsed where they arrived and
//! answers are encoded where they are sent from, so a client that neither stops in the middle of a
//! request nor refuses an answer owns no memory at all. What is left over when a client's turn
//! ends, half a request or an answer that the kernel did not take, is moved into a [`Parked`] of
//! its own, sized to fit. [`Kept`] is such memory: up to 512 bytes from the allocator, more in pages of
//! their own.

use std::io::IoSlice;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use crate::buffer::kept::Kept;

/// How much capacity an emptied [`Output`] keeps, in bytes. A handler that once copied a huge
/// body into it must not make it huge for ever.
const KEPT_CAPACITY_MAX: usize = 256 * 1024;

/// Bodies up to this many bytes are copied behind their head, and go out with it by one call; larger
/// ones are sent from where they are. Copying so much costs less than counting references, a
/// vectored call or a `sendfile`. What the kernel does not take of a copy is kept for its client, so
/// it must not be much.
pub(crate) const COPIED_BYTES_MAX: usize = 8 * 1024;

/// A large body that is sent from where it is.
#[derive(Debug)]
pub(crate) enum Uncopied {
    /// Others hold it, too.
    Shared(Arc<[u8]>),
    /// It is this answer's own.
    Owned(Vec<u8>),
}

impl Deref for Uncopied {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Uncopied::Shared(bytes) => bytes,
            Uncopied::Owned(bytes) => bytes,
        }
    }
}

/// Encoded answers, then perhaps one large body that is not copied.
///
/// The loop's output is a stack. While a batch of clients is answered, each one's answers lie upon
/// those of the one before, which have been [suspended](Output::suspend); the last are sent, and
/// forgotten, first. So a batch fills one stretch of memory, and nothing of it is moved.
///
/// Invariant: `base` ≤ what is encoded, and `sent` ≤ the bytes from there on together with those
/// of the body; when they are equal there is nothing to send.
#[derive(Debug, Default)]
pub(crate) struct Output {
    encoded: Vec<u8>,
    /// Where the present client's answers begin.
    base: usize,
    uncopied: Option<Uncopied>,
    sent: usize,
    /// How many of the present client's answers end here.
    ends: u32,
    /// Where the head of the last answer ends in `encoded`.
    head_end: usize,
}

/// One client's answers that lie in an [`Output`] below those of others.
#[derive(Debug)]
pub(crate) struct Suspended {
    base: usize,
    uncopied: Option<Uncopied>,
    ends: u32,
}

impl Output {
    /// Bytes of the present client that still have to be sent.
    pub(crate) fn len(&self) -> usize {
        let uncopied = self.uncopied.as_ref().map_or(0, |body| body.len());
        self.encoded.len() - self.base + uncopied - self.sent
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether one more answer may be encoded behind the present client's others: a body that is
    /// not copied is always the last, and beyond the high-water mark it is time to send.
    pub(crate) fn has_room(&self, high_water: usize) -> bool {
        self.uncopied.is_none() && self.encoded.len() - self.base < high_water
    }

    /// How many bytes are encoded here, for all clients.
    pub(crate) fn bytes_stacked(&self) -> usize {
        self.encoded.len()
    }

    /// Leaves the present client's answers where they are and begins those of the next.
    ///
    /// This and [`resume`](Output::resume) check their order in every build: out of order, one
    /// client would be sent what is another's.
    #[inline]
    pub(crate) fn suspend(&mut self) -> Suspended {
        assert!(self.sent == 0, "answers are suspended before they are sent");
        let ends = std::mem::take(&mut self.ends);
        let suspended = Suspended { base: self.base, uncopied: self.uncopied.take(), ends };
        self.base = self.encoded.len();
        suspended
    }

    /// Goes on with the answers that were suspended last, and not resumed since.
    #[inline]
    pub(crate) fn resume(&mut self, suspended: Suspended) {
        let is_cleared = self.encoded.len() == self.base && self.uncopied.is_none();
        assert!(is_cleared, "the answers above are sent or parked");
        self.base = suspended.base;
        self.uncopied = suspended.uncopied;
        self.ends = suspended.ends;
    }

    /// What is encoded, for all clients.
    #[inline]
    pub(crate) fn encoded_bytes(&self) -> &[u8] {
        &self.encoded
    }

    /// How long the body is that is not copied, in bytes.
    pub(crate) fn uncopied_bytes(&self) -> usize {
        self.uncopied.as_ref().map_or(0, |body| body.len())
    }

    /// The head of an answer is encoded whole, and `body` bytes of its body are behind it already.
    #[inline]
    pub(crate) fn end_head(&mut self, body: usize) {
        self.head_end = self.encoded.len() - body;
    }

    /// Where the head of the last answer ends among all that is encoded.
    pub(crate) fn head_end(&self) -> usize {
        self.head_end
    }

    /// Where answers are encoded.
    pub(crate) fn encoded(&mut self) -> &mut Vec<u8> {
        debug_assert!(
            self.uncopied.is_none(),
            "a body that is not copied is the last of a client's answers"
        );
        &mut self.encoded
    }

    /// Forgets what has been encoded behind the first `bytes` of all clients, and the body behind it.
    pub(crate) fn take_back(&mut self, bytes: usize) {
        debug_assert!(bytes >= self.base, "the answers of others stay");
        self.encoded.truncate(bytes);
        self.uncopied = None;
    }

    /// Puts a body behind what is encoded, without copying it.
    pub(crate) fn put_behind(&mut self, body: Uncopied) {
        assert!(
            self.uncopied.is_none(),
            "a body that is not copied is the last of a client's answers"
        );
        self.uncopied = Some(body);
    }

    /// The first `bytes_max` bytes of what is to be sent, as one or two slices; the second is empty
    /// if there is only one.
    pub(crate) fn slices(&self, bytes_max: usize) -> [IoSlice<'_>; 2] {
        slices(&self.encoded[self.base..], self.uncopied.as_deref(), self.sent, bytes_max)
    }

    /// All of an answer is here, as far as it is not sent yet.
    #[inline]
    pub(crate) fn end_answer(&mut self) {
        self.ends += 1;
    }

    /// Notes that the kernel has taken `bytes` more bytes. Once that was all, forgets them, and says
    /// how many answers have ended.
    #[inline(always)]
    pub(crate) fn advance(&mut self, bytes: usize) -> Option<u32> {
        self.sent += bytes;
        self.is_empty().then(|| {
            let ends = self.ends;
            self.clear();
            ends
        })
    }

    /// Forgets the present client's answers, sent or not.
    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        self.encoded.truncate(self.base);
        self.uncopied = None;
        (self.sent, self.ends) = (0, 0);
        if self.encoded.capacity() > KEPT_CAPACITY_MAX && self.base == 0 {
            self.encoded.shrink_to(KEPT_CAPACITY_MAX);
        }
    }

    /// Moves what is not sent yet into memory of its own that is no larger than that.
    fn take_fitted(&mut self) -> Owed {
        let encoded = &self.encoded[self.base..];
        let from_encoded = self.sent.min(encoded.len());
        let fitted = Owed {
            encoded: Kept::copy_of(&encoded[from_encoded..]),
            uncopied: self.uncopied.take(),
            sent: self.sent - from_encoded,
            ends: self.ends,
        };
        self.clear();
        fitted
    }
}

/// What is left to send of encoded answers and of the body behind them, of which the first `sent`
/// bytes are out: one or two slices of at most `bytes_max` bytes together.
fn slices<'a>(
    encoded: &'a [u8],
    uncopied: Option<&'a [u8]>,
    sent: usize,
    bytes_max: usize,
) -> [IoSlice<'a>; 2] {
    let from_encoded = sent.min(encoded.len());
    let head = &encoded[from_encoded..];
    let head = &head[..head.len().min(bytes_max)];
    let body = match uncopied {
        Some(body) => &body[sent - from_encoded..],
        None => &[],
    };
    let body = &body[..body.len().min(bytes_max - head.len())];
    match head.is_empty() {
        true => [IoSlice::new(body), IoSlice::new(&[])],
        false => [IoSlice::new(head), IoSlice::new(body)],
    }
}

/// Answers that the kernel did not take, in memory of their client's own.
#[derive(Debug, Default)]
pub(crate) struct Owed {
    encoded: Kept,
    uncopied: Option<Uncopied>,
    sent: usize,
    /// How many answers end here.
    ends: u32,
}

impl Owed {
    /// Bytes that still have to be sent.
    pub(crate) fn len(&self) -> usize {
        self.encoded.len() + self.uncopied.as_ref().map_or(0, |body| body.len()) - self.sent
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is to be sent, as one or two slices.
    pub(crate) fn slices(&self, bytes_max: usize) -> [IoSlice<'_>; 2] {
        slices(&self.encoded, self.uncopied.as_deref(), self.sent, bytes_max)
    }

    /// Notes that the kernel has taken `bytes` more bytes. Once that was all, forgets them, and says
    /// how many answers have ended.
    pub(crate) fn advance(&mut self, bytes: usize) -> Option<u32> {
        self.sent += bytes;
        self.is_empty().then(|| std::mem::take(self).ends)
    }
}

/// What a client leaves behind between two of its turns.
#[derive(Debug, Default)]
pub(crate) struct Parked {
    /// Half a request, or pipelined ones that wait until the answers before theirs are out.
    pub(crate) input: Kept,
    /// Answers that the kernel did not take.
    pub(crate) output: Owed,
    /// For whom its proxy has said that it connects. Kept as long as the connection lasts.
    pub(crate) client: Option<SocketAddr>,
}

impl Parked {
    pub(crate) fn is_empty(&self) -> bool {
        self.input.is_empty() && self.output.is_empty() && self.client.is_none()
    }

    /// The client of which this tells, if it is there.
    pub(crate) fn client(parked: &Option<Box<Parked>>) -> Option<SocketAddr> {
        parked.as_ref().and_then(|parked| parked.client)
    }

    /// Keeps what is left of the engine's output.
    pub(crate) fn keep_output(&mut self, output: &mut Output) {
        assert!(self.output.is_empty(), "an output is only begun when the last one is out");
        self.output = output.take_fitted();
    }

    /// The memory it has room in, in bytes; bodies that are not copied are not counted, they were the
    /// handler's.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.input.capacity() + self.output.encoded.capacity()
    }

    /// The memory that it takes beside the allocator's, in bytes.
    pub(crate) fn mapped_bytes(&self) -> usize {
        self.input.mapped_bytes() + self.output.encoded.mapped_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(encoded: &[u8], shared: &[u8]) -> Output {
        let mut output = Output::default();
        output.encoded().extend_from_slice(encoded);
        if !shared.is_empty() {
            output.put_behind(Uncopied::Shared(Arc::from(shared)));
        }
        output
    }

    #[test]
    fn every_cut_sends_the_same_bytes() {
        for cut in 0..=8 {
            let mut output = output(b"head", b"body");
            let mut sent = Vec::new();
            for bytes in [cut, 8 - cut] {
                let slices = output.slices(usize::MAX);
                sent.extend(slices.iter().flat_map(|slice| slice.iter().copied()).take(bytes));
                output.advance(bytes);
            }
            assert_eq!(sent, b"headbody", "cut at {cut}");
            assert!(output.is_empty());
        }
    }

    #[test]
    fn parking_keeps_exactly_what_is_not_sent() {
        for sent in 0..8 {
            let mut hot = output(b"head", b"body");
            hot.advance(sent);
            let mut parked = Parked::default();
            parked.keep_output(&mut hot);
            assert!(hot.is_empty());
            assert_eq!(parked.output.len(), 8 - sent);
            let kept: Vec<u8> = parked
                .output
                .slices(usize::MAX)
                .iter()
                .flat_map(|piece| piece.iter().copied())
                .collect();
            assert_eq!(kept, b"headbody"[sent..]);
            assert!(parked.capacity() <= 4);
        }
    }

    #[test]
    fn answers_set_aside_come_back_last_first_and_whole() {
        let mut stack = Output::default();
        let suspended = [b"first", b"third"].map(|answer| {
            stack.encoded().extend_from_slice(answer);
            stack.put_behind(Uncopied::Shared(Arc::from(&b"body"[..])));
            stack.suspend()
        });
        stack.encoded().extend_from_slice(b"top");
        stack.advance(2);
        assert_eq!((stack.len(), stack.bytes_stacked()), (1, 13));
        stack.advance(1);
        for (answer, suspended) in [b"third", b"first"].into_iter().zip(suspended.into_iter().rev())
        {
            stack.resume(suspended);
            assert_eq!(&*stack.slices(usize::MAX)[0], answer);
            assert_eq!(&*stack.slices(usize::MAX)[1], b"body");
            stack.advance(9);
            assert!(stack.is_empty());
        }
        assert_eq!(stack.bytes_stacked(), 0);
    }

    #[test]
    #[should_panic(expected = "the answers above are sent or parked")]
    fn answers_are_not_taken_up_below_those_of_another_client() {
        let mut stack = Output::default();
        stack.encoded().extend_from_slice(b"first");
        let suspended = stack.suspend();
        stack.encoded().extend_from_slice(b"second");
        stack.resume(suspended);
    }

    #[test]
    #[should_panic(expected = "answers are suspended before they are sent")]
    fn answers_are_not_set_aside_in_the_middle_of_being_sent() {
        let mut stack = output(b"first", b"");
        stack.advance(1);
        stack.suspend();
    }

    #[test]
    fn a_huge_answer_does_not_make_the_output_huge_for_ever() {
        let mut output = output(&vec![0; 4 * KEPT_CAPACITY_MAX], b"");
        output.advance(4 * KEPT_CAPACITY_MAX);
        assert!(output.encoded.capacity() <= 2 * KEPT_CAPACITY_MAX);
    }
}
