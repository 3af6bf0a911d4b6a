//! The `oneloop` program: a command line around [`Server`].
//!
//! Owns the process: its logger (no other file names `env_logger`), its exit code. It must never panic, not even when its output is not read, and never say more than one
//! line about a mistake.
//!
//! | exit code | why |
//! |---|---|
//! | 0 | it was told to stop and did, or it was asked for help; `oneloop health`: the server is well; a page was printed |
//! | 1 | the system refused something: an address, a descriptor; or the processor lacks something; `oneloop health`: the server is not well |
//! | 2 | the command line is invalid |
//! | 128 + n | a second signal, number n, ended it at once |

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use env_logger::{Env, Target, WriteStyle};
use log::{info, warn};
use oneloop::journal::Journal;
use oneloop::{Outlet, Server, ServiceManager, Stopped};

mod arguments;
mod cli;

use arguments::Refusal;
use cli::replay::Asked;
use cli::{Cli, Teller};

/// A name that no environment has: the logger reads its default instead.
const NO_VARIABLE: &str = "=";

/// Begins every line on standard error that is not the log's.
const PROGRAM: &str = "oneloop";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let word = arguments.next().unwrap_or_default();
    if word == cli::health::WORD {
        let asked = cli::health::ask(arguments);
        return asked.map_or_else(|refusal| refusal.tell(PROGRAM), |()| ExitCode::SUCCESS);
    }
    let cli = match word == cli::replay::WORD {
        true => cli::replay::ask(arguments),
        false => Cli::from_arguments(std::env::args_os()).map(|cli| Asked::Served(Box::new(cli))),
    };
    let log = Journal::default();
    let stopped = match cli {
        Ok(Asked::Printed) => return ExitCode::SUCCESS,
        Ok(Asked::Served(cli)) => serve(&cli, &log),
        Err(refusal) => Err(refusal),
    };
    // It waits for its reader for a moment: a server that has not started has written nothing.
    drop(Outlet::standard_error(log));
    match stopped {
        Ok(Stopped::Signalled(number)) => ExitCode::from(code_of_signal(number)),
        Ok(_) => ExitCode::SUCCESS,
        Err(refusal) => refusal.tell(PROGRAM),
    }
}

/// From the options to the end of the loop.
fn serve(cli: &Cli, log: &Journal) -> Result<Stopped, Refusal> {
    cli::check_processor()?;
    start_logging(cli, log);
    let config = cli.config()?;
    let answer = cli.answer()?;
    let directory = answer.directory().map(Path::to_owned);
    let access_log = cli.access_log().map(|options| options.open(log)).transpose()?;
    let bound = Server::bind(&config, answer);
    let mut server = bound.map_err(|error| cli.not_started(error, &config))?;
    if let Some((access_log, outlet)) = access_log {
        server.log_answers(match cli.watching.health_path() {
            Some(path) => access_log.except(path),
            None => access_log,
        });
        outlet.into_iter().for_each(|outlet| server.write_to(outlet));
    }
    // Files that are logged to are known by now: a signal has them opened again.
    server.handle_signals().map_err(|error| cli.not_started(error, &config))?;
    server.take_over().map_err(|error| cli.not_started(error, &config))?;
    let most = cli::Most { clients: server.clients_max(), files: server.files_max() };
    info!("{}", cli::start_line(&server.local_places(), directory.as_deref(), most));
    if let Some(place) = server.admin_place() {
        let at = place.internet().map_or_else(|| place.to_string(), cli::url);
        info!("admin page at {at}");
    }
    if let Some(place) = server.health_place() {
        let at = place.internet().map_or_else(|| place.to_string(), cli::url);
        info!("health at {at}");
    }
    if let Some(notice) = cli.notice() {
        info!("{notice}");
    }
    let (recorder, recording) = cli.watching.recorder()?.unzip();
    recording.into_iter().for_each(|outlet| server.write_to(outlet));
    match (Teller::new(&cli.watching, log, recorder), cli.watching.slow_motion()) {
        (Some(teller), Some(pause)) => server.observe_slowly(teller, pause),
        (Some(teller), None) => server.observe(teller),
        (None, _) => {}
    }
    match ServiceManager::from_env() {
        Ok(manager) => manager.into_iter().for_each(|manager| server.tell_manager(manager)),
        Err(reason) => warn!("NOTIFY_SOCKET: the service manager cannot be told: {reason}"),
    }
    server.write_to(Outlet::standard_error(log.clone()));
    server.run().map_err(|reason| Refusal::System(format!("the loop cannot go on: {reason}")))
}

/// Logs what `RUST_LOG` says, or else as much as `cli` does. The module of a line is shown only at
/// the more detailed levels.
fn start_logging(cli: &Cli, log: &Journal) {
    let level = cli.log_level().as_str();
    let is_set_up = std::env::var_os(env_logger::DEFAULT_FILTER_ENV).is_some();
    let mut env = Env::default().default_filter_or(level);
    if let Ok(wanted) = std::env::var(env_logger::DEFAULT_FILTER_ENV)
        && let Err(reason) = env_filter::Builder::new().try_parse(&wanted)
    {
        // The logger would say so itself, by a macro that panics if standard error is closed.
        let reason = reason.to_string().replace(char::is_control, " ");
        let _ = io::stderr().write_all(format!("{PROGRAM}: RUST_LOG: {reason}\n").as_bytes());
        env = Env::default().filter_or(NO_VARIABLE, level);
    }
    // The logger asks its own standard error for colours only.
    let style = if cli::is_coloured() { WriteStyle::Always } else { WriteStyle::Never };
    let mut logger = env_logger::Builder::new();
    logger.write_style(style).parse_env(env).target(Target::Pipe(Box::new(log.clone())));
    logger.format_target(is_set_up || cli.logs_modules()).init();
}

/// What a shell reports for a program that a signal ended.
fn code_of_signal(number: i32) -> u8 {
    u8::try_from(number).map_or(u8::MAX, |number| number.saturating_add(128))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_becomes_the_exit_code_that_shells_know() {
        assert_eq!(code_of_signal(15), 143);
        assert_eq!(code_of_signal(127), 255);
        assert_eq!(code_of_signal(128), 255);
        assert_eq!(code_of_signal(-1), 255);
    }
}
