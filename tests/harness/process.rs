//! What a process holds, from `/proc`.

use std::fs;

/// A snapshot of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Open file descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
    /// Resident memory in KiB.
    pub memory_kib: u64,
}

impl Stats {
    /// Of the process with this id.
    #[track_caller]
    pub fn of(pid: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process lives");
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a VmRSS line");
        Self {
            descriptors: entries(pid, "fd"),
            threads: entries(pid, "task"),
            memory_kib: memory.trim().trim_end_matches(" kB").parse().expect("a number of kB"),
        }
    }
}

fn entries(pid: u32, directory: &str) -> usize {
    fs::read_dir(format!("/proc/{pid}/{directory}")).expect("the process lives").count()
}
