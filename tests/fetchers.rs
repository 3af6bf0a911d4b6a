//! Programs that fetch files from a site, each in its own way: apt from a flat repository, pip from
//! a listing, git without a server of its own.
//!
//! A program that this machine lacks is no failure: see `support/needed.rs`. Everything that they
//! write is in a folder of the test's own, and they ask nobody but our server.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

#[path = "support/needed.rs"]
mod needed;
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use needed::{Folder, Needed};
use support::{Program, Server};

const APT: Needed = Needed { names: &["apt-get"], package: "apt" };
const DPKG_DEB: Needed = Needed { names: &["dpkg-deb"], package: "dpkg" };
const SHA256SUM: Needed = Needed { names: &["sha256sum"], package: "coreutils" };
const PYTHON: Needed = Needed { names: &["python3"], package: "python3-pip" };
const GIT: Needed = Needed { names: &["git"], package: "git" };

/// Runs a program to its end, and returns what it printed.
fn run(command: &mut Command) -> String {
    // Nothing is asked of a person, no proxy stands between, and messages are in English.
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(name);
    }
    command.env("no_proxy", "*").env("LC_ALL", "C").env("DEBIAN_FRONTEND", "noninteractive");
    let mut program = Program::start(command);
    program.hang_up();
    let ended = program.finish();
    assert!(ended.status.success(), "{command:?}: {}\n{}", ended.output, ended.errors);
    ended.output
}

fn serve(root: &Path, options: &[&str]) -> Server {
    let root = root.to_str().expect("a folder of ours");
    let arguments: Vec<&str> = options.iter().copied().chain([root]).collect();
    Server::start(&arguments)
}

#[test]
fn apt_updates_from_a_flat_repository_and_downloads_a_package() {
    let test = apt_updates_from_a_flat_repository_and_downloads_a_package;
    let (Some(apt), Some(dpkg_deb), Some(sha256sum)) =
        (APT.find(test), DPKG_DEB.find(test), SHA256SUM.find(test))
    else {
        return;
    };
    let folder = Folder::new("apt");
    let (site, package, own) =
        (folder.path().join("site"), folder.path().join("p"), folder.path().join("own"));
    fs::create_dir_all(site.join("debs")).unwrap();
    fs::create_dir_all(package.join("DEBIAN")).unwrap();
    let control = "Package: oneloop-test\nVersion: 1.0\nArchitecture: all\n\
                   Maintainer: Nobody <nobody@example.org>\nDescription: nothing\n";
    fs::write(package.join("DEBIAN/control"), control).unwrap();
    let deb = site.join("debs/oneloop-test_1.0_all.deb");
    run(Command::new(dpkg_deb).arg("--build").args([&package, &deb]));
    let sum = run(Command::new(sha256sum).arg(&deb));
    let sum = sum.split_whitespace().next().unwrap();
    let size = fs::metadata(&deb).unwrap().len();
    let name = "Filename: ./oneloop-test_1.0_all.deb";
    let index = format!("{control}{name}\nSize: {size}\nSHA256: {sum}\n\n");
    fs::write(site.join("debs/Packages"), index).unwrap();

    let server = serve(&site, &[]);
    for folder in ["etc/apt.conf.d", "etc/preferences.d", "lists/partial", "cache/archives/partial"]
    {
        fs::create_dir_all(own.join(folder)).unwrap();
    }
    let source = format!("deb [trusted=yes] {} ./\n", server.url("/debs"));
    fs::write(own.join("etc/sources.list"), source).unwrap();
    fs::write(own.join("status"), "").unwrap();
    let at = |option: &str, name: &str| format!("{option}={}", own.join(name).display());
    let options = [
        at("Dir::Etc", "etc"),
        at("Dir::Etc::sourcelist", "etc/sources.list"),
        "Dir::Etc::sourceparts=-".into(),
        at("Dir::State", "."),
        at("Dir::State::lists", "lists"),
        at("Dir::State::status", "status"),
        at("Dir::Cache", "cache"),
        at("Dir::Log", "."),
        "APT::Sandbox::User=".into(),
        "Acquire::http::Proxy=DIRECT".into(),
        "Acquire::Retries=0".into(),
    ];
    let command = || {
        let mut command = Command::new(&apt);
        command.current_dir(folder.path());
        for option in &options {
            command.args(["-o", option]);
        }
        command
    };
    run(command().args(["update", "--error-on=any"]));
    run(command().args(["download", "oneloop-test"]));
    let downloaded = fs::read(folder.path().join("oneloop-test_1.0_all.deb")).unwrap();
    assert!(downloaded == fs::read(&deb).unwrap(), "the package that was built");
    // What has not changed is not sent again.
    let again = run(command().arg("update"));
    assert!(again.contains("Hit:") || again.contains("Ign:"), "{again}");
}

