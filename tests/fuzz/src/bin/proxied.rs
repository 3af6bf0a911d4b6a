//! The fuzz target `proxied`: see `oracle::targets`.

#![no_main]

use fuzz::headers::mutate;
use fuzz::oracle::targets;
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|input: &[u8]| targets::proxied(input));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate(data, size, seed, |data| fuzzer_mutate(data, size, max_size))
});
