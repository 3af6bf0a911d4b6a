//! The folder that is served.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How many large files there are: more than are kept open.
pub const LARGE_FILES: usize = 400;

/// How many small folders there are: more than are kept.
pub const FOLDERS: usize = 80;

/// The folder that changes while its listing is asked for, and how often it does.
pub const CHANGING: &str = "changing";
const CHANGE_EVERY: Duration = Duration::from_millis(5);

/// Makes it, unless it is there from the last time.
pub fn make(folder: &Path) -> io::Result<()> {
    let made = folder.join("made");
    if made.exists() {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder.join("dir"))?;
    fs::write(folder.join("small.txt"), vec![b's'; 1024])?;
    File::create(folder.join("huge"))?.set_len(100 << 20)?;
    for file in 0..LARGE_FILES {
        fs::write(folder.join(format!("large{file}")), vec![b'l'; 128 * 1024])?;
    }
    fill(&folder.join("listed"), 2_000)?;
    fill(&folder.join("many"), 20_000)?;
    fill(&folder.join(CHANGING), 5_000)?;
    for number in 0..FOLDERS {
        fill(&folder.join(format!("folder{number}")), 500)?;
    }
    let dead = folder.join("dead");
    fs::create_dir(&dead)?;
    for link in 0..10_000 {
        symlink(format!("nowhere{link}"), dead.join(format!("link{link}")))?;
    }
    fs::write(made, "")
}

fn fill(folder: &Path, files: usize) -> io::Result<()> {
    fs::create_dir(folder)?;
    (0..files).try_for_each(|file| fs::write(folder.join(format!("file-{file}.txt")), ""))
}

/// A folder that changes every few milliseconds, until this is dropped.
pub struct Changing {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Changing {
    pub fn start(folder: PathBuf) -> Changing {
        let over = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&over);
        let thread = thread::spawn(move || {
            let new = folder.join("new");
            while !is_over.load(Ordering::Relaxed) {
                let _ = fs::write(&new, "").and_then(|()| fs::remove_file(&new));
                thread::sleep(CHANGE_EVERY);
            }
        });
        Changing { over, thread: Some(thread) }
    }
}

impl Drop for Changing {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
