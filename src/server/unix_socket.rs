//! Unix sockets to listen at: a file appears at its path whole, and nothing of others is replaced.
//!
//! A socket is bound under a name of its own in the same directory, gets its mode and group, begins to
//! listen, and is then renamed to its path. So at no time can a client connect that the mode excludes,
//! and at no time does the path lead to a socket at which no process listens, or to half of one. From
//! the look at what is there to the new name, the directory is locked: servers that start at the same
//! time do so one after the other.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::config::{Group, UnixSocket};
use crate::peer::UnixPeer;
use crate::server::takeover::FileId;

mod lock;

use lock::{Asked, Lock};

/// How many names are tried for a socket that has not got its path yet. Each process that starts at
/// the same time in this directory takes one, and one that was killed just then leaves one behind.
const NAMES_MAX: usize = 32;

/// Where groups stand, by their names. Other sources that a system may have are asked only by the C
/// library, so a group of theirs is given by number.
const GROUPS: &str = "/etc/group";

/// The file of a socket. It is removed with this, if it is still the same and ours to remove.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    id: FileId,
    keeper: Keeper,
}

/// Which process removes the file of a socket that two processes may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeper {
    Us,
    Another,
}

/// What is to be done about a socket that is already at the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    /// It is replaced if no process listens at it.
    MustBeStale,
    /// It is replaced: the process that listened at it has left it to us.
    IsLeft,
}

impl SocketFile {
    /// The file of a socket at which another process listens as well, and that is the other's.
    pub(super) fn of_another(path: PathBuf, id: FileId) -> SocketFile {
        SocketFile { path, id, keeper: Keeper::Another }
    }

