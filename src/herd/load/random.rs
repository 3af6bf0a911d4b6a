//! Pseudo-random numbers from a seed: the same seed makes the same numbers.
//!
//! The tests draw from `tests/support/random.rs`. This one is separate on purpose: a program takes
//! nothing from the tests that judge it.

/// SplitMix64: one addition and three multiplications a number, and every seed is a good one.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence that belongs to `seed`.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// Any 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        self.bits().to_be_bytes()[0]
    }

    /// From 0 up to, not including, `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "no number is below zero");
        // The bias is one in 2^64 divided by the bound.
        (self.bits() % bound as u64) as usize
    }

    /// From 0 up to, not including, 1: the upper 53 bits, as many as a double keeps.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_sequence_and_another_does_not() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            [random.bits(), random.bits(), random.bits()]
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn numbers_stay_in_their_bounds_and_reach_them() {
        let mut random = Random::new(3);
        let mut seen = [0; 4];
        for _ in 0..1000 {
            seen[random.below(4)] += 1;
            let uniform = random.uniform();
            assert!((0.0..1.0).contains(&uniform));
        }
        assert!(seen.iter().all(|count| *count > 150), "{seen:?}");
    }
}
