//! The system calls that neither `std` nor `socket2` offer, and nothing else: each function turns one call
//! into a safe one. All `unsafe` of the crate is here. What to do with results and errors is decided by
//! `receive`, `send` and `shard`.

#![allow(unsafe_code)]

mod control;
mod name;
mod receive;
#[cfg(test)]
pub(crate) mod refusal;
mod send;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::time::Duration;

pub(crate) use receive::ReceiveArena;
pub(crate) use send::SendArena;

/// Messages per `recvmmsg` and `sendmmsg`.
pub(crate) const MESSAGES_PER_CALL: usize = 64;

/// Which of the descriptors of [`wait`] are ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ready {
    /// The socket has a datagram, or an error to fetch.
    pub(crate) readable: bool,
    /// The socket takes datagrams again.
    pub(crate) writable: bool,
    /// Somebody wrote to the eventfd.
    pub(crate) woken: bool,
}

/// Waits until `socket` is readable (or writable, if wanted), `wake` was written to, or time is up.
pub(crate) fn wait(
    socket: BorrowedFd<'_>,
    wake: BorrowedFd<'_>,
    until_writable: bool,
    timeout: Duration,
) -> io::Result<Ready> {
    let interest = libc::POLLIN | if until_writable { libc::POLLOUT } else { 0 };
    let mut descriptors = [
        libc::pollfd { fd: socket.as_raw_fd(), events: interest, revents: 0 },
        libc::pollfd { fd: wake.as_raw_fd(), events: libc::POLLIN, revents: 0 },
    ];
    let timeout = libc::timespec {
        tv_sec: timeout.as_secs() as libc::time_t,
        tv_nsec: timeout.subsec_nanos() as libc::c_long,
    };
    // SAFETY: `descriptors` is an array of two that outlives the call, `timeout` a valid timespec (under a
    // second of nanoseconds), and a null signal mask means: leave it as it is.
    let result = unsafe { libc::ppoll(descriptors.as_mut_ptr(), 2, &timeout, ptr::null()) };
    if result < 0 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
        return Ok(Ready { readable: false, writable: false, woken: false });
    }
    let [socket, wake] = descriptors.map(|descriptor| descriptor.revents);
    Ok(Ready {
        readable: socket & (libc::POLLIN | libc::POLLERR) != 0,
        writable: socket & libc::POLLOUT != 0,
        woken: wake & libc::POLLIN != 0,
    })
}

/// A non-blocking eventfd: writing eight bytes makes it readable, reading them resets it.
pub(crate) fn event_descriptor() -> io::Result<File> {
    // SAFETY: no pointers; the result is checked before use.
    let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just opened, valid, and owned by nobody else.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(descriptor) }))
}

/// Sets a socket option that is an integer.
pub(crate) fn set_option(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: the pointer and the length describe `value`, which outlives the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// How many datagrams the kernel has thrown away on this socket because its receive buffer was full (or
/// their checksum wrong), modulo 2^32. The counter behind `SO_RXQ_OVFL`, but read when wanted: no control
/// message with every datagram, and losses show even if nothing arrives after them.
pub(crate) fn dropped_by_kernel(socket: BorrowedFd<'_>) -> io::Result<u32> {
    const DROPS: usize = libc::SK_MEMINFO_DROPS as usize;
    let mut counters = [0_u32; DROPS + 1];
    let mut length = size_of_val(&counters) as libc::socklen_t;
    // SAFETY: the pointer and the length describe `counters`, and the kernel writes at most `length` bytes.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            counters.as_mut_ptr().cast(),
            &mut length,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(counters[DROPS]) }
}

/// Binds the calling thread to one CPU.
pub(crate) fn pin_thread(cpu: usize) -> io::Result<()> {
    if cpu >= libc::CPU_SETSIZE as usize {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: a cpu_set_t is a bit field; all zeroes is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `cpu` is within the set, checked above.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: pid 0 is the calling thread; the pointer and the size describe `set`.
    let result = unsafe { libc::sched_setaffinity(0, size_of_val(&set), &set) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The result of a call that returns a number, or -1 and errno.
fn count(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}
