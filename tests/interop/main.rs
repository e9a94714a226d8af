//! Clients that others wrote: ffmpeg, what OBS is made of, aiortc.
//!
//! All tests lie below `foreign::`, by which `cargo xtask test` tells them from those that need nothing.

mod foreign;
