//! Bytes that the kernel holds as a file in memory, so that it sends them without a copy.
//!
//! The file has no name in any directory and is sealed: neither this program nor another one can
//! change it. It lives until the last range that names it is dropped.

use std::fs::File;
use std::io;

/// Makes such a file of these bytes.
///
/// # Errors
/// If the system refuses: it has no such files, no memory, or no descriptor left.
#[cfg(target_os = "linux")]
pub(super) fn file_of(bytes: &[u8]) -> io::Result<File> {
    use std::io::Write;

    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
    use rustix::io::Errno;

    const FLAGS: MemfdFlags = MemfdFlags::CLOEXEC.union(MemfdFlags::ALLOW_SEALING);
    // Before Linux 6.3 no file could be marked as none to execute.
    let created = match memfd_create(c"oneloop-body", FLAGS.union(MemfdFlags::NOEXEC_SEAL)) {
        Err(Errno::INVAL) => memfd_create(c"oneloop-body", FLAGS),
        created => created,
    };
    let mut file = File::from(created?);
    file.write_all(bytes)?;
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    fcntl_add_seals(&file, seals)?;
    Ok(file)
}

/// Elsewhere there are no such files.
#[cfg(not(target_os = "linux"))]
pub(super) fn file_of(_: &[u8]) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    #[cfg(target_os = "linux")]
    #[test]
    fn no_program_changes_what_the_kernel_holds() {
        use std::os::unix::fs::FileExt;

        let file = super::file_of(b"text").expect("the system has such files");
        assert!(file.write_at(b"x", 0).is_err());
        assert!(file.set_len(3).is_err());
        assert!(file.set_len(5).is_err());
        let mut bytes = [0; 5];
        assert_eq!((file.read_at(&mut bytes, 0).ok(), &bytes), (Some(4), b"text\0"));
    }
}
