//! A server of ours under test: started on free ports of loopback, asked for its counters, and ended.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::json;
use crate::prerequisites::target_directory;

/// A running server; ends when dropped.
pub struct Server {
    process: Child,
    /// Base URL.
    pub http: String,
    admin: String,
}

/// The release binary, which is the load generator too.
pub fn program() -> PathBuf {
    target_directory().join("release/plenum")
}

impl Server {
    /// Starts one and waits until it is ready.
    pub fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Self, String> {
        let mut process = Command::new(program())
            .args(["serve", "--dev", "--http-port", "0", "--admin-port", "0", "--media-port", "0"])
            .args(arguments)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("plenum serve: {error}"))?;
        let mut ready = String::new();
        let stdout = process.stdout.take().expect("it is piped");
        let read = BufReader::new(stdout).read_line(&mut ready);
        let url = |name| json::text(&ready, name).map(str::to_owned);
        match (read, url("http"), url("admin")) {
            (Ok(_), Some(http), Some(admin)) => Ok(Self { process, http, admin }),
            _ => Err(format!("plenum serve is not ready: {ready:?}")),
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Datagrams sent so far, and the messages that they were sent in.
    pub fn sent(&self) -> Result<(f64, f64), String> {
        let page = self.metrics().map_err(|error| format!("{}/metrics: {error}", self.admin))?;
        Ok((sum(&page, "plenum_segments_sent_total"), sum(&page, "plenum_messages_sent_total")))
    }

    fn metrics(&self) -> std::io::Result<String> {
        let address = self.admin.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        Ok(response)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The sum of a family's samples.
fn sum(page: &str, family: &str) -> f64 {
    let samples = page.lines().filter_map(|line| line.strip_prefix(family));
    let samples = samples.filter(|rest| rest.starts_with([' ', '{']));
    samples.filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_a_family_are_added_up() {
        let page = "# TYPE a_total counter\na_total{x=\"1\"} 4\na_total{x=\"2\"} 5\na_total_more 9\nb 1\n";
        assert_eq!((sum(page, "a_total"), sum(page, "b")), (9.0, 1.0));
    }
}
