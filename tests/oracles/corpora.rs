//! Every input of the corpora, by the very checks that the fuzzer makes.

use std::panic;

use crate::oracle::{packed, targets};

/// Each target's corpus. An input that has once failed is a line of it.
const CORPORA: [(&str, &str); 6] = [
    ("head", include_str!("../fuzz/corpus/head")),
    ("framing", include_str!("../fuzz/corpus/framing")),
    ("target", include_str!("../fuzz/corpus/target")),
    ("connection", include_str!("../fuzz/corpus/connection")),
    ("proxied", include_str!("../fuzz/corpus/proxied")),
    ("site", include_str!("../fuzz/corpus/site")),
];

/// A check over hardly any inputs would say nothing.
const INPUTS_MIN: usize = 100;

#[test]
fn every_input_that_fuzzing_has_left_is_still_answered_right() {
    for (name, check) in targets::ALL {
        let (_, corpus) = CORPORA.iter().find(|(other, _)| *other == name).unwrap();
        let inputs = packed::unpack(corpus);
        assert!(inputs.len() >= INPUTS_MIN, "{name} has {} inputs", inputs.len());
        for (line, input) in inputs.iter().enumerate() {
            if let Err(failure) = panic::catch_unwind(|| check(input)) {
                let line = line + 1;
                eprintln!("{name}, line {line} of its corpus: \"{}\"", input.escape_ascii());
                panic::resume_unwind(failure);
            }
        }
    }
}

#[test]
fn what_is_packed_is_unpacked_the_same() {
    let all: Vec<u8> = (0..=255).collect();
    let inputs = vec![b"a".to_vec(), b"\\n".to_vec(), all];
    assert_eq!(packed::unpack(&packed::pack(inputs.clone())), inputs);
    for (name, corpus) in CORPORA {
        assert_eq!(packed::pack(packed::unpack(corpus)), corpus, "{name} is in order");
    }
}
