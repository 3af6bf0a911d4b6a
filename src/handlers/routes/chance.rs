//! The seeded choices: each follows from the seed, the numbers of the connection and the request, and
//! the place in the table. No choice shifts another one.

use std::time::Duration;

use super::route::Span;
use crate::time::micros;

/// All millionths.
pub(super) const WHOLE: u32 = 1_000_000;

/// What a choice follows from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw {
    pub(super) seed: u64,
    pub(super) connection: u32,
    pub(super) request: u32,
    /// Which route of the table it is.
    pub(super) route: usize,
}

impl Draw {
    /// A number of millionths, below [`WHOLE`].
    pub(super) fn millionths(self) -> u32 {
        ((u128::from(self.bits()) * u128::from(WHOLE)) >> 64) as u32
    }

    /// A time in this span, from bits other than those of a choice between answers.
    pub(super) fn time(self, span: Span) -> Duration {
        let width = u128::from(micros(span.to.saturating_sub(span.from))) + 1;
        let drawn = (u128::from(mix(self.bits())) * width) >> 64;
        span.from + Duration::from_micros(drawn as u64)
    }

    /// Any 64 bits: [mixed](mix) once for each of the numbers.
    pub(super) fn bits(self) -> u64 {
        let asked = u64::from(self.connection) << 32 | u64::from(self.request);
        mix(mix(mix(self.seed) ^ asked) ^ self.route as u64)
    }
}

/// The last step of splitmix64.
pub(super) fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
