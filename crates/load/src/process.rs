//! What a process on this machine has used, as the kernel counts it.

use std::fs;
use std::io;
use std::time::Duration;

/// CPU time and memory of a process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    /// User and system time of all its threads, those that ended included; counted in 10 ms.
    pub cpu: Duration,
    /// Resident memory in KiB.
    pub rss_kib: u64,
}

/// Linux reports times in these units to user space, whatever its own tick (`sysconf(_SC_CLK_TCK)`).
const TICKS_PER_S: u64 = 100;

/// What process `pid` has used so far.
pub(crate) fn usage(pid: u32) -> Result<Usage, String> {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}"));
    let explain = |e: io::Error| format!("process {pid} cannot be observed: {e}");
    let stat = read("stat").map_err(explain)?;
    let status = read("status").map_err(explain)?;
    let usage = cpu(&stat).zip(rss_kib(&status)).map(|(cpu, rss_kib)| Usage { cpu, rss_kib });
    usage.ok_or_else(|| format!("process {pid} cannot be observed: it has ended"))
}

/// Fields 14 and 15 (proc(5)); the second is the command in parentheses and may contain anything.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, behind_command) = stat.rsplit_once(')')?;
    let mut times = behind_command.split_ascii_whitespace().skip(11);
    let user: u64 = times.next()?.parse().ok()?;
    let system: u64 = times.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1_000 / TICKS_PER_S))
}

fn rss_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 500 0 0 0 123 45 0 0 20 0 4 0 1000";
        assert_eq!(cpu(stat), Some(Duration::from_millis(1_680)));
    }

    #[test]
    fn this_process_can_be_observed_and_a_missing_one_is_named() {
        let usage_now = usage(std::process::id()).unwrap();
        assert!(usage_now.rss_kib > 500);
        assert!(usage(u32::MAX).unwrap_err().contains("process 4294967295"));
    }
}
