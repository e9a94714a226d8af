//! A Plenum under test: the release binary as a child process on ports of the system's choice.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::{Request, Response};
use crate::metrics::Scrape;
use crate::process::Stats;
use crate::wait_for;

/// How long a start may take: a loaded machine, not a slow server, is what needs it.
const START_DEADLINE: Duration = Duration::from_secs(20);

/// What a server under test is started with, unless its options say otherwise.
const DEFAULTS: [(&str, &str); 4] =
    [("--http-port", "0"), ("--admin-port", "0"), ("--media-port", "0"), ("--shards", "1")];

/// The binary under test. `PLENUM_BINARY` names another one; otherwise the workspace's is brought up to
/// date first.
pub static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
    if let Some(path) = std::env::var_os("PLENUM_BINARY") {
        return path.into();
    }
    // With the whole workspace's features, as `cargo test` builds it, or dependencies would be built twice.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--release", "--workspace", "--bin", "plenum"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .status()
        .expect("cargo runs");
    assert!(status.success(), "cannot build the plenum binary");
    let test = std::env::current_exe().expect("a test knows its own path");
    // target/release/deps/http-0123456789abcdef
    test.ancestors().nth(2).expect("a test lies in target/release/deps").join("plenum")
});

/// A command on the binary with nothing of our own environment that could configure it.
pub fn binary() -> Command {
    let mut command = Command::new(&*BINARY);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PLENUM_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Runs the binary to its end, which must come within `deadline`.
#[track_caller]
pub fn run_binary(arguments: &[&str], environment: &[(&str, &str)], deadline: Duration) -> Output {
    let child = binary()
        .args(arguments)
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let pid = child.id();
    let (done, finished) = channel();
    std::thread::spawn(move || done.send(child.wait_with_output().expect("a child can be waited for")));
    finished.recv_timeout(deadline).unwrap_or_else(|_| {
        signal(pid, libc::SIGKILL);
        panic!("`plenum {}` did not end within {deadline:?}", arguments.join(" "))
    })
}

/// How a server is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// More arguments, after `serve` and the ports.
    pub arguments: Vec<String>,
    /// Environment variables.
    pub environment: Vec<(String, String)>,
    /// The text of a TOML file for `--config`.
    pub config: Option<String>,
}

impl Options {
    /// With a configuration file.
    pub fn config(toml: impl Into<String>) -> Self {
        Self { config: Some(toml.into()), ..Self::default() }
    }

    /// With one more argument.
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// With an environment variable.
    pub fn environment(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }
}

/// What the ready line says.
#[derive(Debug, Clone)]
pub struct Ready {
    /// The public listener.
    pub http: SocketAddr,
    /// The admin listener.
    pub admin: SocketAddr,
    /// One UDP address per shard.
    pub media: Vec<SocketAddr>,
}

/// A running server, killed when dropped.
#[derive(Debug)]
pub struct Plenum {
    child: Child,
    /// Where it listens.
    pub ready: Ready,
    log: Arc<Mutex<Vec<String>>>,
    _config: Option<ConfigFile>,
}

impl Plenum {
    /// In dev mode with one shard.
    pub fn dev() -> Self {
        Self::start(Options::default())
    }

