//! The fuzz target `site`: see `oracle::site`.

#![no_main]

use fuzz::oracle::site;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| site::site(input));
