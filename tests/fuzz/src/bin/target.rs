//! The fuzz target `target`: see `oracle::targets`.

#![no_main]

use fuzz::oracle::targets;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| targets::target(input));
