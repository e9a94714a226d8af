//! Opening the media socket of a shard. Kept apart from the thread, so that the server can bind all ports
//! first and say in one line which one is taken before anything runs.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, Socket, Type};

use crate::syscall;

/// Sizes of a socket's kernel buffers in bytes, as asked for with `SO_RCVBUF` and `SO_SNDBUF`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketBuffers {
    /// Room for datagrams that wait for the shard.
    pub receive: usize,
    /// Room for datagrams that wait for the network card.
    pub send: usize,
}

impl Default for SocketBuffers {
    /// 4 MiB each: some 20 ms of 100,000 packets per second, with the kernel's own overhead per packet.
    fn default() -> Self {
        Self { receive: 4 << 20, send: 4 << 20 }
    }
}

/// How datagrams leave a socket at best; what the system refuses takes the next slower way anyway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SendWay {
    /// One system call for each (`sendto`): the way to compare the others with.
    OneByOne,
    /// Many per system call (`sendmmsg`).
    Batched,
    /// Many per system call, and several per message (`UDP_SEGMENT`).
    #[default]
    Segmented,
}

impl std::str::FromStr for SendWay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "sendto" => Ok(Self::OneByOne),
            "sendmmsg" => Ok(Self::Batched),
            "gso" => Ok(Self::Segmented),
            _ => Err(format!("expected sendto, sendmmsg or gso, found {text:?}")),
        }
    }
}

/// A bound, non-blocking UDP socket, ready for [`crate::spawn`].
#[derive(Debug)]
pub struct MediaSocket {
    socket: UdpSocket,
    address: SocketAddr,
    buffers: SocketBuffers,
    coalesces: bool,
    segments: bool,
    one_by_one: bool,
}

/// Why a media socket could not be opened, in one line.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {address}/udp for media: {}", self.reason())]
pub struct BindError {
    /// Where it should have been bound.
    pub address: SocketAddr,
    /// What the system said.
    #[source]
    pub cause: io::Error,
}

impl BindError {
    fn reason(&self) -> String {
        match self.cause.kind() {
            io::ErrorKind::AddrInUse => "the port is in use by another program".into(),
            io::ErrorKind::AddrNotAvailable => "this host has no such address".into(),
            io::ErrorKind::PermissionDenied => "permission denied (ports below 1024 need privileges)".into(),
            _ => self.cause.to_string(),
        }
    }
}

/// Binds the media socket of a shard. `[::]` takes IPv4 as well. Buffers smaller than `wanted` are no error,
/// but far smaller ones are worth a warning: they lose packets in every burst.
pub fn bind_media(address: SocketAddr, wanted: SocketBuffers) -> Result<MediaSocket, BindError> {
    let socket = open(address, wanted).map_err(|cause| BindError { address, cause })?;
    warn_if_small("net.core.rmem_max", wanted.receive, socket.buffers.receive);
    warn_if_small("net.core.wmem_max", wanted.send, socket.buffers.send);
    Ok(socket)
}

impl MediaSocket {
    /// Where it is bound: with the real port if port 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The buffer sizes that the system granted.
    pub fn buffers(&self) -> SocketBuffers {
        self.buffers
    }

    /// Lets datagrams leave no better than this way.
    pub fn limit_sending(&mut self, way: SendWay) {
        self.segments &= way == SendWay::Segmented;
        self.one_by_one = way == SendWay::OneByOne;
    }

    /// Whether each datagram takes a system call of its own.
    pub(crate) fn sends_one_by_one(&self) -> bool {
        self.one_by_one
    }

    /// Whether it speaks IPv6, so that IPv4 destinations must be given mapped.
    pub(crate) fn is_v6(&self) -> bool {
        self.address.is_ipv6()
    }

    /// Whether the kernel hands over several datagrams of one sender as one message (`UDP_GRO`).
    pub(crate) fn coalesces(&self) -> bool {
        self.coalesces
    }

    /// Whether the kernel takes several datagrams for one destination as one message (`UDP_SEGMENT`). One that
    /// does not know it would not refuse such a message, but send it as one big datagram.
    pub(crate) fn segments(&self) -> bool {
        self.segments
    }
}

