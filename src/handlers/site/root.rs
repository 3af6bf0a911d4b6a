//! The directory that is served, and the only way to what is in it.
//!
//! Every file is opened beneath the root by the kernel's own rule (`openat2` with
//! `RESOLVE_BENEATH`): relative links within the root are followed, and no other process can
//! exchange a directory for a link that leads outside in between. Where there is no such call (it
//! came with Linux 5.6, and some sandboxes refuse it), names are walked one by one, and none may be
//! a link. Links that neither way follows are resolved first, to a name without links that is then
//! opened in the same way, if that is beneath the root ([`super::links`]).
//!
//! Only regular files are opened: opening a pipe would let its writer go on, and opening a device
//! may do anything.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf, absolute};
use std::sync::Arc;

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};
use rustix::io::Errno;

use super::failure::Failure;
use super::identity::{CHECK_EVERY, Identity};
use super::links::{self, Step};
use crate::system_calls::{Call, note};
use crate::time::Time;

/// How often an open is tried again that the kernel gave up on because something was renamed
/// meanwhile, or because of a signal.
const TRIES_MAX: usize = 4;

/// How a file is opened. It is a regular one, but may have been exchanged for a pipe since we
/// looked: without `NONBLOCK`, opening that would wait for its writer.
const FILE: OFlags =
    OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// How a file is opened if it may be: to note when it was read, the kernel may wait for a disk, and
/// all clients with it. Only a file's owner and root may suppress the note.
#[cfg(target_os = "linux")]
const FILE_UNNOTED: OFlags = FILE.union(OFlags::NOATIME);
#[cfg(not(target_os = "linux"))]
const FILE_UNNOTED: OFlags = FILE;

/// A look at a name must not mount what an automounter would put there: that can wait for a network.
#[cfg(target_os = "linux")]
pub(super) const NO_AUTOMOUNT: AtFlags = AtFlags::NO_AUTOMOUNT;
#[cfg(not(target_os = "linux"))]
pub(super) const NO_AUTOMOUNT: AtFlags = AtFlags::empty();

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::DIRECTORY);

/// How a directory is opened that is only a step on the way.
#[cfg(target_os = "linux")]
const STEP: OFlags = OFlags::PATH.union(OFlags::CLOEXEC).union(OFlags::DIRECTORY);
#[cfg(not(target_os = "linux"))]
const STEP: OFlags = DIRECTORY;

/// An open root directory.
#[derive(Clone, Debug)]
pub(super) struct Root {
    path: PathBuf,
    /// Shared with what is reading a directory beneath it.
    directory: Arc<OwnedFd>,
    identity: Identity,
    resolution: Resolution,
    /// When the path was last found to lead to this directory.
    checked: Time,
}

/// Who sees to it that nothing outside is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resolution {
    Kernel,
    StepByStep,
}

/// What a name leads to.
#[derive(Debug)]
pub(super) enum Found {
    /// A regular file, open, and what it is.
    File(File, Identity),
    Directory,
}

/// What it took to follow a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    Opening,
    /// Its path was read link by link.
    Resolving,
}

/// What the root's path leads to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RootChange {
    Same,
    /// Another directory: nothing that was known holds any more.
    Another,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Directory,
    File,
}

impl Root {
    /// Opens the directory at `path`, which has to be one that can be searched.
    pub(super) fn open(path: &Path) -> io::Result<Root> {
        let path = absolute(path)?;
        // It cannot be read; where it can be searched, its files are served by name.
        let directory = openat(CWD, &path, STEP, Mode::empty())?;
        let identity = Identity::of(&fstat(&directory)?);
        let mut root = Root {
            path,
            directory: Arc::new(directory),
            identity,
            resolution: Resolution::Kernel,
            checked: Time::START,
        };
        match root.open_beneath(b".", STEP) {
            Err(reason @ (Errno::NOSYS | Errno::PERM)) => {
                note(Call::OpenBeneath, &reason.into());
                root.resolution = Resolution::StepByStep;
            }
            // Nothing in it could be opened.
            Err(reason @ Errno::ACCESS) => return Err(reason.into()),
            // Any other error passes, and is no reason to do without the call for ever.
            Ok(_) | Err(_) => {}
        }
        Ok(root)
    }

    /// As the user may write it anywhere.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What its path leads to now, to be served instead of it.
    pub(super) fn reopened(&self) -> io::Result<Root> {
        Root::open(&self.path)
    }

