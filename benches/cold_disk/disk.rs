//! A slow disk: a loop device, whose reads by one control group are throttled.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{Advice, fadvise};

/// What the disk gives to the group, in bytes a second.
const BYTES_PER_SECOND: u64 = 20 * MIB;

/// The size of the file that is downloaded, and of the one that is asked for.
pub const LARGE_BYTES: u64 = 1024 * MIB;
const HOT_BYTES: usize = 1024;

const MIB: u64 = 1024 * 1024;

/// The controllers' folders, and the file in a group that limits what may be read.
const CONTROLLERS: [(&str, &str); 2] =
    [("/sys/fs/cgroup/blkio", "blkio.throttle.read_bps_device"), ("/sys/fs/cgroup", "io.max")];

/// The disk, with its two files. Gone when it is dropped.
pub struct Disk {
    image: PathBuf,
    pub mounted: PathBuf,
    group: PathBuf,
}

impl Disk {
    /// Makes one, or says what is lacking.
    pub fn new() -> Result<Disk, String> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let controller = CONTROLLERS.iter().find(|(folder, file)| {
            Path::new(folder).join(file).exists()
                || fs::read_to_string(Path::new(folder).join("cgroup.controllers"))
                    .is_ok_and(|names| names.split_whitespace().any(|name| name == "io"))
        });
        let (controller, limit) = controller.ok_or("no control group limits reads here")?;
        let disk = Disk {
            image: folder.join("cold-disk.img"),
            mounted: folder.join("cold-disk"),
            group: Path::new(controller).join("oneloop-cold-disk"),
        };
        disk.take_down();
        let said = |error: std::io::Error| format!("{error} (are you root?)");
        let image = File::create(&disk.image).map_err(said)?;
        image.set_len(LARGE_BYTES + 200 * MIB).map_err(said)?;
        fs::create_dir_all(&disk.mounted).map_err(said)?;
        let image = disk.image.to_str().expect("the target folder is UTF-8");
        // All of it at once: nothing is to be written while time is measured.
        let at_once = "lazy_itable_init=0,lazy_journal_init=0";
        run("mkfs.ext4", &["-q", "-F", "-m", "0", "-E", at_once, image])?;
        let device = run("losetup", &["--find", "--show", image])?;
        run("mount", &[device.trim(), disk.mounted.to_str().expect("as above")])?;
        disk.fill().map_err(said)?;
        File::open(&disk.image).and_then(|image| image.sync_all()).map_err(said)?;
        // What the system does with a GiB of freed memory is over when it is forgotten again.
        disk.forget();
        // Of the controller of version 2, groups have to be allowed to use it.
        let _ = fs::write(Path::new(controller).join("cgroup.subtree_control"), "+io");
        fs::create_dir_all(&disk.group).map_err(said)?;
        let number = fs::metadata(&disk.mounted).map_err(said)?.dev();
        let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
        let bps = if limit.starts_with("io") { "rbps=" } else { "" };
        let rule = format!("{major}:{minor} {bps}{BYTES_PER_SECOND}");
        fs::write(disk.group.join(limit), rule).map_err(said)?;
        Ok(disk)
    }

    fn fill(&self) -> std::io::Result<()> {
        fs::write(self.mounted.join("hot"), [b'h'; HOT_BYTES])?;
        let mut large = File::create(self.mounted.join("large"))?;
        for _ in 0..LARGE_BYTES / MIB {
            large.write_all(&[b'c'; MIB as usize])?;
        }
        large.sync_all()
    }

    /// From now on a process reads as slowly as the disk is.
    pub fn slow_down(&self, process: u32) -> Result<(), String> {
        let joined = fs::write(self.group.join("cgroup.procs"), process.to_string());
        joined.map_err(|error| format!("{error} (are you root?)"))
    }

    /// Has the memory forget the large file.
    pub fn forget(&self) {
        let large = File::open(self.mounted.join("large")).expect("it was made at the start");
        fadvise(&large, 0, None, Advice::DontNeed).expect("an advice for every file");
    }

    fn take_down(&self) {
        let image = self.image.to_str().expect("the target folder is UTF-8");
        let _ = run("umount", &["-q", self.mounted.to_str().expect("as above")]);
        for line in run("losetup", &["--associated", image]).unwrap_or_default().lines() {
            let _ = run("losetup", &["--detach", line.split(':').next().unwrap_or_default()]);
        }
        let _ = fs::remove_dir(&self.group);
        let _ = fs::remove_file(&self.image);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.take_down();
    }
}

/// What a program says.
fn run(program: &str, words: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(words).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}
