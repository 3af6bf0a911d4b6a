//! h2o with one thread: a file, which it keeps open for as long as it is busy; POST, which files do
//! not take, goes to a one-line mruby handler.

use std::fs;
use std::io;
use std::net::SocketAddrV4;
use std::path::Path;
use std::process::Command;

use super::{Prepared, write_content};
use crate::peer::free_address;
use crate::running::Announcement;
use crate::scenario::Scenario;
use crate::site::FOLDER;
use crate::text;

/// `worker` mode is one process in the foreground.
pub fn prepare(program: &Path, scenario: &Scenario, at: &Path) -> io::Result<Prepared> {
    let address = free_address()?;
    write_content(scenario, at)?;
    let file = at.join("h2o.conf");
    fs::write(&file, configuration(at, address, scenario))?;
    let mut command = Command::new(program);
    command.args(["-m", "worker", "-c"]).arg(&file);
    Ok((command, Announcement::Told(address)))
}

fn configuration(at: &Path, address: SocketAddrV4, scenario: &Scenario) -> String {
    let content_type = text::CONTENT_TYPE;
    let at = at.display();
    let handler = if scenario.shape.is_post() {
        let body = text::BODY.escape_default();
        format!(
            "mruby.handler: |
          answer = [200, {{\"content-type\" => \"{content_type}\"}}, [\"{body}\"]]
          Proc.new {{|env| answer}}"
        )
    } else if scenario.answer.site().is_some() {
        format!("file.dir: {at}/{FOLDER}")
    } else {
        format!("file.file: {at}/body")
    };
    // Files have one everywhere, the one page has it nowhere.
    let etag = if scenario.answer.site().is_some() { "ON" } else { "OFF" };
    // As root it would become somebody else, who may not read our directory.
    let user = if rustix::process::geteuid().is_root() { "user: root\n" } else { "" };
    format!(
        "{user}num-threads: 1
max-connections: 19000
tcp-fastopen: 0
http1-request-timeout: 3600
file.etag: {etag}
file.send-compressed: OFF
file.mime.setdefaulttype: \"{content_type}\"
hosts:
  default:
    listen:
      host: {ip}
      port: {port}
    paths:
      /:
        {handler}
",
        ip = address.ip(),
        port = address.port(),
    )
}