/// Makes a wheel of one module, as the format wants it.
const WHEEL: &str = "
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    info = 'oneloop_test-1.0.dist-info/'
    wheel.writestr('oneloop_test.py', 'answer = 42\\n')
    metadata = 'Metadata-Version: 2.1\\nName: oneloop-test\\nVersion: 1.0\\n'
    wheel.writestr(info + 'METADATA', metadata)
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\n'
        'Tag: py3-none-any\\n')
    wheel.writestr(info + 'RECORD', ''.join(name + ',,\\n' for name in
        ['oneloop_test.py', info + 'METADATA', info + 'WHEEL', info + 'RECORD']))
";

#[test]
fn pip_installs_a_wheel_from_a_listing() {
    let test = pip_installs_a_wheel_from_a_listing;
    let Some(python) = PYTHON.find(test) else { return };
    let has_pip = Command::new(&python).args(["-m", "pip", "--version"]).output().unwrap();
    if !has_pip.status.success() {
        needed::report_not_run(test, "pip is missing (Debian package python3-pip)");
        return;
    }
    let folder = Folder::new("pip");
    let (wheels, target) = (folder.path().join("wheels"), folder.path().join("target"));
    fs::create_dir_all(&wheels).unwrap();
    let wheel = wheels.join("oneloop_test-1.0-py3-none-any.whl");
    run(Command::new(&python).args(["-c", WHEEL]).arg(wheel));
    let server = serve(folder.path(), &["--list"]);
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "--isolated", "--no-cache-dir", "--disable-pip-version-check"]);
    pip.args(["install", "--no-index", "--root-user-action=ignore", "oneloop-test"]);
    pip.args(["--find-links", &server.url("/wheels/")]).arg("--target").arg(&target);
    run(&mut pip);
    assert_eq!(fs::read_to_string(target.join("oneloop_test.py")).unwrap(), "answer = 42\n");
}

#[test]
fn git_clones_over_dumb_http() {
    let Some(git) = GIT.find(git_clones_over_dumb_http) else { return };
    let folder = Folder::new("git");
    let git = |arguments: &[&str]| {
        let mut command = Command::new(&git);
        command.current_dir(folder.path()).args(["-c", "user.name=n", "-c", "user.email=e@x"]);
        // Neither the user's settings nor a repository around this one count.
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        command.env("HOME", folder.path()).env("GIT_TERMINAL_PROMPT", "0");
        run(command.args(arguments))
    };
    git(&["init", "-q", "work"]);
    for (name, content) in [("a.txt", "first\n"), ("b.txt", "second\n")] {
        fs::write(folder.path().join("work").join(name), content).unwrap();
        git(&["-C", "work", "add", name]);
        git(&["-C", "work", "commit", "-q", "-m", name]);
    }
    git(&["clone", "-q", "--bare", "work", "site/work.git"]);
    git(&["-C", "site/work.git", "update-server-info"]);
    let server = serve(&folder.path().join("site"), &[]);
    git(&["clone", "-q", &server.url("/work.git"), "cloned"]);
    let cloned = folder.path().join("cloned");
    assert_eq!(fs::read_to_string(cloned.join("a.txt")).unwrap(), "first\n");
    assert_eq!(fs::read_to_string(cloned.join("b.txt")).unwrap(), "second\n");
    assert_eq!(git(&["-C", "cloned", "rev-list", "--count", "HEAD"]).trim(), "2");
}
