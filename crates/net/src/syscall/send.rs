//! `sendmmsg` from wherever the datagrams lie.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use super::name::Name;
use super::{MESSAGES_PER_CALL, count};

/// The tables that one `sendmmsg` reads.
pub(crate) struct SendArena {
    names: Box<[Name; MESSAGES_PER_CALL]>,
    iovecs: Box<[libc::iovec; MESSAGES_PER_CALL]>,
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
            iovecs: Box::new([libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 }; MESSAGES_PER_CALL]),
            headers: Box::new([header; MESSAGES_PER_CALL]),
        }
    }

    /// Sends the first datagrams of `messages`, at most [`MESSAGES_PER_CALL`], without waiting. Returns how
    /// many of them went out; an error is about the first.
    pub(crate) fn send_many<'a>(
        &mut self,
        socket: BorrowedFd<'_>,
        messages: impl Iterator<Item = (SocketAddr, &'a [u8])>,
    ) -> io::Result<usize> {
        let mut filled = 0;
        for (destination, contents) in messages.take(MESSAGES_PER_CALL) {
            self.point(filled, destination, contents);
            filled += 1;
        }
        // SAFETY: the first `filled` headers point to names and iovecs of this arena, and those to contents
        // that `messages` borrows for 'a, which outlives the call. The kernel only reads through them.
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
        contents: &[u8],
    ) -> io::Result<()> {
        self.point(0, destination, contents);
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        // SAFETY: the first header points to the first name and iovec of this arena, and that to `contents`,
        // which outlives the call. The kernel only reads through them.
        let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &self.headers[0].msg_hdr, flags) };
        count(sent).map(drop)
    }

    fn point(&mut self, index: usize, destination: SocketAddr, contents: &[u8]) {
        let name = &mut self.names[index];
        let name_len = name.write(destination);
        let iovec = &mut self.iovecs[index];
        // The kernel does not write through the base of an iovec that is sent.
        *iovec = libc::iovec { iov_base: contents.as_ptr().cast_mut().cast(), iov_len: contents.len() };
        let header = &mut self.headers[index].msg_hdr;
        header.msg_name = name.0.as_mut_ptr().cast();
        header.msg_namelen = name_len as libc::socklen_t;
        header.msg_iov = iovec;
        header.msg_iovlen = 1;
    }
}
