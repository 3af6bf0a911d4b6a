//! Reads the files that routes name, whole: at the start, and when SIGHUP has come.

use std::fmt::Display;
use std::fs;
use std::path::Path;

/// The bytes of this file, of which there may be `bytes_max`.
///
/// # Errors
/// If it cannot be read, is no regular file, or is longer. The sentence says which, and how to mend it.
#[cold]
#[inline(never)]
pub(super) fn read(name: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    let shown = name.display();
    let told =
        |reason: &dyn Display| format!("cannot read '{shown}': {reason}; name a readable file");
    // A pipe could make the server wait for ever.
    let known = fs::metadata(name).map_err(|reason| told(&reason))?;
    if !known.is_file() {
        return Err(told(&"it is no regular file"));
    }
    if known.len() > bytes_max {
        let (bytes, mebibytes) = (known.len(), bytes_max >> 20);
        return Err(format!("'{shown}' has {bytes} bytes; it may have {mebibytes}MiB"));
    }
    fs::read(name).map_err(|reason| told(&reason))
}
