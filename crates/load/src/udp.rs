//! Sockets of the native clients, and reading many datagrams with one system call.
//!
//! The only unsafe code of this crate: `recvmmsg` with its control messages, and socket options that the
//! standard library does not offer. The kernel's time of arrival is read along with each datagram, so that
//! a busy generator does not add its own queueing to the latency it reports.

use std::io;
use std::mem::{MaybeUninit, size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, SystemTime};

/// Messages per system call.
const MESSAGES: usize = 16;
/// The largest message: UDP_GRO joins datagrams up to the size of an IP packet.
const MESSAGE_BYTES: usize = 65_536;
/// Room for the control messages asked for: segment size, time stamp, overflow counter.
const CONTROL_BYTES: usize = 128;
/// Receive buffer asked for: more than a second of one viewer's media.
const SOCKET_BUFFER_BYTES: libc::c_int = 2 * 1024 * 1024;

/// Control messages need the alignment of their header.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_BYTES]);

/// Opens a non-blocking socket on a free port of `ip`'s family and returns it with the address that
/// `ip` has there.
pub(crate) fn open(ip: IpAddr) -> io::Result<(UdpSocket, SocketAddr)> {
    let any: IpAddr = match ip {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.set_nonblocking(true)?;
    // Each of these only makes the measurement better; a kernel without one of them still measures.
    for (level, name, value) in [
        (libc::SOL_UDP, libc::UDP_GRO, 1),
        (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1),
        (libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1),
        (libc::SOL_SOCKET, libc::SO_RCVBUF, SOCKET_BUFFER_BYTES),
        // Beyond net.core.rmem_max, for whoever may.
        (libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, SOCKET_BUFFER_BYTES),
    ] {
        let _ = set_option(socket.as_raw_fd(), level, name, value);
    }
    let port = socket.local_addr()?.port();
    Ok((socket, SocketAddr::new(ip, port)))
}

fn set_option(fd: RawFd, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the pointer and length describe `value`, which outlives the call.
    #[allow(unsafe_code)]
    let outcome = unsafe { libc::setsockopt(fd, level, name, (&raw const value).cast(), length) };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Raises the limit of open files as far as this process may: every client has a socket.
pub(crate) fn raise_file_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls get a pointer to a live `rlimit`.
    #[allow(unsafe_code)]
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}

/// Buffers for one `recvmmsg`, and what the last call put there.
pub(crate) struct ReceiveBatch {
    buffers: Box<[u8]>,
    controls: Box<[Control; MESSAGES]>,
    messages: [Envelope; MESSAGES],
}

#[derive(Debug, Clone, Copy, Default)]
struct Envelope {
    source: Option<SocketAddr>,
    length: usize,
    segment: usize,
    age: Duration,
    overflow: u32,
}

/// One message as received: one datagram, or several of one size joined by the kernel.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    /// Where it came from.
    pub source: SocketAddr,
    /// How long ago the kernel had it.
    pub age: Duration,
    /// Datagrams this socket has lost for want of buffer, since it was opened.
    pub overflow: u32,
    bytes: &'a [u8],
    segment: usize,
}

impl<'a> Message<'a> {
    /// The datagrams in it.
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.bytes.chunks(self.segment.max(1))
    }
}

impl ReceiveBatch {
    /// Empty buffers.
    pub(crate) fn new() -> Self {
        Self {
            buffers: vec![0; MESSAGES * MESSAGE_BYTES].into_boxed_slice(),
            controls: Box::new([Control([0; CONTROL_BYTES]); MESSAGES]),
            messages: [Envelope::default(); MESSAGES],
        }
    }

    /// Reads what waits on `socket`. Fewer than [`ReceiveBatch::CAPACITY`] messages mean that it is empty.
    pub(crate) fn receive(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        let mut names = [MaybeUninit::<libc::sockaddr_storage>::zeroed(); MESSAGES];
        let mut vectors = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: MESSAGE_BYTES }; MESSAGES];
        // SAFETY: `mmsghdr` is plain data for which all zeroes is an empty header.
        #[allow(unsafe_code)]
        let mut headers: [libc::mmsghdr; MESSAGES] = unsafe { zeroed() };
        for (i, buffer) in self.buffers.chunks_exact_mut(MESSAGE_BYTES).enumerate() {
            vectors[i].iov_base = buffer.as_mut_ptr().cast();
            let header = &mut headers[i].msg_hdr;
            header.msg_name = names[i].as_mut_ptr().cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_iov = &raw mut vectors[i];
            header.msg_iovlen = 1;
            header.msg_control = self.controls[i].0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL_BYTES as _;
        }
        // SAFETY: every header points to a buffer, name and control area of the stated length, all of which
        // outlive the call and are not aliased.
        #[allow(unsafe_code)]
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                MESSAGES as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        let now = SystemTime::now();
        for (i, header) in headers.iter().enumerate().take(count) {
            self.messages[i] = envelope(header, &names[i], now);
        }
        Ok(count)
    }

    /// Most messages one call can bring.
    pub(crate) const CAPACITY: usize = MESSAGES;

    /// Message `i` of the last [`ReceiveBatch::receive`]; `None` when its source is no internet address.
    pub(crate) fn message(&self, i: usize) -> Option<Message<'_>> {
        let envelope = self.messages[i];
        Some(Message {
            source: envelope.source?,
            age: envelope.age,
            overflow: envelope.overflow,
            bytes: &self.buffers[i * MESSAGE_BYTES..][..envelope.length],
            segment: envelope.segment,
        })
    }
}