    /// It is ours from now on, and gets the mode and the group that we want.
    pub(super) fn keep(&mut self, socket: &UnixSocket) -> io::Result<()> {
        self.keeper = Keeper::Us;
        match fs::symlink_metadata(&self.path) {
            Ok(found) if FileId::of(&found) == self.id => admit(&self.path, socket),
            // Something else has taken its place.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Another process keeps it from now on.
    pub(super) fn let_go(&mut self) {
        self.keeper = Keeper::Another;
    }

    /// Which file it is.
    pub(super) fn id(&self) -> FileId {
        self.id
    }
}

impl FileId {
    fn of(found: &fs::Metadata) -> FileId {
        FileId { device: found.dev(), inode: found.ino() }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.keeper == Keeper::Another {
            return;
        }
        // A server that starts may be about to replace it. If the file stays, the next start replaces it.
        let _lock = match Lock::ask(&self.path) {
            Asked::Locked(lock) => Some(lock),
            Asked::Never => None,
            Asked::Taken => return,
        };
        let found = fs::symlink_metadata(&self.path);
        if found.is_ok_and(|it| FileId::of(&it) == self.id) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Listens at this socket, with room for `backlog` connections. An abstract name has no file.
pub(super) fn bind(
    socket: &UnixSocket,
    backlog: i32,
) -> io::Result<(UnixListener, Option<SocketFile>)> {
    match (socket.name.as_path(), socket.name.as_abstract()) {
        (Some(path), _) => {
            // As seen from the root: the program may change its directory before the file is removed.
            let path = std::path::absolute(path)?;
            let (listener, file) = bind_at(&path, socket, backlog, Existing::MustBeStale)?;
            Ok((listener, Some(file)))
        }
        (None, name) => Ok((bind_abstract(name.unwrap_or_default(), backlog)?, None)),
    }
}

/// As [`bind`], at a path as seen from the root.
pub(super) fn bind_at(
    path: &Path,
    settings: &UnixSocket,
    backlog: i32,
    existing: Existing,
) -> io::Result<(UnixListener, SocketFile)> {
    let _lock = Lock::wait(path);
    match existing {
        Existing::MustBeStale => check_replaceable(path)?,
        Existing::IsLeft => {}
    }
    let (socket, name) = bind_beside(path)?;
    let placed = (|| {
        admit(&name, settings)?;
        socket.set_nonblocking(true)?;
        socket.listen(backlog)?;
        let found = fs::symlink_metadata(&name)?;
        fs::rename(&name, path)?;
        Ok(FileId::of(&found))
    })();
    match placed {
        Ok(id) => {
            let file = SocketFile { path: path.to_owned(), id, keeper: Keeper::Us };
            Ok((OwnedFd::from(socket).into(), file))
        }
        Err(error) => {
            let _ = fs::remove_file(&name);
            Err(error)
        }
    }
}

/// Gives the file of a socket the mode and the group that are wanted.
fn admit(file: &Path, settings: &UnixSocket) -> io::Result<()> {
    fs::set_permissions(file, fs::Permissions::from_mode(settings.mode))?;
    let Some(group) = &settings.group else { return Ok(()) };
    chown(file, None, Some(number(group)?)).map_err(|error| {
        told(&error, format!("its group cannot be {group} ({error}); be one of its members"))
    })
}

/// Binds to a free name in the directory of `path`. The name is short, because the kernel has little
/// room for it.
fn bind_beside(path: &Path) -> io::Result<(Socket, PathBuf)> {
    let mut last = io::Error::from(ErrorKind::AddrInUse);
    for number in 0..NAMES_MAX {
        let name = path.with_file_name(format!(".~{number}"));
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        let address = SockAddr::unix(&name).map_err(|_| too_long(&name))?;
        match socket.bind(&address) {
            Ok(()) => return Ok((socket, name)),
            Err(error) if error.kind() == ErrorKind::AddrInUse => last = error,
            Err(error) => return Err(obstacle(&error, path)),
        }
    }
    Err(last)
}

fn bind_abstract(name: &[u8], backlog: i32) -> io::Result<UnixListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    let name = [&[0], name].concat();
    let address = SockAddr::unix(Path::new(OsStr::from_bytes(&name)))?;
    socket.bind(&address).map_err(|error| match error.kind() == ErrorKind::AddrInUse {
        true => is_live(),
        false => error,
    })?;
    socket.set_nonblocking(true)?;
    socket.listen(backlog)?;
    Ok(OwnedFd::from(socket).into())
}

/// Fails if something is at `path` that must stay: anything but a socket at which no process listens.
fn check_replaceable(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(obstacle(&error, path)),
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(
            ErrorKind::AlreadyExists,
            "something that is no socket is there, and is not replaced; take another path, or \
             remove it",
        ));
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A listener whose queue is full would have us wait.
    probe.set_nonblocking(true)?;
    match probe.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Ok(()) => Err(is_live()),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Err(is_live()),
        Err(error) => Err(told(
            &error,
            format!(
                "a socket is there, and whether another process listens at it is not known \
                 ({error}); take another path, or remove it"
            ),
        )),
    }
}

fn is_live() -> io::Error {
    io::Error::new(
        ErrorKind::AddrInUse,
        "another process is already listening at it; stop that one ('ss -lxp' shows it), or take \
         another name",
    )
}

fn told(error: &io::Error, sentence: String) -> io::Error {
    io::Error::new(error.kind(), sentence)
}

fn too_long(name: &Path) -> io::Error {
    let bytes = name.as_os_str().len();
    io::Error::new(
        ErrorKind::InvalidInput,
        format!(
            "its directory has a long name ({bytes} bytes with the socket's); take a shorter one"
        ),
    )
}

/// Why nothing can be bound in the directory of `path`.
fn obstacle(error: &io::Error, path: &Path) -> io::Error {
    let directory = path.parent().unwrap_or(Path::new("/")).display();
    let sentence = if error.kind() == ErrorKind::NotFound {
        format!("there is no directory {directory}; make it, or take another path")
    } else if error.kind() == ErrorKind::NotADirectory {
        format!("{directory} is no directory; take another path")
    } else if error.kind() == ErrorKind::PermissionDenied {
        format!("no file can be made in {directory} ({error}); take a directory of your own")
    } else {
        error.to_string()
    };
    told(error, sentence)
}

/// The number of a group.
fn number(group: &Group) -> io::Result<u32> {
    let name = match group {
        Group::Id(id) => return Ok(*id),
        Group::Name(name) => name,
    };
    let groups = fs::read_to_string(GROUPS)?;
    let found = groups.lines().find_map(|line| {
        let mut parts = line.split(':');
        (parts.next() == Some(name)).then(|| parts.nth(1)?.parse().ok()).flatten()
    });
    found.ok_or_else(|| {
        io::Error::new(
            ErrorKind::NotFound,
            format!("there is no group {name} in {GROUPS}; name another, or give its number"),
        )
    })
}

/// Who has connected. One system call, once for each connection: later ones would tell the same.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn peer(stream: &impl std::os::fd::AsFd) -> UnixPeer {
    match rustix::net::sockopt::socket_peercred(stream) {
        Ok(found) => {
            let pid = u32::try_from(found.pid.as_raw_pid()).ok();
            UnixPeer::new(pid, Some(found.uid.as_raw()))
        }
        Err(_) => UnixPeer::default(),
    }
}

