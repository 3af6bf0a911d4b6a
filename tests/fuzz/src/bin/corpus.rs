//! Carries inputs between the packed corpora, which are committed, and folders, which a fuzzer
//! works on.
//!
//! `corpus unpack FILE FOLDER`, `corpus pack FOLDER FILE`, and `corpus seed TARGET FOLDER`, which
//! makes first inputs of the cases that the server's tests send (`tests/cases/cases.jsonl`).

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use fuzz::headers::{BEHIND, HEADERS};
use fuzz::oracle::packed;
use serde_json::Value;

/// Longer inputs slow the fuzzer down more than they tell it.
const INPUT_BYTES_MAX: usize = 2048;

/// What is asked of a directory; the lines behind the path are fields.
const PATHS: [&[u8]; 24] = [
    b"/",
    b"/a",
    b"/a/",
    b"/d",
    b"//d?q",
    b"/d/b",
    b"/e/e/c",
    b"/.h",
    b"/.well-known/w",
    b"/x%20y",
    b"/%2541",
    b"/b%5C",
    b"/%ff",
    b"/out",
    b"/../secret",
    b"/d/%2e%2e/a",
    b"/%2e%2e%2fsecret",
    b"/a%00",
    b"/a.js\nbytes=0-3",
    b"/a.js\nbytes=-3,0-\nbr;q=0.5, gzip",
    b"/a.js\nbytes=20-\n*;q=0, identity",
    b"/a.js\n\n*;q=0",
    b"/a.js\n\ngzip\n*",
    b"/a.js\nbytes=1-2\n\n\"x\", W/\"y\"\n\"z\"",
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["unpack", file, folder] => write(folder, packed::unpack(&fs::read_to_string(file)?)),
        ["pack", folder, file] => Ok(fs::write(file, packed::pack(read(folder)?))?),
        ["seed", target, folder] => write(folder, seeds(target)),
        _ => Err("usage: corpus unpack FILE FOLDER | pack FOLDER FILE | seed TARGET FOLDER".into()),
    }
}

fn read(folder: &str) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let mut inputs = Vec::new();
    for entry in fs::read_dir(folder)? {
        inputs.push(fs::read(entry?.path())?);
    }
    Ok(inputs)
}

fn write(folder: &str, inputs: Vec<Vec<u8>>) -> Result<(), Box<dyn Error>> {
    for (number, input) in inputs.iter().enumerate() {
        fs::write(Path::new(folder).join(format!("{number:04}")), input)?;
    }
    Ok(())
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    if target == "proxied" {
        return proxied_seeds();
    }
    let cases = include_str!("../../../cases/cases.jsonl").lines().filter_map(said);
    let seeds = cases.flat_map(|said| match target {
        "head" => vec![said],
        "framing" => behind(&said, b"POST / HTTP/1.1\r\nHost: a\r\n").into_iter().collect(),
        "target" => target_and_host(&said).into_iter().collect(),
        "site" => target_and_host(&said).into_iter().chain(PATHS.map(<[u8]>::to_vec)).collect(),
        // Each way of ending, each size of limits, at once and in pieces of eight.
        "connection" => (0..8).map(|script| [&[script | 0x40, 7], &said[..]].concat()).collect(),
        _ => Vec::new(),
    });
    seeds.filter(|seed| seed.len() <= INPUT_BYTES_MAX).collect()
}

/// Each header with all that may follow, in each way of ending, at once and in pieces of eight.
fn proxied_seeds() -> Vec<Vec<u8>> {
    let said = HEADERS.iter().flat_map(|header| BEHIND.map(|behind| [header, behind].concat()));
    said.flat_map(|said| (0..8).map(move |script| [&[script | 0x40, 7], &said[..]].concat()))
        .collect()
}

/// All the bytes that a case sends, without its pauses.
fn said(line: &str) -> Option<Vec<u8>> {
    let case: Value = serde_json::from_str(line).ok()?;
    let send = &case["send"];
    let pieces = send.as_array().cloned().unwrap_or_else(|| vec![send.clone()]);
    let text: String = pieces.iter().map(text).collect();
    let text = text.replace("@H@", "a").replace("@G@", "/").replace("@P@", "/");
    let text = text.replace("@SML@", "41").replace("@SML5@", "46");
    text.chars().map(|char| u8::try_from(char).ok()).collect()
}

fn text(piece: &Value) -> String {
    let repeated = |name: &str, times: usize| piece[name][0].as_str().map(|it| it.repeat(times));
    let times = piece["rep"][1].as_u64().and_then(|times| usize::try_from(times).ok());
    piece
        .as_str()
        .map(str::to_owned)
        .or_else(|| repeated("rep", times?))
        .or_else(|| repeated("each", 1))
        .or_else(|| repeated("drip", 3))
        .unwrap_or_default()
}

fn behind(said: &[u8], start: &[u8]) -> Option<Vec<u8>> {
    said.strip_prefix(start).map(<[u8]>::to_vec)
}

fn target_and_host(said: &[u8]) -> Option<Vec<u8>> {
    let target = said.split(|byte| *byte == b' ').nth(1)?;
    let host_start = said.windows(6).position(|six| six == b"Host: ")? + 6;
    let host = said[host_start..].split(|byte| *byte == b'\r').next()?;
    Some([target, b"\n", host].concat())
}
