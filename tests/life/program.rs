//! The real binary: signals, descriptors, threads.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};

use super::sockets::SLACK;
use super::*;

mod descriptors;
mod signals;

/// The program at work. Dropping it ends it.
struct Program {
    child: Child,
    lines: Receiver<String>,
    /// What it has logged so far.
    log: Vec<String>,
    address: SocketAddr,
    /// The numbers of the descriptors it has without a client.
    own_descriptors: HashSet<u64>,
}

/// How much of a processor a server with nothing to do may take: two hundredths. The kernel
/// counts in hundredths of a second.
const IDLE_HUNDREDTHS_MAX: u64 = 2;

/// How soon a server is itself again when a crowd has left.
const RECOVERY: Duration = Duration::from_millis(100).saturating_add(BUSY);

/// How long another process may keep the processor from a server that is ready to answer.
const BUSY: Duration = Duration::from_millis(400);

/// A request whose content is waited for, which its client is told.
const EXPECTING: &str =
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";

/// How much of its log a failing test prints.
const LOG_LINES_MAX: usize = 20;

impl Program {
    /// Starts it on a port of the system's choice.
    fn start(arguments: &[&str]) -> Program {
        Program::start_at("127.0.0.1:0", arguments)
    }

    fn start_at(address: &str, arguments: &[&str]) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oneloop"));
        Program::launch(command.args(["-l", address]).args(arguments))
    }

    /// Starts it with a descriptor limit that it cannot raise.
    fn start_with_descriptors(descriptors: u64, arguments: &[&str]) -> Program {
        let script = format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_oneloop"), "-l", "127.0.0.1:0"]);
        Program::launch(command.args(arguments))
    }

    /// Waits until it listens.
    fn launch(command: &mut Command) -> Program {
        // What the caller's shell says about options must not change what is tested.
        for (name, _) in std::env::vars_os() {
            if name == "RUST_LOG" || name.to_string_lossy().starts_with("ONELOOP_") {
                command.env_remove(name);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program was built by cargo");
        let stderr = BufReader::new(child.stderr.take().expect("it was asked for as a pipe"));
        let (sender, lines) = mpsc::channel();
        // Ends with the child, whose end of the pipe it reads.
        thread::spawn(move || {
            let mut lines = stderr.lines().map_while(Result::ok);
            lines.all(|line| sender.send(line).is_ok())
        });
        let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let mut program = Program {
            child,
            lines,
            log: Vec::new(),
            address: nowhere,
            own_descriptors: HashSet::new(),
        };
        let line = program.wait_for_line("listening on http://");
        let (_, url) = line.split_once("http://").unwrap();
        let (address, _) = url.split_once('/').unwrap();
        program.address = address.parse().expect("an address in the URL");
        program.own_descriptors = program.descriptors();
        // What answers is in its loop, so it heeds signals by now.
        program.connect().get("/");
        program.wait_for_clients(0);
        program
    }

    fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    fn crowd(&self, clients: usize) -> Vec<Client> {
        (0..clients).map(|_| self.connect()).collect()
    }

    /// So many clients in the middle of a request, each of which has been heard.
    fn busy_crowd(&self, clients: usize) -> Vec<Client> {
        let begin = |_| {
            let mut client = self.connect();
            client.send(EXPECTING);
            assert_eq!(client.answer_head().status, 100);
            client
        };
        (0..clients).map(begin).collect()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits until its thread sleeps, which it does in its poll alone.
    fn wait_for_sleep(&self) {
        let deadline = Instant::now() + PATIENCE;
        let stat = format!("/proc/{}/stat", self.child.id());
        // The state stands behind the name, which is in parentheses.
        while !std::fs::read_to_string(&stat).unwrap().contains(") S ") {
            assert!(Instant::now() < deadline, "it does not sleep");
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it has not been reaped");
    }

    /// The next line from here on that contains `part`.
    fn wait_for_line(&mut self, part: &str) -> String {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.log.push(line),
                Err(reason) => panic!("no line with {part:?} ({reason}) in {:#?}", self.log),
            }
            let line = self.log.last().unwrap();
            if line.contains(part) {
                return line.clone();
            }
        }
    }

    /// How many warnings and errors it has logged up to now.
    fn complaints(&mut self) -> usize {
        self.log.extend(self.lines.try_iter());
        let bad = |line: &&String| line.contains(" WARN ") || line.contains(" ERROR ");
        self.log.iter().filter(bad).count()
    }

    /// How it ended, once its end of the log is closed: that is what is waited for.
    fn end(&mut self) -> ExitStatus {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.log.push(line);
        }
        self.child.wait().expect("a child can be waited for")
    }

    fn proc(&self, file: &str) -> String {
        let path = format!("/proc/{}/{file}", self.child.id());
        fs::read_to_string(path).expect("it has not been reaped")
    }

    /// The processor time it has used, in hundredths of a second.
    fn hundredths(&self) -> u64 {
        let stat = self.proc("stat");
        // The program's name, in brackets, may contain anything; what follows is numbers.
        let (_, fields) = stat.rsplit_once(") ").expect("a name in brackets");
        let fields: Vec<&str> = fields.split(' ').collect();
        fields[11..13].iter().map(|field| field.parse::<u64>().expect("a number")).sum()
    }

    /// The processor time it uses in a second, in hundredths of it.
    fn load(&self) -> u64 {
        let before = self.hundredths();
        // The span that is measured over.
        thread::sleep(Duration::from_secs(1));
        self.hundredths() - before
    }

    /// The numbers of its descriptors.
    fn descriptors(&self) -> HashSet<u64> {
        let path = format!("/proc/{}/fd", self.child.id());
        let entries = fs::read_dir(path).expect("it has not been reaped");
        let names = entries.map(|entry| entry.expect("a name").file_name());
        names.map(|name| name.to_str().and_then(|it| it.parse().ok()).unwrap()).collect()
    }

    /// Waits until it has descriptors for exactly so many clients.
    fn wait_for_clients(&self, clients: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.descriptors().len() != self.own_descriptors.len() + clients {
            assert!(Instant::now() < deadline, "it stays at {:?}", self.descriptors());
            // A pause between two looks, not what is waited for.
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Leaves the running program descriptors for so many clients, though it was promised
    /// more.
    fn limit_to_clients(&self, clients: usize) {
        // It bounds numbers, and a descriptor that was inherited may have a high one.
        let own = &self.own_descriptors;
        let current = (0..).filter(|number| !own.contains(number)).nth(clients);
        // Its hard limit is ours; lowering that too would need a privilege to undo.
        let maximum = getrlimit(Resource::Nofile).maximum;
        prlimit(Some(self.pid()), Resource::Nofile, Rlimit { current, maximum })
            .expect("a child's limit can be lowered");
    }

    fn assert_idles(&self) {
        let load = self.load();
        assert!(load <= IDLE_HUNDREDTHS_MAX, "{load} hundredths of a processor for nothing");
    }

    /// Asserts that a new client is answered, and how soon.
    fn assert_answers_within(&self, time: Duration) {
        let began = Instant::now();
        assert_eq!(self.connect().get("/").status, 200);
        assert!(began.elapsed() <= time, "it took {:?}", began.elapsed());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only if it has ended already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            self.log.extend(self.lines.try_iter());
            let first = self.log.len().min(LOG_LINES_MAX);
            eprintln!("the program's log began:\n{}", self.log[..first].join("\n"));
        }
    }
}

#[test]
fn one_thread_does_all_of_it() {
    let program = Program::start(&[]);
    let address = program.address;
    let stop = Arc::new(AtomicBool::new(false));
    let asking = [(); 3].map(|()| {
        let stop = Arc::clone(&stop);
        thread::spawn(move || {
            let mut client = Client::connect(address);
            let mut answers = 0;
            while !stop.load(Ordering::Relaxed) {
                assert_eq!(client.get("/").status, 200);
                answers += 1;
            }
            answers
        })
    });
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(300) {
        let status = program.proc("status");
        let threads = status.lines().find_map(|line| line.strip_prefix("Threads:"));
        assert_eq!(threads.map(str::trim), Some("1"));
    }
    stop.store(true, Ordering::Relaxed);
    for thread in asking {
        assert_ne!(thread.join().expect("all answers were right"), 0);
    }
}
