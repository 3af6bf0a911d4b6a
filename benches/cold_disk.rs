//! Who waits for a slow disk: `cargo bench --bench cold_disk`, as root.
//!
//! A file of 1 GiB lies on a disk that gives 20 MiB a second, and nothing of it is in memory. While
//! 16 clients download it, each from another place on, 64 others ask for a file of 1 KiB that is in
//! memory, 2,000 times a second in all. How long these wait, beside how long they wait when nobody
//! downloads, is the question; nginx in its usual set-up is asked it, too.
//!
//! The disk is a loop device whose reads a control group throttles. So this needs root, Linux with
//! the `blkio` or `io` controller, 3 GiB in the target folder, and `losetup`, `mkfs.ext4`, `mount`
//! and `taskset`; nginx if it is there. The server has the first core for itself, the clients the
//! others. Everything is taken down at the end, and what an interrupted run has left is taken down
//! by the next. Where something is lacking, it says what, and ends.
//!
//! A wait counts from the moment at which the client meant to ask, so that one long stall is not
//! one long wait but all of those that it caused.

#[path = "cold_disk/clients.rs"]
mod clients;
#[path = "cold_disk/disk.rs"]
mod disk;
#[path = "cold_disk/servers.rs"]
mod servers;

use std::time::Duration;

use clients::{Downloads, Waits};
use disk::Disk;
use servers::Kind;

/// How long is measured with downloads and without.
const MEASURED: Duration = Duration::from_secs(10);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [word, folder] = &words[..]
        && word == "serve"
    {
        return servers::serve(folder.as_ref());
    }
    // `cargo test --benches` runs this, too, and means no more than that it starts.
    if !words.iter().any(|word| word == "--bench") {
        return println!("not measured: cargo bench --bench cold_disk does that");
    }
    let disk = match clients::leave_core().and_then(|()| Disk::new()) {
        Ok(disk) => disk,
        Err(lack) => return println!("not measured: {lack}"),
    };
    println!("| server | downloads | p50 | p99 | p99.9 | longest | downloaded |");
    println!("|---|---|---:|---:|---:|---:|---:|");
    for kind in Kind::ALL {
        match measure(kind, &disk) {
            Ok(ratios) => println!("{kind:?}: p99 over that of calm: {ratios}\n"),
            Err(lack) => println!("{kind:?} not measured: {lack}\n"),
        }
    }
}

/// Prints a row for each calm and each storm, and gives the ratios of their 99th percentiles.
fn measure(kind: Kind, disk: &Disk) -> Result<String, String> {
    let server = kind.start(disk)?;
    clients::ask(server.address, Duration::from_secs(2)); // warms up
    let mut ratios = Vec::new();
    for _ in 0..kind.rounds() {
        let calm = clients::ask(server.address, MEASURED);
        row(kind, "none", &calm, 0);
        disk.forget();
        let downloads = Downloads::start(server.address);
        let storm = clients::ask(server.address, MEASURED);
        row(kind, "16", &storm, downloads.stop());
        ratios.push(storm.at(0.99).as_secs_f64() / calm.at(0.99).as_secs_f64());
    }
    Ok(ratios.iter().map(|ratio| format!("{ratio:.2}")).collect::<Vec<_>>().join(", "))
}

fn row(kind: Kind, downloads: &str, waits: &Waits, bytes: u64) {
    let millis = |wait: Duration| format!("{:.2} ms", wait.as_secs_f64() * 1e3);
    let [p50, p99, p999, longest] = [0.5, 0.99, 0.999, 1.0].map(|part| millis(waits.at(part)));
    let mib = bytes as f64 / 1024.0 / 1024.0;
    println!("| {kind:?} | {downloads} | {p50} | {p99} | {p999} | {longest} | {mib:.0} MiB |");
}
