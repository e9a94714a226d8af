//! `recvmmsg` into buffers that are used again for every call.

use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use super::control::Control;
use super::name::Name;
use super::{MESSAGES_PER_CALL, count};

/// One message: datagrams of one sender, all of `segment` bytes but the last, which may be shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Message {
    /// `None` if it is of neither IP family.
    pub(crate) source: Option<SocketAddr>,
    pub(crate) len: usize,
    /// Length of a datagram in it; `None` if it is a single one.
    pub(crate) segment: Option<usize>,
    /// The buffer was too small: the end is missing.
    pub(crate) truncated: bool,
}

/// The buffers of one `recvmmsg`, and what the last call left in them.
pub(crate) struct ReceiveArena {
    buffers: Box<[u8]>,
    /// Bytes of one message's buffer.
    capacity: usize,
    /// Bytes from one buffer to the next.
    stride: usize,
    names: Box<[Name; MESSAGES_PER_CALL]>,
    controls: Box<[Control; MESSAGES_PER_CALL]>,
    iovecs: Box<[libc::iovec; MESSAGES_PER_CALL]>,
    headers: Box<[libc::mmsghdr; MESSAGES_PER_CALL]>,
    /// The system refuses `recvmmsg`: `recvmsg` instead.
    one_by_one: bool,
}

// SAFETY: the pointers in `iovecs` and `headers` are written anew by each `receive` before the kernel sees
// them, from the fields beside them, and are never followed otherwise.
unsafe impl Send for ReceiveArena {}

impl ReceiveArena {
    /// Buffers of `capacity` bytes per message. Memory is taken when it is first used.
    pub(crate) fn new(capacity: usize) -> Self {
        // Without the odd lines between them, the first bytes of buffers that are a power of two long
        // would all fall into the same few cache sets.
        let stride = capacity + 20 * 64;
        // SAFETY: mmsghdr is plain data; all zeroes (null pointers, lengths 0) is a valid value.
        let header: libc::mmsghdr = unsafe { std::mem::zeroed() };
        Self {
            buffers: vec![0; stride * MESSAGES_PER_CALL].into(),
            capacity,
            stride,
            names: Box::new([Name::EMPTY; MESSAGES_PER_CALL]),
            controls: Box::new([Control::EMPTY; MESSAGES_PER_CALL]),
            iovecs: Box::new([libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 }; MESSAGES_PER_CALL]),
            headers: Box::new([header; MESSAGES_PER_CALL]),
            one_by_one: false,
        }
    }

    /// Receives what is there, up to [`MESSAGES_PER_CALL`] messages, without waiting. Returns how many.
    pub(crate) fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        self.point();
        if !self.one_by_one {
            // SAFETY: `headers` has MESSAGES_PER_CALL entries, whose pointers and lengths `point` has just
            // set to memory that this arena owns and that nothing else refers to during the call. A null
            // time-out means none.
            let received = unsafe {
                libc::recvmmsg(
                    socket.as_raw_fd(),
                    self.headers.as_mut_ptr(),
                    MESSAGES_PER_CALL as libc::c_uint,
                    libc::MSG_DONTWAIT as _,
                    ptr::null_mut(),
                )
            };
            match count(received as isize) {
                Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => self.one_by_one = true,
                result => return result,
            }
        }
        // SAFETY: as above, for the first header alone.
        let received =
            unsafe { libc::recvmsg(socket.as_raw_fd(), &mut self.headers[0].msg_hdr, libc::MSG_DONTWAIT) };
        self.headers[0].msg_len = count(received)? as libc::c_uint;
        Ok(1)
    }

    /// How many messages one call can fill.
    pub(crate) fn messages_per_call(&self) -> usize {
        if self.one_by_one { 1 } else { MESSAGES_PER_CALL }
    }

    /// The `index`-th message of the last `receive`.
    pub(crate) fn message(&self, index: usize) -> Message {
        let header = &self.headers[index];
        #[allow(clippy::unnecessary_cast)] // a usize with glibc, an unsigned int with musl
        let control_len = header.msg_hdr.msg_controllen as usize;
        Message {
            source: self.names[index].read(header.msg_hdr.msg_namelen as usize),
            len: (header.msg_len as usize).min(self.capacity),
            segment: self.controls[index].read_segment_size(control_len),
            truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
        }
    }

    /// A part of the `index`-th message.
    pub(crate) fn bytes(&self, index: usize, part: Range<usize>) -> &[u8] {
        &self.buffers[index * self.stride..][part]
    }

    /// Sets all pointers and lengths. Once per call and not once for ever: the kernel overwrites the lengths,
    /// and pointers taken from a box do not survive other uses of the box.
    fn point(&mut self) {
        for (index, buffer) in self.buffers.chunks_exact_mut(self.stride).enumerate() {
            let iovec = &mut self.iovecs[index];
            *iovec = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: self.capacity };
            let header = &mut self.headers[index].msg_hdr;
            header.msg_name = self.names[index].0.as_mut_ptr().cast();
            header.msg_namelen = Name::CAPACITY as libc::socklen_t;
            header.msg_iov = iovec;
            header.msg_iovlen = 1;
            header.msg_control = self.controls[index].0.as_mut_ptr().cast();
            header.msg_controllen = Control::CAPACITY as _;
            header.msg_flags = 0;
        }
    }
}