fn envelope(header: &libc::mmsghdr, name: &MaybeUninit<libc::sockaddr_storage>, now: SystemTime) -> Envelope {
    let length = header.msg_len as usize;
    let mut envelope = Envelope { source: source(name), length, segment: length, ..Envelope::default() };
    // SAFETY: `header` was filled by `recvmmsg`, so its control area holds well-formed messages.
    #[allow(unsafe_code)]
    let mut next = unsafe { libc::CMSG_FIRSTHDR(&raw const header.msg_hdr) };
    while !next.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR return null or a header inside the control area, whose
        // payload has the type that belongs to its level and type; reads are unaligned.
        #[allow(unsafe_code)]
        unsafe {
            let value = libc::CMSG_DATA(next);
            match ((*next).cmsg_level, (*next).cmsg_type) {
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    envelope.segment = value.cast::<libc::c_int>().read_unaligned().max(1) as usize;
                }
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                    envelope.age = age(value.cast::<libc::timespec>().read_unaligned(), now);
                }
                (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => {
                    envelope.overflow = value.cast::<u32>().read_unaligned();
                }
                _ => {}
            }
            next = libc::CMSG_NXTHDR(&raw const header.msg_hdr, next);
        }
    }
    envelope
}

fn age(stamp: libc::timespec, now: SystemTime) -> Duration {
    let stamped = SystemTime::UNIX_EPOCH + Duration::new(stamp.tv_sec as u64, stamp.tv_nsec as u32);
    now.duration_since(stamped).unwrap_or_default()
}

fn source(name: &MaybeUninit<libc::sockaddr_storage>) -> Option<SocketAddr> {
    // SAFETY: the storage was zeroed before the kernel wrote to it, so all of it is initialised; it is
    // large and aligned enough for either address, and the family says which one was written.
    #[allow(unsafe_code)]
    unsafe {
        let family = libc::c_int::from(name.assume_init_ref().ss_family);
        match family {
            libc::AF_INET => {
                let v4 = name.as_ptr().cast::<libc::sockaddr_in>().read();
                let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
                Some(SocketAddr::new(ip.into(), u16::from_be(v4.sin_port)))
            }
            libc::AF_INET6 => {
                let v6 = name.as_ptr().cast::<libc::sockaddr_in6>().read();
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                Some(SocketAddr::new(ip.into(), u16::from_be(v6.sin6_port)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn receive_all(batch: &mut ReceiveBatch, socket: &UdpSocket, datagrams: usize) -> Vec<Vec<u8>> {
        let deadline = Instant::now() + Duration::from_secs(5);
        let mut all = Vec::new();
        while all.len() < datagrams && Instant::now() < deadline {
            let count = batch.receive(socket).unwrap_or(0);
            for message in (0..count).filter_map(|i| batch.message(i)) {
                assert!(message.age < Duration::from_secs(5), "stamped by this machine's clock");
                all.extend(message.datagrams().map(<[u8]>::to_vec));
            }
        }
        all
    }

    #[test]
    fn datagrams_arrive_whole_in_order_and_with_their_source() {
        for ip in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
            let (receiver, to) = open(ip).unwrap();
            let sender = UdpSocket::bind((ip, 0)).unwrap();
            let sent: Vec<Vec<u8>> = (0..40).map(|i| vec![i; 1 + usize::from(i) * 30]).collect();
            for datagram in &sent {
                sender.send_to(datagram, to).unwrap();
            }
            let mut batch = ReceiveBatch::new();
            assert_eq!(receive_all(&mut batch, &receiver, sent.len()), sent);
            assert_eq!(batch.message(0).unwrap().source, sender.local_addr().unwrap());
        }
    }

    #[test]
    fn datagrams_joined_by_the_kernel_are_taken_apart_again() {
        let (receiver, to) = open(Ipv4Addr::LOCALHOST.into()).unwrap();
        let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        set_option(sender.as_raw_fd(), libc::SOL_UDP, libc::UDP_SEGMENT, 100).unwrap();
        let joined: Vec<u8> = (0..5u8).flat_map(|i| vec![i; 100]).chain([9; 30]).collect();
        sender.send_to(&joined, to).unwrap();
        let received = receive_all(&mut ReceiveBatch::new(), &receiver, 6);
        assert_eq!(received.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 100, 100, 100, 30]);
        assert_eq!(received.concat(), joined);
    }

    #[test]
    fn an_empty_socket_says_so() {
        let (receiver, _) = open(Ipv4Addr::LOCALHOST.into()).unwrap();
        let error = ReceiveBatch::new().receive(&receiver).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}