    /// Starts a server on free ports of loopback, and waits for its ready line.
    #[track_caller]
    pub fn start(options: Options) -> Self {
        let config = options.config.as_deref().map(ConfigFile::create);
        let mut command = binary();
        command.arg("serve");
        if let Some(file) = &config {
            command.args(["--config", file.path()]);
        }
        for (flag, value) in DEFAULTS {
            if !options.arguments.iter().any(|argument| argument == flag) {
                command.args([flag, value]);
            }
        }
        command.args(&options.arguments).envs(options.environment);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let log = collect_lines(child.stderr.take().expect("stderr is piped"));
        let first_line = first_line(child.stdout.take().expect("stdout is piped"));
        match first_line.recv_timeout(START_DEADLINE) {
            Ok(line) => Self { child, ready: parse_ready(&line), log, _config: config },
            Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                panic!("no ready line; stderr:\n{}", log.lock().unwrap().join("\n"))
            }
        }
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.ready.http)
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A request to the public listener.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(self.ready.http, method, path)
    }

    /// A GET on the admin listener.
    #[track_caller]
    pub fn admin(&self, path: &str) -> Response {
        Request::new(self.ready.admin, "GET", path).send()
    }

    /// What `/metrics` says now.
    #[track_caller]
    pub fn scrape(&self) -> Scrape {
        let response = self.admin("/metrics");
        assert_eq!(response.status, 200, "{}", response.text());
        Scrape::parse(&response.text())
    }

    /// Waits until no session is left, and returns the scrape that says so.
    #[track_caller]
    pub fn wait_until_empty(&self, deadline: Duration) -> Scrape {
        wait_for("no session is left", deadline, || {
            let scrape = self.scrape();
            (scrape.sum("plenum_sessions") == 0.0).then_some(scrape)
        })
    }

    /// Descriptors, threads and memory.
    pub fn stats(&self) -> Stats {
        Stats::of(self.pid())
    }

    /// Everything on stderr so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Sends SIGTERM, SIGINT, SIGSTOP and so on.
    pub fn signal(&self, signal_number: i32) {
        signal(self.pid(), signal_number);
    }

    /// Waits for the process to end by itself.
    #[track_caller]
    pub fn wait_for_exit(&mut self, deadline: Duration) -> ExitStatus {
        let child = &mut self.child;
        wait_for("the server exits", deadline, || child.try_wait().expect("a child can be waited for"))
    }

    /// Whether the process is still there.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_none()
    }
}

impl Drop for Plenum {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let from = log.len().saturating_sub(40);
            eprintln!("--- the server's last lines\n{}\n---", log[from..].join("\n"));
        }
    }
}

/// A configuration file that is removed when dropped.
#[derive(Debug)]
pub struct ConfigFile(PathBuf);

impl ConfigFile {
    /// With this text, TOML.
    pub fn create(text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("plenum-test-{:016x}.toml", fastrand::u64(..)));
        let mut file = std::fs::File::create_new(&path).expect("a fresh name");
        file.write_all(text.as_bytes()).expect("a temporary file can be written");
        Self(path)
    }

    /// For `--config`.
    pub fn path(&self) -> &str {
        self.0.to_str().expect("the path is text")
    }
}

impl Drop for ConfigFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn signal(pid: u32, number: i32) {
    // By pid of a child that nobody has waited for yet, so it cannot be another process.
    let status = Command::new("kill").arg(format!("-{number}")).arg(pid.to_string()).status();
    assert!(status.is_ok_and(|status| status.success()), "cannot send signal {number}");
}

/// The first line of `stdout`; the rest is read on, so that the server never blocks on it.
fn first_line(stdout: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            let Ok(line) = line else { return };
            let _ = sender.send(line);
        }
    });
    receiver
}

fn collect_lines(stderr: impl std::io::Read + Send + 'static) -> Arc<Mutex<Vec<String>>> {
    let log = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&log);
    let started = Instant::now();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).split(b'\n') {
            let Ok(line) = line else { return };
            let at = started.elapsed().as_secs_f64();
            lines.lock().unwrap().push(format!("{at:8.3} {}", String::from_utf8_lossy(&line)));
        }
    });
    log
}

#[track_caller]
fn parse_ready(line: &str) -> Ready {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
    assert_eq!(value["ready"], true, "{line}");
    let address = |value: &Value| -> SocketAddr {
        let text = value.as_str().unwrap_or_else(|| panic!("an address is missing in {line}"));
        text.trim_start_matches("http://").trim_end_matches('/').parse().expect("an address")
    };
    let media = value["media"].as_array().unwrap_or_else(|| panic!("no media addresses in {line}"));
    Ready {
        http: address(&value["http"]),
        admin: address(&value["admin"]),
        media: media.iter().map(address).collect(),
    }
}
