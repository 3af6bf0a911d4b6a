//! The program as it is shipped: what `cargo build --release` makes.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Where it is. Builds it, which takes about a minute when something has changed.
pub fn program() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(build).clone()
}

fn build() -> PathBuf {
    let cargo = |format: &str| {
        let mut command = Command::new(env!("CARGO"));
        command.args(["build", "--release", "--bin", "oneloop", "--quiet", "--message-format"]);
        command.arg(format).current_dir(env!("CARGO_MANIFEST_DIR"));
        command.stdin(Stdio::null()).stderr(Stdio::inherit());
        command
    };
    // Once for what the compiler says to people, and once for where the program is.
    let built = cargo("short").stdout(Stdio::null()).status().expect("cargo runs this test");
    assert!(built.success(), "the program cannot be built");
    let messages = cargo("json").output().expect("cargo runs this test").stdout;
    let messages = String::from_utf8(messages).expect("JSON is UTF-8");
    messages.lines().find_map(executable).expect("cargo says where the program is")
}

/// The program that a line of cargo's messages tells of.
fn executable(message: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    Some(message.get("executable")?.as_str()?.into())
}
