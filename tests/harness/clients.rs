//! The foreign clients: whether they are installed, and how their scripts are run.
//!
//! `cargo xtask test` installs them and sets `PLENUM_TEST_CLIENTS=required`. Without them, plain
//! `cargo test` says that a test was skipped, and passes.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Something that a test drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Through puppeteer.
    Chromium,
    /// Through puppeteer and WebDriver BiDi.
    Firefox,
    /// ffmpeg n9 of `imageio-ffmpeg`.
    Ffmpeg,
    /// libdatachannel, the library OBS uses.
    NodeDatachannel,
    /// aiortc.
    Aiortc,
}

impl Client {
    fn is_installed(self) -> bool {
        match self {
            Self::Chromium => on_path("chromium") && modules().join("puppeteer-core").is_dir(),
            Self::Firefox => on_path("firefox-esr") && modules().join("puppeteer-core").is_dir(),
            Self::NodeDatachannel => modules().join("node-datachannel").is_dir(),
            Self::Ffmpeg => ffmpeg().is_some(),
            Self::Aiortc => python().is_file(),
        }
    }
}

/// The right to run clients: one test at a time on the whole machine, since each takes a core or two.
#[derive(Debug)]
pub struct Turn {
    _lock: File,
}

/// Waits for this test's turn. `None`, with a word about it, if a client is not installed; a panic instead
/// under `cargo xtask test`.
#[track_caller]
pub fn turn(clients: &[Client]) -> Option<Turn> {
    let missing: Vec<_> = clients.iter().filter(|client| !client.is_installed()).collect();
    if !missing.is_empty() {
        let is_required = std::env::var("PLENUM_TEST_CLIENTS").is_ok_and(|value| value == "required");
        assert!(!is_required, "not installed: {missing:?}");
        println!("skipped: {missing:?} not installed; run cargo xtask test");
        return None;
    }
    let lock = File::create(target().join("test-clients.lock")).expect("target/ is writable");
    lock.lock().expect("a file can be locked");
    Some(Turn { _lock: lock })
}

/// The folder for screenshots.
pub fn screenshots() -> PathBuf {
    let folder = target().join("screenshots");
    std::fs::create_dir_all(&folder).expect("target/ is writable");
    folder
}

/// The ffmpeg binary.
pub fn ffmpeg() -> Option<PathBuf> {
    let libraries = std::fs::read_dir(environment().join("lib")).ok()?;
    let binaries =
        libraries.flatten().map(|entry| entry.path().join("site-packages/imageio_ffmpeg/binaries"));
    let files = binaries.filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    files.map(|file| file.path()).find(|path| path.to_string_lossy().contains("ffmpeg-"))
}

/// A client script in a process of its own. It prints one JSON object per line, takes one per line, and is
/// killed when dropped.
#[derive(Debug)]
pub struct Script {
    name: String,
    child: Child,
    input: ChildStdin,
    lines: Receiver<Value>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Script {
    /// A script of `tests/clients/` in node.
    pub fn node(name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new("node");
        command.arg(folder().join(name)).args(arguments).env("PLENUM_SCREENSHOTS", screenshots());
        Self::spawn(name, command)
    }

    /// A script of `tests/clients/` in Python.
    pub fn python(name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(python());
        command.arg("-u").arg(folder().join(name)).args(arguments);
        Self::spawn(name, command)
    }

    /// ffmpeg; what it prints is only shown when the test fails.
    pub fn ffmpeg(arguments: &[&str]) -> Self {
        let mut command = Command::new(ffmpeg().expect("ffmpeg is installed"));
        command.args(["-hide_banner", "-nostdin", "-loglevel", "info"]).args(arguments);
        Self::spawn("ffmpeg", command)
    }

    fn spawn(name: &str, mut command: Command) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let log = Arc::new(Mutex::new(Vec::new()));
        let (sender, lines) = channel();
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        let (log_out, log_err) = (Arc::clone(&log), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                match serde_json::from_str(&line) {
                    Ok(value) => drop(sender.send(value)),
                    Err(_) => log_out.lock().unwrap().push(line),
                }
            }
        });
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                log_err.lock().unwrap().push(line);
            }
        });
        let input = child.stdin.take().expect("stdin is piped");
        Self { name: name.to_owned(), child, input, lines, log }
    }

    /// The next object the script prints. Panics if there is none within `deadline`, or if it is an
    /// `{"error": ...}`.
    #[track_caller]
    pub fn next(&mut self, deadline: Duration) -> Value {
        match self.lines.recv_timeout(deadline) {
            Ok(value) if value.get("error").is_some() => panic!("{}: {}", self.name, value["error"]),
            Ok(value) => value,
            Err(RecvTimeoutError::Timeout) => panic!("{}: nothing within {deadline:?}", self.name),
            Err(RecvTimeoutError::Disconnected) => panic!("{}: ended", self.name),
        }
    }

    /// Gives the script an order and waits for its answer.
    #[track_caller]
    pub fn ask(&mut self, order: &Value, deadline: Duration) -> Value {
        writeln!(self.input, "{order}").unwrap_or_else(|error| panic!("{}: {error}", self.name));
        self.next(deadline)
    }

    /// Kills it with SIGKILL.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether the process still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// What it printed beside its objects.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        end(&mut self.child);
        if std::thread::panicking() {
            let log = self.log.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            eprintln!("--- {}\n{}\n---", self.name, log[log.len().saturating_sub(40)..].join("\n"));
        }
    }
}

/// Asks first, since a script closes its browser on SIGTERM, and kills after two seconds.
fn end(child: &mut Child) {
    let _ = Command::new("kill").arg(child.id().to_string()).status();
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(2) {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/clients"))
}

fn modules() -> PathBuf {
    folder().join("node_modules")
}

fn target() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    // target/release/deps/browser-0123456789abcdef
    test.ancestors().nth(3).expect("a test lies in target/release/deps").to_owned()
}

fn environment() -> PathBuf {
    target().join("test-clients/python")
}

fn python() -> PathBuf {
    environment().join("bin/python")
}