/// Other systems tell it in other ways.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn peer(_: &impl std::os::fd::AsFd) -> UnixPeer {
    UnixPeer::default()
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::config::UnixName;

    /// A directory of its own for each test.
    struct Directory(PathBuf);

    impl Directory {
        fn new(test: &str) -> Directory {
            let path = std::env::temp_dir().join(format!("ol-{}-{test}", std::process::id()));
            fs::create_dir_all(&path).expect("a directory");
            Directory(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).expect("the directory");
            let names = entries.map(|it| it.expect("an entry").file_name().into_string());
            names.collect::<Result<_, _>>().expect("names that are text")
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn socket(path: impl AsRef<Path>) -> UnixSocket {
        UnixSocket::new(UnixName::path(path).expect("a path"))
    }

    fn refused(settings: &UnixSocket) -> String {
        bind(settings, 16).expect_err("it is refused").to_string()
    }

    #[test]
    fn a_socket_is_listened_at_and_removed_if_it_is_still_the_same() {
        let directory = Directory::new("own");
        let path = directory.0.join("s");
        let bound = bind(&socket(&path), 16).expect("a free path");
        UnixStream::connect(&path).expect("it is listened at");
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o7777, 0o660);
        assert_eq!(directory.names(), ["s"], "no other name is left");
        drop(bound);
        assert!(directory.names().is_empty());
        // What has taken its place stays.
        let bound = bind(&socket(&path), 16).expect("a free path");
        fs::remove_file(&path).expect("it can be removed");
        fs::write(&path, "").expect("another file");
        drop(bound);
        assert_eq!(directory.names(), ["s"]);
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let directory = Directory::new("live");
        let path = directory.0.join("s");
        drop(UnixListener::bind(&path).expect("a free path"));
        assert_eq!(directory.names(), ["s"], "its process has gone without removing it");
        let (listener, file) = bind(&socket(&path), 1).expect("a stale one is replaced");
        assert!(refused(&socket(&path)).contains("already listening"));
        // Its queue is full now, and it is no less alive.
        let queue: Vec<UnixStream> = std::iter::from_fn(|| {
            let client = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
            client.set_nonblocking(true).expect("an option");
            let connected = client.connect(&SockAddr::unix(&path).expect("a path"));
            connected.ok().map(|()| OwnedFd::from(client).into())
        })
        .take(64)
        .collect();
        assert!(queue.len() < 64, "the queue has an end");
        assert!(refused(&socket(&path)).contains("already listening"));
        assert_eq!(directory.names(), ["s"]);
        drop((listener, file));
        assert!(directory.names().is_empty());
    }

    #[test]
    fn of_servers_that_start_at_once_at_a_stale_socket_one_has_it_and_the_others_are_told() {
        const SERVERS: usize = 4;
        let directory = Directory::new("race");
        let path = directory.0.join("s");
        for _ in 0..50 {
            drop(UnixListener::bind(&path).expect("a free path"));
            let start = std::sync::Barrier::new(SERVERS);
            let bound: Vec<_> = std::thread::scope(|scope| {
                let starting = || {
                    start.wait();
                    bind(&socket(&path), 16)
                };
                let servers: Vec<_> = (0..SERVERS).map(|_| scope.spawn(starting)).collect();
                servers.into_iter().map(|it| it.join().expect("no panic")).collect()
            });
            let (mine, others): (Vec<_>, Vec<_>) = bound.into_iter().partition(Result::is_ok);
            assert_eq!(mine.len(), 1, "of {SERVERS} that have started");
            for refused in others {
                let why = refused.expect_err("it is one of the others").to_string();
                assert!(why.contains("already listening"), "{why}");
            }
            UnixStream::connect(&path).expect("the one listens");
            assert_eq!(directory.names(), ["s"]);
            drop(mine);
            assert!(directory.names().is_empty());
        }
    }

    /// A program that has locked the directory, for whatever reason, delays a start and no more.
    #[test]
    fn a_directory_that_stays_locked_keeps_no_server_from_starting() {
        let directory = Directory::new("locked");
        let path = directory.0.join("s");
        let Asked::Locked(lock) = Lock::ask(&path) else { panic!("it is free") };
        let bound = bind(&socket(&path), 16).expect("a free path");
        drop(bound);
        assert_eq!(directory.names(), ["s"], "it is left to the next start");
        drop(lock);
        drop(bind(&socket(&path), 16).expect("a stale one is replaced"));
        assert!(directory.names().is_empty());
    }

    #[test]
    fn what_is_no_socket_to_listen_at_stays() {
        let directory = Directory::new("kinds");
        let at = |name: &str| directory.0.join(name);
        fs::write(at("file"), "kept").expect("a file");
        fs::create_dir(at("dir")).expect("a directory");
        std::os::unix::fs::symlink(at("file"), at("link")).expect("a link");
        std::os::unix::fs::symlink(at("nothing"), at("dangling")).expect("a link");
        for name in ["file", "dir", "link", "dangling"] {
            assert!(refused(&socket(at(name))).contains("no socket"), "{name}");
        }
        let datagrams = std::os::unix::net::UnixDatagram::bind(at("d")).expect("a free path");
        assert!(refused(&socket(at("d"))).contains("not known"));
        drop(datagrams);
        assert_eq!(fs::read(at("file")).expect("the file"), b"kept");
        assert_eq!(directory.names().len(), 5, "no other name is left");
    }

    #[test]
    fn what_is_in_the_way_is_told_with_a_remedy() {
        let directory = Directory::new("ways");
        let at = |name: &str| directory.0.join(name);
        assert!(refused(&socket(at("none/s"))).contains("there is no directory"));
        fs::write(at("file"), "").expect("a file");
        assert!(refused(&socket(at("file/s"))).contains("no directory"));
        // The path fits, and the name beside it does not.
        let room = UnixName::BYTES_MAX - directory.0.as_os_str().len() - "//s".len();
        let long = at(&"n".repeat(room));
        fs::create_dir(&long).expect("a directory");
        assert!(refused(&socket(long.join("s"))).contains("shorter"));
        let mut settings = socket(at("s"));
        settings.group = Some(Group::Name("no-such-group".into()));
        assert!(refused(&settings).contains("there is no group no-such-group"));
        assert!(!at("s").exists() && !at(".~0").exists());
    }

    #[test]
    fn a_file_has_the_mode_and_the_group_that_are_wanted() {
        let directory = Directory::new("mode");
        let path = directory.0.join("s");
        let own = fs::metadata(&directory.0).expect("the directory").gid();
        for (mode, group) in [(0o600, None), (0o666, Some(Group::Id(own))), (0o777, None)] {
            let settings = UnixSocket { mode, group, ..socket(&path) };
            let bound = bind(&settings, 16).expect("a free path");
            let found = fs::metadata(&path).expect("a file");
            assert_eq!((found.permissions().mode() & 0o7777, found.gid()), (mode, own));
            drop(bound);
        }
        let root = number(&Group::Name("root".into())).expect("every system has it");
        assert_eq!(root, 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_abstract_name_is_taken_once_and_its_peer_is_known() {
        let name = format!("oneloop-test-{}", std::process::id());
        let settings = UnixSocket::new(UnixName::of_abstract(&name).expect("a name"));
        let (listener, file) = bind(&settings, 16).expect("a free name");
        assert!(file.is_none());
        assert!(refused(&settings).contains("already listening"));
        use std::os::linux::net::SocketAddrExt;
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).expect("a name");
        let _client = UnixStream::connect_addr(&address).expect("it is listened at");
        let (stream, _) = listener.accept().expect("the client waits");
        assert_eq!(peer(&stream).pid, Some(std::process::id()));
        assert!(peer(&stream).uid.is_some());
    }
}
