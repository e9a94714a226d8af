//! Chromium and Firefox on the pages of the release binary: publish, watch, recover.
//!
//! All tests lie below `browsers::`, by which `cargo xtask test` tells them from those that need nothing.

mod browsers;
