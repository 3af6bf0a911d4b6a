//! lighttpd, one process: a file.

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

/// `-D` keeps it in the foreground.
pub fn prepare(program: &Path, scenario: &Scenario, at: &Path) -> io::Result<Prepared> {
    prepare_with(program, scenario, at, "")
}

/// The same with an access log, in the combined format, on standard output.
pub fn prepare_combined(program: &Path, scenario: &Scenario, at: &Path) -> io::Result<Prepared> {
    let access_log =
        "server.modules += ( \"mod_accesslog\" )\naccesslog.filename = \"/dev/stdout\"\n";
    prepare_with(program, scenario, at, access_log)
}

fn prepare_with(
    program: &Path,
    scenario: &Scenario,
    at: &Path,
    access_log: &str,
) -> io::Result<Prepared> {
    let address = free_address()?;
    write_content(scenario, at)?;
    let file = at.join("lighttpd.conf");
    let configuration = configuration(at, address, scenario.answer) + access_log;
    fs::write(&file, configuration)?;
    let mut command = Command::new(program);
    command.arg("-D").arg("-f").arg(&file);
    Ok((command, Announcement::Told(address)))
}

/// 65,535 is the most requests that it allows a connection, more than any of ours has.
fn configuration(at: &Path, address: SocketAddrV4, answer: Answer) -> String {
    let at = at.display();
    let (root, etags) = match answer.site() {
        Some(_) => (format!("{at}/{FOLDER}"), "enable"),
        None => (at.to_string(), "disable"),
    };
    let content_type = text::CONTENT_TYPE;
    let (ip, port) = (address.ip(), address.port());
    format!(
        "server.document-root = \"{root}\"
server.bind = \"{ip}\"
server.port = {port}
server.tag = \"\"
server.max-fds = 20000
server.max-connections = 10000
server.listen-backlog = 4096
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 3600
server.max-read-idle = 3600
server.errorlog = \"{at}/error.log\"
server.upload-dirs = ( \"{at}\" )
index-file.names = ( \"body\" )
static-file.etags = \"{etags}\"
mimetype.assign = ( \"\" => \"{content_type}\" )
"
    )
}
