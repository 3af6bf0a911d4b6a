//! Whether the processor has what the compiler was allowed to use, by `.cargo/config.toml`.
//!
//! Where it has not, some instruction would end the program by SIGILL, without a word. So this is asked
//! before anything else. The standard library cannot be asked, it says yes to what it was compiled for;
//! the kernel can.

use std::fs::File;
use std::io::{self, Read};

use crate::arguments::Refusal;

/// Whether this program was compiled for such processors only.
const IS_ASKED: bool =
    cfg!(all(target_os = "linux", target_arch = "x86_64", target_feature = "sse4.2"));

/// What of x86-64-v2 compilers use, by the kernel's names.
const NEEDED: [&str; 4] = ["ssse3", "sse4_1", "sse4_2", "popcnt"];

/// How much is read of what the kernel says, in bytes. The first processor is told of in less, and the
/// others are the same; there may be hundreds.
const READ_BYTES_MAX: u64 = 8 * 1024;

/// Builds the program for all processors.
const FOR_ALL: &str = "RUSTFLAGS='-C target-cpu=x86-64' cargo build --release";

/// Refuses to run on a processor that lacks something. If the kernel does not say, it may have all.
pub fn check() -> Result<(), Refusal> {
    if !IS_ASKED {
        return Ok(());
    }
    match lacking(&first_processor().unwrap_or_default()) {
        None => Ok(()),
        Some(feature) => Err(Refusal::System(format!(
            "this program is built for processors with {feature}, and this one has none, or a \
             virtual machine hides it; build it for all by {FOR_ALL}"
        ))),
    }
}

fn first_processor() -> io::Result<String> {
    let mut said = Vec::new();
    File::open("/proc/cpuinfo")?.take(READ_BYTES_MAX).read_to_end(&mut said)?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// The first feature that the kernel does not list.
fn lacking(said: &str) -> Option<&'static str> {
    let mut lines = said.lines().filter_map(|line| line.split_once(':'));
    let (_, flags) = lines.find(|(name, _)| name.trim_end() == "flags")?;
    NEEDED.into_iter().find(|needed| !flags.split_ascii_whitespace().any(|flag| flag == *needed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_feature_that_is_not_listed_is_named() {
        let lists =
            |flags: &str| format!("processor\t: 0\nvmx flags\t: vnmi\nflags\t\t: {flags}\n");
        assert_eq!(lacking(&lists("fpu popcnt ssse3 sse4_1 sse4_2")), None);
        assert_eq!(lacking(&lists("fpu sse2 ht")), Some("ssse3"));
        assert_eq!(lacking(&lists("ssse3 sse4_1 sse4_2x popcnt")), Some("sse4_2"));
    }

    #[test]
    fn a_kernel_that_lists_no_features_is_no_reason_to_refuse() {
        assert_eq!(lacking(""), None);
        assert_eq!(lacking("Features\t: fp asimd\n"), None);
    }

    #[test]
    fn what_runs_this_test_is_not_refused() {
        assert!(check().is_ok());
    }
}
