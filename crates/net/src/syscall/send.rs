//! `sendmmsg` from wherever the datagrams lie. One message may hold several datagrams for one destination,
//! gathered from their own buffers: the kernel takes them down its whole way as one (`UDP_SEGMENT`, udp(7)) and
//! cuts them apart at the end of it. Copying them next to each other first is no faster up to 8 of them.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use plenum_model::limits::SEGMENTS_PER_MESSAGE;

use super::control::Control;
use super::name::Name;
use super::{MESSAGES_PER_CALL, count};

const EMPTY_IOVEC: libc::iovec = libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 };

/// The tables that one `sendmmsg` reads.
pub(crate) struct SendArena {
    names: Box<[Name; MESSAGES_PER_CALL]>,
    controls: Box<[Control; MESSAGES_PER_CALL]>,
    iovecs: Box<[[libc::iovec; SEGMENTS_PER_MESSAGE]; MESSAGES_PER_CALL]>,
    headers: Box<[libc::mmsghdr; MESSAGES_PER_CALL]>,
}

// SAFETY: the pointers in `iovecs` and `headers` are written anew by each send before the kernel sees them,
// and are never followed otherwise.
unsafe impl Send for SendArena {}

impl SendArena {
    pub(crate) fn new() -> Self {
        // SAFETY: mmsghdr is plain data; all zeroes (null pointers, lengths 0) is a valid value.
        let header: libc::mmsghdr = unsafe { std::mem::zeroed() };
        Self {
            names: Box::new([Name::EMPTY; MESSAGES_PER_CALL]),
            controls: Box::new([Control::EMPTY; MESSAGES_PER_CALL]),
            iovecs: Box::new([[EMPTY_IOVEC; SEGMENTS_PER_MESSAGE]; MESSAGES_PER_CALL]),
            headers: Box::new([header; MESSAGES_PER_CALL]),
        }
    }

    /// Sends the first of `messages`, at most [`MESSAGES_PER_CALL`], without waiting. Returns how many of them
    /// went out, each of them whole; an error is about the first.
    ///
    /// A message is a destination and at most [`SEGMENTS_PER_MESSAGE`] datagrams: all of one size but the last,
    /// which may be shorter.
    pub(crate) fn send_many<'a>(
        &mut self,
        socket: BorrowedFd<'_>,
        messages: impl Iterator<Item = (SocketAddr, impl Iterator<Item = &'a [u8]>)>,
    ) -> io::Result<usize> {
        let mut filled = 0;
        for (destination, datagrams) in messages.take(MESSAGES_PER_CALL) {
            self.point(filled, destination, datagrams);
            filled += 1;
        }
        // SAFETY: the first `filled` headers point to names, controls and iovecs of this arena, and those to
        // datagrams that `messages` borrows for 'a, which outlives the call. The kernel only reads through them.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                filled as libc::c_uint,
                (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as _,
            )
        };
        count(sent as isize)
    }

    /// Sends one datagram with `sendmsg`, where the system refuses `sendmmsg`.
    pub(crate) fn send_one(
        &mut self,
        socket: BorrowedFd<'_>,
        destination: SocketAddr,
        datagram: &[u8],
    ) -> io::Result<()> {
        self.point(0, destination, std::iter::once(datagram));
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        // SAFETY: the first header points to the first name and iovec of this arena, and that to `datagram`,
        // which outlives the call. The kernel only reads through them.
        let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &self.headers[0].msg_hdr, flags) };
        count(sent).map(drop)
    }

    /// How many datagrams the `index`-th message of the last call held.
    pub(crate) fn datagrams_in(&self, index: usize) -> usize {
        #[allow(clippy::unnecessary_cast)] // a usize with glibc, an int with musl
        let iovecs = self.headers[index].msg_hdr.msg_iovlen as usize;
        iovecs
    }

    fn point<'a>(
        &mut self,
        index: usize,
        destination: SocketAddr,
        datagrams: impl Iterator<Item = &'a [u8]>,
    ) {
        let name = &mut self.names[index];
        let name_len = name.write(destination);
        let iovecs = &mut self.iovecs[index];
        let mut filled = 0;
        for (iovec, datagram) in iovecs.iter_mut().zip(datagrams) {
            // The kernel does not write through the base of an iovec that is sent.
            *iovec = libc::iovec { iov_base: datagram.as_ptr().cast_mut().cast(), iov_len: datagram.len() };
            filled += 1;
        }
        let size = iovecs[0].iov_len as u16;
        let control = &mut self.controls[index];
        let control_len = if filled > 1 { control.write_segment_size(size) } else { 0 };
        let header = &mut self.headers[index].msg_hdr;
        header.msg_name = name.0.as_mut_ptr().cast();
        header.msg_namelen = name_len as libc::socklen_t;
        header.msg_iov = iovecs.as_mut_ptr();
        header.msg_iovlen = filled;
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = control_len as _;
    }
}
