//! What a picture says below its title: the command, and the machine.

use std::env;
use std::fs;

/// What stands instead of a value that is a secret.
const HIDDEN: &str = "…";

/// Fields whose values are secrets.
const SECRET_FIELDS: [&str; 3] = ["authorization:", "proxy-authorization:", "cookie:"];

/// What was run, and where.
#[derive(Clone, Debug)]
pub struct Caption {
    pub command: String,
    pub machine: String,
}

impl Caption {
    /// This process, here.
    pub fn here() -> Caption {
        let arguments: Vec<String> =
            env::args_os().skip(1).map(|it| it.to_string_lossy().into_owned()).collect();
        Caption { command: command(&arguments), machine: machine() }
    }
}

/// As a shell would read it, without what is secret.
fn command(arguments: &[String]) -> String {
    let mut words = vec!["herd".to_owned()];
    let mut option = "";
    for argument in arguments {
        words.push(quoted(&without_secret(option, argument)));
        option = argument;
    }
    words.join(" ")
}

/// An argument that stands behind `option`.
fn without_secret(option: &str, argument: &str) -> String {
    let is_secret_field = |value: &str| {
        let value = value.trim_start().to_ascii_lowercase();
        SECRET_FIELDS.iter().any(|field| value.starts_with(field))
    };
    let (name, value) = match argument.split_once('=').filter(|_| argument.starts_with("--")) {
        Some((name, value)) => (name, value),
        // A short option's value may follow at once.
        None if argument.starts_with("-u") || argument.starts_with("-H") => argument.split_at(2),
        None => (option, argument),
    };
    let is_secret = match name {
        "--user" | "--cookie" | "-u" => !value.is_empty(),
        "--header" | "-H" => is_secret_field(value),
        _ => false,
    };
    match (is_secret, argument.strip_suffix(value)) {
        (true, Some(before)) => format!("{before}{HIDDEN}"),
        (_, _) => argument.to_owned(),
    }
}

/// In quotes, where a shell would take it apart.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:@%+=,…".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// Its processors and its system, as far as they are told.
fn machine() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processors = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.and_then(|rest| rest.split_once(':')).map(|(_, model)| model.trim());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let processors = match (processors, model) {
        (1.., Some(model)) => format!("{processors} × {model}"),
        (_, _) => env::consts::ARCH.to_owned(),
    };
    match kernel.trim() {
        "" => format!("{processors}, {}", env::consts::OS),
        release => format!("{processors}, Linux {release}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_typed_again_but_for_its_secrets() {
        for (typed, told) in [
            (&["8888", "--get", "4"][..], "herd 8888 --get 4"),
            (&["8888", "-b", "it's a\nbody"], "herd 8888 -b 'it'\\''s a\nbody'"),
            (&["8888", "--user", "me:secret", "-H", "A: b"], "herd 8888 --user … -H 'A: b'"),
            (&["8888", "--user=me:secret", "-ume:secret"], "herd 8888 --user=… -u…"),
            (&["8888", "-H", "Cookie: secret"], "herd 8888 -H …"),
            (&["8888", "-HAuthorization: secret", "--cookie", "a=s"], "herd 8888 -H… --cookie …"),
        ] {
            let words: Vec<String> = typed.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(command(&words), told);
        }
    }

    #[test]
    fn a_machine_has_a_processor_and_a_system() {
        let told = machine();
        let (processor, system) = told.split_once(", ").expect("both");
        assert!(!processor.is_empty() && !system.is_empty(), "{told}");
    }
}
