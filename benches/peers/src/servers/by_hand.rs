//! The programs in `c`, which are told a port and nothing else.

use std::io;
use std::path::Path;
use std::process::Command;

use super::Prepared;
use crate::peer::free_address;
use crate::running::Announcement;
use crate::scenario::Scenario;

pub fn prepare(program: &Path, _: &Scenario, _: &Path) -> io::Result<Prepared> {
    let address = free_address()?;
    let mut command = Command::new(program);
    command.arg(address.port().to_string());
    Ok((command, Announcement::Told(address)))
}