impl AsFd for MediaSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn open(address: SocketAddr, wanted: SocketBuffers) -> io::Result<MediaSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    grow(&socket, wanted);
    let coalesces = syscall::set_option(socket.as_fd(), libc::SOL_UDP, libc::UDP_GRO, 1).is_ok();
    // 0 changes nothing: no message is cut unless it says so itself.
    let segments = syscall::set_option(socket.as_fd(), libc::SOL_UDP, libc::UDP_SEGMENT, 0).is_ok();
    socket.bind(&address.into())?;
    let buffers = SocketBuffers {
        receive: granted(socket.recv_buffer_size()?),
        send: granted(socket.send_buffer_size()?),
    };
    let socket = UdpSocket::from(socket);
    Ok(MediaSocket { address: socket.local_addr()?, socket, buffers, coalesces, segments, one_by_one: false })
}

/// With CAP_NET_ADMIN the limits of `net.core` can be passed over; without, the system grants up to them.
fn grow(socket: &Socket, wanted: SocketBuffers) {
    let force = |option, bytes: usize| {
        let bytes = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
        syscall::set_option(socket.as_fd(), libc::SOL_SOCKET, option, bytes)
    };
    if force(libc::SO_RCVBUFFORCE, wanted.receive).is_err() {
        let _ = socket.set_recv_buffer_size(wanted.receive);
    }
    if force(libc::SO_SNDBUFFORCE, wanted.send).is_err() {
        let _ = socket.set_send_buffer_size(wanted.send);
    }
}

/// Linux doubles what is asked for, to allow for its bookkeeping, and reports the double (socket(7)).
fn granted(reported: usize) -> usize {
    reported / 2
}

fn warn_if_small(setting: &str, wanted: usize, granted: usize) {
    if granted < wanted / 2 {
        tracing::warn!(
            wanted,
            granted,
            "the system limits the media socket's buffer: bursts will be lost; raise {setting} to {wanted} \
             (sysctl -w {setting}={wanted})"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    fn loopback() -> MediaSocket {
        bind_media("127.0.0.1:0".parse().unwrap(), SocketBuffers::default()).unwrap()
    }

    #[test]
    fn a_port_in_use_is_named_in_one_line() {
        let first = loopback();
        let error = bind_media(first.local_addr(), SocketBuffers::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot use {}/udp for media: the port is in use by another program", first.local_addr())
        );
    }

    #[test]
    fn an_address_of_another_host_is_named_in_one_line() {
        let error =
            bind_media("192.0.2.1:0".parse().unwrap(), SocketBuffers::default()).unwrap_err().to_string();
        assert!(error.contains("192.0.2.1:0/udp"), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }

    #[test]
    fn port_0_becomes_a_real_port() {
        assert_ne!(loopback().local_addr().port(), 0);
    }

    #[test]
    fn the_granted_buffers_are_what_was_asked_for_when_it_is_little() {
        let wanted = SocketBuffers { receive: 100_000, send: 90_000 };
        let socket = bind_media("127.0.0.1:0".parse().unwrap(), wanted).unwrap();
        assert_eq!(socket.buffers(), wanted);
    }

    /// What was logged, as text.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What binding a socket with these buffers warns of.
    fn warnings(wanted: SocketBuffers) -> String {
        let log = Log::default();
        let writer = log.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            bind_media("127.0.0.1:0".parse().unwrap(), wanted).unwrap();
        });
        let bytes = log.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn buffers_that_the_system_limits_are_warned_of_with_the_setting_that_helps() {
        // No system grants more than 1 GiB, whatever its limits and our privileges.
        let too_much = 4 << 30;
        let little = SocketBuffers { receive: 100_000, send: 100_000 };
        assert_eq!(warnings(little), "");
        let receive = warnings(SocketBuffers { receive: too_much, ..little });
        assert!(receive.contains("sysctl -w net.core.rmem_max=4294967296"), "{receive}");
        assert_eq!(receive.lines().count(), 1, "{receive}");
        let send = warnings(SocketBuffers { send: too_much, ..little });
        assert!(send.contains("sysctl -w net.core.wmem_max=4294967296"), "{send}");
    }

    #[test]
    fn this_kernel_takes_and_gives_several_datagrams_as_one_message() {
        let socket = loopback();
        assert!(socket.segments() && socket.coalesces());
    }
}
