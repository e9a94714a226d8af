//! What happens to the binary when it runs out of file descriptors: it says so with 503, goes on, and
//! recovers. A test of its own, because the limit is the process's.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that is killed at the end of the test.
struct Server {
    process: Child,
    http: SocketAddr,
}

impl Server {
    /// With a hard limit of so many descriptors.
    fn with_descriptors(limit: usize) -> Self {
        let program = env!("CARGO_BIN_EXE_plenum");
        let script = format!("ulimit -n {limit}; exec {program} --http-port 0 --admin-port 0 --media-port 0");
        let mut process = Command::new("sh")
            .args(["-c", &script])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
        let http = ready["http"].as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
        Self { process, http }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.http).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream
    }

    /// The status line of a request over a new connection.
    fn get(&self) -> std::io::Result<String> {
        let mut stream = self.connect();
        stream.write_all(b"GET /v1/rooms HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn without_file_descriptors_it_answers_503_and_recovers() {
    let server = Server::with_descriptors(64);
    assert_eq!(server.get().unwrap(), "HTTP/1.1 200 OK");
    let occupying: Vec<TcpStream> = (0..64).map(|_| server.connect()).collect();
    assert_eq!(server.get().unwrap(), "HTTP/1.1 503 Service Unavailable");
    drop(occupying);
    let start = Instant::now();
    while server.get().ok().as_deref() != Some("HTTP/1.1 200 OK") {
        assert!(start.elapsed() < Duration::from_secs(10), "it did not recover");
    }
}
