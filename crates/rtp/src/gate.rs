//! A decoder can start only at a keyframe: until one arrives, the gate stays shut.

/// Shut until the first packet of a keyframe, then open until [`KeyframeGate::shut`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyframeGate {
    open: bool,
}

impl KeyframeGate {
    /// Shut: for video.
    pub fn shut() -> Self {
        Self { open: false }
    }

    /// Open for ever: for audio, where each packet stands alone.
    pub fn open() -> Self {
        Self { open: true }
    }

    /// Whether a packet may pass; `starts_keyframe` opens the gate.
    pub fn admits(&mut self, starts_keyframe: bool) -> bool {
        self.open |= starts_keyframe;
        self.open
    }
}