    /// Looks once a second whether the path still leads to the same directory: a deployment may
    /// exchange the whole site at once, by a link or by a rename.
    pub(super) fn follow(&mut self, now: Time) -> RootChange {
        if now.since(self.checked) < CHECK_EVERY {
            return RootChange::Same;
        }
        self.checked = now;
        // While there is nothing at the path, what was there is served.
        let Ok(stat) = statat(CWD, &self.path, AtFlags::empty()) else { return RootChange::Same };
        if Identity::of(&stat).is_same_object(&self.identity) {
            return RootChange::Same;
        }
        match self.reopened() {
            Ok(root) => {
                *self = Root { checked: now, ..root };
                RootChange::Another
            }
            Err(_) => RootChange::Same,
        }
    }

    /// What `name` leads to. Opens it if it is a regular file.
    pub(super) fn find(&self, name: &[u8]) -> Result<Found, Failure> {
        match kind(&self.stat(name)?) {
            Some(Kind::File) => {}
            Some(Kind::Directory) => return Ok(Found::Directory),
            None => return Err(Failure::Forbidden),
        }
        let file = match self.open_beneath(name, FILE_UNNOTED) {
            Err(Errno::PERM) => self.open_beneath(name, FILE)?,
            opened => opened?,
        };
        let stat = fstat(&file)?;
        // It may have been exchanged since.
        match kind(&stat) {
            Some(Kind::File) => Ok(Found::File(File::from(file), Identity::of(&stat))),
            Some(Kind::Directory) | None => Err(Failure::Forbidden),
        }
    }

