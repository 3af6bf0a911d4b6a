//! A headless Chromium with one page, driven by the DevTools protocol.
//!
//! Chromium speaks it over two pipes, one JSON value after another with a zero byte behind each. So
//! there is neither a port nor a WebSocket, and a browser whose test is gone ends by itself, because
//! its pipe has ended.
#![allow(dead_code, reason = "each test crate uses its own part of this")]

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

use crate::needed::Folder;
use crate::support::pass_on;

/// How long the browser may take for anything. It starts slowly on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// One browser at a time: each takes seconds of processor time and a hundred megabytes.
static ALONE: Mutex<()> = Mutex::new(());

/// A browser that shows one page.
pub struct Browser {
    child: Child,
    orders: ChildStdin,
    told: Receiver<Value>,
    next_id: u64,
    session: Option<String>,
    /// What the page's console, its policy or its network complained of.
    complaints: Vec<Complaint>,
    _profile: Folder,
    _alone: MutexGuard<'static, ()>,
}

/// Something that went wrong in the page.
#[derive(Clone, Debug)]
pub struct Complaint {
    /// `network` for requests without an answer; anything else is the page's own mistake.
    pub source: String,
    /// In the browser's words.
    pub text: String,
}

impl Browser {
    /// Starts it with an empty page of this size, in CSS pixels.
    pub fn start(program: &Path, width: u32, height: u32) -> Browser {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let profile = Folder::new("browser-profile");
        let mut command = Command::new("sh");
        // It reads orders from descriptor 3 and writes to 4. The shell makes them of the pipes.
        command.args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#]);
        command.arg(program).arg("--remote-debugging-pipe");
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]);
        command.args(["--no-first-run", "--no-proxy-server", "--disable-background-networking"]);
        command.arg("--hide-scrollbars");
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // A group of its own, so that its children end with it.
        let mut child = command.process_group(0).spawn().expect("a shell, as on every Unix");
        let orders = child.stdin.take().expect("it was asked for as a pipe");
        let pipe = child.stdout.take().expect("it was asked for as a pipe");
        let (sender, told) = mpsc::channel();
        thread::spawn(move || {
            let mut begun = Vec::new();
            pass_on(pipe, |bytes| {
                begun.extend(bytes);
                while let Some(end) = begun.iter().position(|byte| *byte == 0) {
                    let message: Vec<u8> = begun.drain(..=end).collect();
                    let message = serde_json::from_slice(&message[..end]).expect("JSON");
                    if sender.send(message).is_err() {
                        return false;
                    }
                }
                true
            });
        });
        let (complaints, session) = (Vec::new(), None);
        let mut browser = Browser {
            child,
            orders,
            told,
            next_id: 0,
            session,
            complaints,
            _profile: profile,
            _alone: alone,
        };
        browser.take_a_page(width, height);
        browser
    }

    fn take_a_page(&mut self, width: u32, height: u32) {
        let target = self.order("Target.createTarget", json!({ "url": "about:blank" }));
        let target = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.order("Target.attachToTarget", target);
        self.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log"] {
            self.order(&format!("{domain}.enable"), json!({}));
        }
        self.resize(width, height, 1.0);
    }

    /// Gives an order and returns its result.
    pub fn order(&mut self, method: &str, parameters: Value) -> Value {
        self.next_id += 1;
        let id = self.next_id;
        let mut order = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            order["sessionId"] = json!(session);
        }
        let order = format!("{order}\0");
        self.orders.write_all(order.as_bytes()).expect("the browser reads its orders");
        let answer = self.wait_for(method, |message| message["id"] == id);
        assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
        answer["result"].clone()
    }

    /// Waits for a message that fits; notes what other messages complain of.
    fn wait_for(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let rest = deadline.saturating_duration_since(Instant::now());
            let message = self.told.recv_timeout(rest);
            let message = message.unwrap_or_else(|reason| panic!("{what}: {reason}"));
            self.note_complaint(&message);
            if fits(&message) {
                return message;
            }
        }
    }

    fn note_complaint(&mut self, message: &Value) {
        let parameters = &message["params"];
        let (source, text) = match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => ("script", &parameters["exceptionDetails"]),
            Some("Runtime.consoleAPICalled") => ("console", &parameters["args"]),
            Some("Log.entryAdded") => {
                let entry = &parameters["entry"];
                (entry["source"].as_str().unwrap_or("log"), entry)
            }
            Some(_) | None => return,
        };
        self.complaints.push(Complaint { source: source.to_owned(), text: text.to_string() });
    }

    /// Shows the page at `url`, and waits until all that it names is there.
    pub fn open(&mut self, url: &str) {
        let shown = self.order("Page.navigate", json!({ "url": url }));
        assert!(shown["errorText"].is_null(), "{url}: {}", shown["errorText"]);
        self.wait_for("the page", |message| message["method"] == "Page.loadEventFired");
    }

    /// What the page makes of `expression`; if that is a promise, what this comes to.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let parameters =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let result = self.order("Runtime.evaluate", parameters);
        let exception = &result["exceptionDetails"];
        assert!(exception.is_null(), "{expression}: {exception}");
        result["result"]["value"].clone()
    }

    /// Waits until the page finds `expression` true, looking at every frame that it draws.
    pub fn await_true(&mut self, expression: &str) {
        let millis = PATIENCE.as_millis() / 2;
        let became_true = self.evaluate(&format!(
            "new Promise((done) => {{
                const end = performance.now() + {millis};
                const look = () => {{
                    if ({expression}) return done(true);
                    if (performance.now() > end) return done(false);
                    requestAnimationFrame(look);
                }};
                look();
            }})"
        ));
        if became_true != true {
            let shown = self.evaluate("document.body.innerText");
            panic!("never came true: {expression}\nthe page shows: {shown}");
        }
    }

    /// Waits until the page that is shown, or one that comes in its place, finds `expression` true
    /// and is there as a whole. Unlike [`Browser::await_true`] it runs nothing in between.
    pub fn await_page(&mut self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        let expression = format!("{expression} && document.readyState === 'complete'");
        while self.evaluate(&expression) != true {
            assert!(Instant::now() < deadline, "never came true: {expression}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The text of the element with this id.
    pub fn text(&mut self, id: &str) -> String {
        let text = self.evaluate(&format!("document.getElementById('{id}').textContent"));
        text.as_str().unwrap_or_else(|| panic!("there is no {id}")).to_owned()
    }

    /// Clicks with the mouse at this place, in CSS pixels of what is seen.
    pub fn click(&mut self, x: f64, y: f64) {
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let button = if kind == "mouseMoved" { "none" } else { "left" };
            let click = json!({ "type": kind, "x": x, "y": y, "button": button, "clickCount": 1 });
            self.order("Input.dispatchMouseEvent", click);
        }
    }

    /// Clicks on the middle of the element with this id.
    pub fn click_on(&mut self, id: &str) {
        let middle = self.evaluate(&format!(
            "(() => {{
                const element = document.getElementById('{id}');
                element.scrollIntoView({{ block: 'center' }});
                const {{ x, y, width, height }} = element.getBoundingClientRect();
                return [x + width / 2, y + height / 2];
            }})()"
        ));
        let place = [0, 1].map(|axis| middle[axis].as_f64().expect("a number"));
        self.click(place[0], place[1]);
    }

    /// Presses a key by the name that the page sees.
    pub fn press(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            self.order("Input.dispatchKeyEvent", json!({ "type": kind, "key": key }));
        }
    }

    /// Gives the page this size in CSS pixels, each of `scale` pixels of a screen.
    pub fn resize(&mut self, width: u32, height: u32, scale: f64) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": scale, "mobile": false
        });
        self.order("Emulation.setDeviceMetricsOverride", size);
    }

    /// Prefers `light` or `dark` colours.
    pub fn prefer(&mut self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.order("Emulation.setEmulatedMedia", json!({ "features": [feature] }));
    }

    /// What is seen, as a PNG.
    pub fn screenshot(&mut self) -> Vec<u8> {
        let shot = self.order("Page.captureScreenshot", json!({ "format": "png" }));
        from_base64(shot["data"].as_str().expect("a picture"))
    }

    /// What went wrong in the page so far.
    pub fn complaints(&mut self) -> &[Complaint] {
        // Its answer comes behind what has been complained of before.
        self.evaluate("0");
        &self.complaints
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the page complained of: {:?}", self.complaints);
        }
        // Both fail only if it has ended by itself.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// The bytes that RFC 4648 writes so.
fn from_base64(text: &str) -> Vec<u8> {
    let value = |character| match character {
        b'A'..=b'Z' => Some(character - b'A'),
        b'a'..=b'z' => Some(character - b'a' + 26),
        b'0'..=b'9' => Some(character - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let (mut bytes, mut bits, mut count) = (Vec::with_capacity(text.len() * 3 / 4), 0_u32, 0);
    for six in text.bytes().filter_map(value) {
        (bits, count) = ((bits << 6 | u32::from(six)) & 0xffff, count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
