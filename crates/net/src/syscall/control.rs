//! The one control message that goes with a message in each direction, in the bytes that the kernel reads and
//! writes: a `cmsghdr` (length, level, type), then the size of a segment. Coded without unsafe.

/// Room for one control message with an integer, aligned as a `cmsghdr`.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Control(pub(super) [u8; Self::CAPACITY]);

impl Control {
    pub(super) const CAPACITY: usize = 64;
    pub(super) const EMPTY: Self = Self([0; Self::CAPACITY]);
    const WORD: usize = size_of::<usize>();
    const INT: usize = size_of::<libc::c_int>();
    const DATA: usize = Self::WORD + 2 * Self::INT;

    /// Writes `UDP_SEGMENT`: the message is to be cut into datagrams of `size` bytes. Returns its length for
    /// the kernel.
    pub(super) fn write_segment_size(&mut self, size: u16) -> usize {
        let end = Self::DATA + size_of::<u16>();
        let bytes = &mut self.0;
        bytes[..Self::WORD].copy_from_slice(&end.to_ne_bytes());
        bytes[Self::WORD..][..Self::INT].copy_from_slice(&libc::SOL_UDP.to_ne_bytes());
        bytes[Self::WORD + Self::INT..][..Self::INT].copy_from_slice(&libc::UDP_SEGMENT.to_ne_bytes());
        bytes[Self::DATA..end].copy_from_slice(&size.to_ne_bytes());
        end.next_multiple_of(Self::WORD)
    }

    /// Reads `UDP_GRO`, if that is what the first `len` bytes are: the message holds datagrams of so many bytes.
    pub(super) fn read_segment_size(&self, len: usize) -> Option<usize> {
        let control = self.0.get(..len)?;
        let int = |at: usize| -> Option<libc::c_int> {
            Some(libc::c_int::from_ne_bytes(control.get(at..at + Self::INT)?.try_into().ok()?))
        };
        if int(Self::WORD)? != libc::SOL_UDP || int(Self::WORD + Self::INT)? != libc::UDP_GRO {
            return None;
        }
        usize::try_from(int(Self::DATA)?).ok().filter(|size| *size > 0)
    }
}
