//! The `herd` program: all of it is [`oneloop::herd`].

use std::process::ExitCode;

fn main() -> ExitCode {
    oneloop::herd::main()
}
