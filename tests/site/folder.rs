//! A real directory with a secret beside it, for one test.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use oneloop::handlers::Site;

use crate::sockets::{Answer, Background, Client, config};

/// What must never be seen.
pub const SECRET: &str = "the secret beside the root";

/// The time that [`Folder::date`] gives to files.
pub const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// A directory of a test's own, which goes with the test.
pub struct Folder {
    outside: PathBuf,
}

impl Folder {
    pub fn new() -> Folder {
        let name = format!("site-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let outside = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(outside.join("root")).unwrap();
        fs::write(outside.join("secret.txt"), SECRET).unwrap();
        Folder { outside }
    }

    /// One that has these files already.
    pub fn with(files: &[(&str, &str)]) -> Folder {
        let folder = Folder::new();
        for (name, content) in files {
            folder.write(name, content);
        }
        folder
    }

    /// The directory that is served.
    pub fn root(&self) -> PathBuf {
        self.outside.join("root")
    }

    /// The directory around it.
    pub fn outside(&self) -> &Path {
        &self.outside
    }

    pub fn path(&self, name: impl AsRef<[u8]>) -> PathBuf {
        self.root().join(std::ffi::OsStr::from_bytes(name.as_ref()))
    }

    /// Writes a file, and the directories on the way.
    pub fn write(&self, name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Puts another file in the place of this one, as careful programs do.
    pub fn replace(&self, name: &str, content: impl AsRef<[u8]>) {
        let new = self.outside.join("new");
        fs::write(&new, content).unwrap();
        fs::rename(new, self.path(name)).unwrap();
    }

    /// Sets a file's time of change to [`DATE`].
    pub fn date(&self, name: &str) {
        self.date_at(name, SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777));
    }

    /// Sets a file's time of change.
    pub fn date_at(&self, name: &str, time: SystemTime) {
        let file = fs::File::options().append(true).open(self.path(name)).unwrap();
        file.set_modified(time).unwrap();
    }

    pub fn site(&self) -> Site {
        Site::open(self.root()).unwrap()
    }

    pub fn serve(&self) -> Background {
        Background::start(&config(), self.site())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.outside);
    }
}

/// A request with more fields, each with its line end.
pub fn request(method: &str, path: &str, fields: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: test\r\n{fields}\r\n")
}

/// The answer to a GET with more fields.
pub fn get_with(client: &mut Client, path: &str, fields: &str) -> Answer {
    client.send(request("GET", path, fields));
    client.answer()
}
