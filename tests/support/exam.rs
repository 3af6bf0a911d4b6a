//! What `herd exam` tells of a server.
#![allow(dead_code, reason = "each test crate uses its own part of this")]

use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;

/// The report of an exam.
#[derive(Debug)]
pub struct Examined {
    pub code: Option<i32>,
    pub report: Value,
}

/// Examines the server at this address.
pub fn examine(address: SocketAddr, arguments: &[&str]) -> Examined {
    let mut command = Command::new(env!("CARGO_BIN_EXE_herd"));
    command.args(["exam", &address.to_string(), "--json", "-"]).args(arguments);
    let output = command.output().expect("built by cargo");
    let errors = String::from_utf8_lossy(&output.stderr);
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|reason| panic!("{arguments:?}: no JSON, {reason}: {errors}"));
    Examined { code: output.status.code(), report }
}

impl Examined {
    /// What became of this stage, and what is told of it.
    pub fn stage(&self, name: &str) -> (&str, &str) {
        let stages = self.report["stages"].as_array().expect("a list");
        let stage = stages.iter().find(|stage| stage["stage"] == name).expect(name);
        let text = |what: &str| stage[what].as_str().expect("a text");
        (text("outcome"), text("told"))
    }
}
