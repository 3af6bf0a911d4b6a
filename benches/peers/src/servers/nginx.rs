//! nginx with one worker: the answer from its configuration, long ones from a file by `sendfile`.

use std::fs;
use std::io;
use std::net::SocketAddrV4;
use std::path::Path;
use std::process::Command;

use super::{Prepared, write_content};
use crate::peer::free_address;
use crate::running::Announcement;
use crate::scenario::{Answer, Scenario};
use crate::site::FOLDER;
use crate::text;

/// One process: the worker's loop without the master, which could outlive us with its worker.
pub fn prepare(program: &Path, scenario: &Scenario, at: &Path) -> io::Result<Prepared> {
    prepare_with(program, scenario, at, "off")
}

/// The same with an access log on standard output.
pub fn prepare_combined(program: &Path, scenario: &Scenario, at: &Path) -> io::Result<Prepared> {
    prepare_with(program, scenario, at, "/dev/stdout combined")
}

fn prepare_with(
    program: &Path,
    scenario: &Scenario,
    at: &Path,
    access_log: &str,
) -> io::Result<Prepared> {
    let address = free_address()?;
    write_content(scenario, at)?;
    let file = at.join("nginx.conf");
    fs::write(&file, configuration(at, address, scenario.answer, access_log))?;
    let mut command = Command::new(program);
    command.arg("-p").arg(at).arg("-c").arg(&file).arg("-e").arg(at.join("error.log"));
    Ok((command, Announcement::Told(address)))
}

/// Nothing but the answer, and an access log if that is measured: no limit on a connection's
/// requests, no version in the head. A word of the configuration has 4 KiB at most, so longer answers
/// are a file that is kept open.
fn configuration(at: &Path, address: SocketAddrV4, answer: Answer, access_log: &str) -> String {
    let at = at.display();
    let content_type = text::CONTENT_TYPE;
    let location = match answer {
        Answer::Text => format!("return 200 \"{}\";", text::BODY.escape_default()),
        Answer::Bytes(_) => format!("root {at}; try_files /body =404;"),
        Answer::File(_) => format!("root {at}/{FOLDER};"),
    };
    let etag = if answer.site().is_some() { "on" } else { "off" };
    format!(
        "daemon off;
master_process off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {at}/nginx.pid;
events {{ worker_connections 19000; }}
http {{
    access_log {access_log};
    server_tokens off;
    sendfile on;
    tcp_nopush on;
    open_file_cache max=19000;
    etag {etag};
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_header_timeout 1h;
    client_body_temp_path {at}/body-temp;
    proxy_temp_path {at}/proxy;
    fastcgi_temp_path {at}/fastcgi;
    uwsgi_temp_path {at}/uwsgi;
    scgi_temp_path {at}/scgi;
    default_type \"{content_type}\";
    server {{
        listen {address} backlog=4096;
        location / {{ {location} }}
    }}
}}
"
    )
}