    /// What `name` is now, unless it is not there.
    ///
    /// Without a descriptor to look by, links are followed wherever they lead: what is in memory is
    /// still answered with then, and it is compared with what was once opened beneath the root.
    pub(super) fn identity(&self, name: &[u8]) -> Option<Identity> {
        let stat = match self.stat(name) {
            Err(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => self.stat_anywhere(name),
            told => told,
        };
        stat.ok().map(|stat| Identity::of(&stat))
    }

    /// What lies at `name` beneath the root. A plain `stat` would follow links that lead outside:
    /// it would tell what is there, and go on showing what has been moved there.
    #[cfg(target_os = "linux")]
    fn stat(&self, name: &[u8]) -> Result<Stat, Errno> {
        fstat(self.open_beneath(name, LINKED)?)
    }

    /// Elsewhere nothing is opened only to be looked at.
    #[cfg(not(target_os = "linux"))]
    fn stat(&self, name: &[u8]) -> Result<Stat, Errno> {
        self.stat_anywhere(name)
    }

    fn stat_anywhere(&self, name: &[u8]) -> Result<Stat, Errno> {
        statat(&self.directory, relative(name), NO_AUTOMOUNT)
    }

    /// Opens the directory `name`, to be read.
    pub(super) fn open_directory(&self, name: &[u8]) -> Result<OwnedFd, Errno> {
        self.open_beneath(name, DIRECTORY)
    }

    /// What the entry `name` is if it is a link, followed beneath the root, and whether that took
    /// more than asking the system.
    pub(super) fn linked(&self, name: &[u8]) -> (Result<Stat, Errno>, Effort) {
        match self.open_unresolved(name, LINKED) {
            Err(reason) if is_unfollowed(reason) => {
                (self.open_resolved(name, LINKED, reason).and_then(fstat), Effort::Resolving)
            }
            opened => (opened.and_then(fstat), Effort::Opening),
        }
    }

    /// Whether both are the same opened directory, and not only the same path.
    pub(super) fn is_same(&self, other: &Root) -> bool {
        Arc::ptr_eq(&self.directory, &other.directory)
    }

    /// Opens `name` so that it is beneath the root whatever links there are.
    fn open_beneath(&self, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        match self.open_unresolved(name, flags) {
            Err(reason) if is_unfollowed(reason) => self.open_resolved(name, flags, reason),
            opened => opened,
        }
    }

    /// Opens what `name` leads to, or says for which `reason` not.
    fn open_resolved(&self, name: &[u8], flags: OFlags, reason: Errno) -> Result<OwnedFd, Errno> {
        let resolved = self.resolve_links(name).ok_or(reason)?;
        self.open_unresolved(&resolved, flags)
    }

    /// The name without links that `name` leads to, if that is beneath the root.
    fn resolve_links(&self, name: &[u8]) -> Option<Vec<u8>> {
        let real = self.path.canonicalize().ok()?;
        links::resolve(&real, name, |step| {
            let target = match step {
                Step::Inside(name) => readlinkat(&self.directory, name, Vec::new()),
                Step::Outside(path) => readlinkat(CWD, path, Vec::new()),
            };
            target.ok().map(CString::into_bytes)
        })
    }

    /// Opens `name` beneath the root, with no more links on the way than the system follows there.
    fn open_unresolved(&self, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let walk = || open_step_by_step(&self.directory, relative(name), flags);
        let open = || match self.resolution {
            Resolution::Kernel => match open_by_kernel(&self.directory, relative(name), flags) {
                Err(reason) if is_refused(reason, flags) => {
                    let walked = walk();
                    // If that is refused as well, it is the file's matter.
                    if walked.as_ref().err() != Some(&Errno::PERM) {
                        note(Call::OpenBeneath, &reason.into());
                    }
                    walked
                }
                opened => opened,
            },
            Resolution::StepByStep => walk(),
        };
        let mut opened = open();
        for _ in 1..TRIES_MAX {
            match opened {
                Err(Errno::AGAIN | Errno::INTR) => opened = open(),
                Ok(_) | Err(_) => break,
            }
        }
        opened.inspect_err(|reason| {
            if Failure::from(*reason) == Failure::Broken {
                note(Call::Open, &io::Error::from(*reason));
            }
        })
    }
}

/// How the system says that it does not follow a link: the kernel the one, walking step by step the
/// other.
fn is_unfollowed(reason: Errno) -> bool {
    reason == Errno::XDEV || reason == Errno::LOOP
}

/// Whether the kernel has no such call as `openat2`, or a sandbox refuses it. Only a file's owner
/// may open it with `NOATIME`; for others this is no refusal of the call.
fn is_refused(reason: Errno, flags: OFlags) -> bool {
    let may_be_the_files = flags.contains(FILE_UNNOTED) && FILE_UNNOTED != FILE;
    reason == Errno::NOSYS || (reason == Errno::PERM && !may_be_the_files)
}

/// How something is opened only to learn what it is.
#[cfg(target_os = "linux")]
const LINKED: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const LINKED: OFlags = FILE;

/// What this is, if it could be served.
pub(super) fn kind(stat: &Stat) -> Option<Kind> {
    let file_type = FileType::from_raw_mode(stat.st_mode);
    let kinds = [(FileType::RegularFile, Kind::File), (FileType::Directory, Kind::Directory)];
    kinds.into_iter().find(|(of_kind, _)| *of_kind == file_type).map(|(_, kind)| kind)
}

/// The root's own name is a dot to the system.
fn relative(name: &[u8]) -> &[u8] {
    if name.is_empty() { b"." } else { name }
}

#[cfg(target_os = "linux")]
fn open_by_kernel(root: &OwnedFd, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    use rustix::fs::{ResolveFlags, openat2};
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    openat2(root, name, flags, Mode::empty(), beneath)
}

#[cfg(not(target_os = "linux"))]
fn open_by_kernel(_: &OwnedFd, _: &[u8], _: OFlags) -> Result<OwnedFd, Errno> {
    Err(Errno::NOSYS)
}

/// Opens one directory after the other and then the file. None of them may be a link.
fn open_step_by_step(root: &OwnedFd, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    // What is followed by a slash has to be a directory.
    let flags = if name.ends_with(b"/") { flags | OFlags::DIRECTORY } else { flags };
    let mut steps = name.split(|byte| *byte == b'/').filter(|step| !step.is_empty()).peekable();
    let mut reached: Option<OwnedFd> = None;
    while let Some(step) = steps.next() {
        let flags = if steps.peek().is_some() { STEP } else { flags };
        let from = reached.as_ref().map_or(root.as_fd(), OwnedFd::as_fd);
        if step == b".." {
            return Err(Errno::XDEV);
        }
        let opened = openat(from, step, flags | OFlags::NOFOLLOW, Mode::empty());
        // Asked for a directory, the system says of a link that it is none.
        let opened = opened.map_err(|reason| match is_link(from, step) {
            true => Errno::LOOP,
            false => reason,
        })?;
        // Opened only to be looked at, it is the link itself.
        if FileType::from_raw_mode(fstat(&opened)?.st_mode) == FileType::Symlink {
            return Err(Errno::LOOP);
        }
        reached = Some(opened);
    }
    reached.ok_or(Errno::NOENT)
}

fn is_link(directory: impl AsFd, name: &[u8]) -> bool {
    let stat = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW);
    stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A root with a secret beside it, which goes with the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let folder =
                std::env::temp_dir().join(format!("oneloop-{}-{name}", std::process::id()));
            let root = folder.join("root");
            fs::create_dir_all(root.join("sub")).expect("a temporary folder");
            fs::write(folder.join("secret"), "secret").expect("a file");
            fs::write(root.join("a"), "a").expect("a file");
            fs::write(root.join("sub/b"), "b").expect("a file");
            for (target, name) in
                [("a", "inner"), ("sub", "inner-directory"), ("../secret", "outer"), ("..", "up")]
            {
                symlink(target, root.join(name)).expect("a link");
            }
            Folder(folder)
        }

        /// More of them, most of which the kernel does not follow beneath the root.
        fn with_absolute_links(name: &str) -> Folder {
            let folder = Folder::new(name);
            let root = folder.0.join("root");
            for (target, name) in [
                (root.join("a"), "absolute"),
                (root.join("sub"), "absolute-directory"),
                ("../root/a".into(), "out-and-in"),
                (root.join("missing"), "dangling"),
                (root.join("loop"), "loop"),
                (folder.0.join("secret"), "absolute-outer"),
                (folder.0.join("nothing"), "absolute-nowhere"),
            ] {
                symlink(target, root.join(name)).expect("a link");
            }
            folder
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn outcome(root: &Root, name: &str) -> Result<&'static str, Failure> {
        root.find(name.as_bytes()).map(|found| match found {
            Found::File(..) => "file",
            Found::Directory => "directory",
        })
    }

    #[test]
    fn nothing_outside_is_opened_with_the_kernels_rule_or_without_it() {
        let folder = Folder::with_absolute_links("beneath");
        let mut root = Root::open(&folder.0.join("root")).expect("the root");
        for (name, by_kernel, step_by_step) in [
            ("a", Ok("file"), Ok("file")),
            ("sub/b", Ok("file"), Ok("file")),
            ("sub", Ok("directory"), Ok("directory")),
            ("", Ok("directory"), Ok("directory")),
            ("a/", Err(Failure::Missing), Err(Failure::Missing)),
            ("missing", Err(Failure::Missing), Err(Failure::Missing)),
            ("a/b", Err(Failure::Missing), Err(Failure::Missing)),
            ("inner", Ok("file"), Ok("file")),
            ("inner-directory/b", Ok("file"), Ok("file")),
            ("absolute", Ok("file"), Ok("file")),
            ("absolute-directory/b", Ok("file"), Ok("file")),
            ("absolute-directory", Ok("directory"), Ok("directory")),
            ("absolute-directory/missing", Err(Failure::Missing), Err(Failure::Missing)),
            ("absolute/", Err(Failure::Missing), Err(Failure::Missing)),
            ("out-and-in", Ok("file"), Ok("file")),
            ("up/root/a", Ok("file"), Ok("file")),
            ("dangling", Err(Failure::Missing), Err(Failure::Missing)),
            ("loop", Err(Failure::Forbidden), Err(Failure::Forbidden)),
            ("absolute-outer", Err(Failure::Forbidden), Err(Failure::Forbidden)),
            ("absolute-nowhere", Err(Failure::Forbidden), Err(Failure::Forbidden)),
            ("outer", Err(Failure::Forbidden), Err(Failure::Forbidden)),
            ("up/secret", Err(Failure::Forbidden), Err(Failure::Forbidden)),
            // Nor is it told what there is.
            ("up", Err(Failure::Forbidden), Err(Failure::Forbidden)),
            ("up/nothing", Err(Failure::Forbidden), Err(Failure::Forbidden)),
            // Names like these are refused before; here once more.
            ("../secret", Err(Failure::Forbidden), Err(Failure::Forbidden)),
            ("sub/../../secret", Err(Failure::Forbidden), Err(Failure::Forbidden)),
        ] {
            if root.resolution == Resolution::Kernel {
                assert_eq!(outcome(&root, name), by_kernel, "{name}");
            }
            let resolution = std::mem::replace(&mut root.resolution, Resolution::StepByStep);
            assert_eq!(outcome(&root, name), step_by_step, "{name}");
            root.resolution = resolution;
        }
    }
}
