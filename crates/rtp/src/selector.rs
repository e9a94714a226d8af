//! Which layer of a track a subscriber gets. A switch happens at a keyframe of the wanted layer only; until
//! it comes the old layer goes on, so that nothing freezes.

use crate::KeyframeGate;

/// What to do with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// It continues the current layer.
    Forward,
    /// It is the first packet of a new source: the rewriter must be told before it is forwarded.
    Switch,
    /// It is not for this subscriber.
    Drop,
}

/// The current layer of one subscription.
#[derive(Debug, Clone)]
pub struct LayerSelector {
    current: Option<u8>,
    gate: KeyframeGate,
}

impl LayerSelector {
    /// Nothing forwarded yet. Video waits for a keyframe, audio starts at once.
    pub fn new(waits_for_keyframe: bool) -> Self {
        let gate = if waits_for_keyframe { KeyframeGate::shut() } else { KeyframeGate::open() };
        Self { current: None, gate }
    }

    /// Decides on a packet of `layer`, where `wanted` is the layer this subscriber should get.
    pub fn select(&mut self, layer: u8, wanted: u8, starts_keyframe: bool) -> Selection {
        if self.current == Some(layer) {
            return Selection::Forward;
        }
        if layer != wanted {
            return Selection::Drop;
        }
        let admitted =
            if self.current.is_some() { starts_keyframe } else { self.gate.admits(starts_keyframe) };
        if !admitted {
            return Selection::Drop;
        }
        self.current = Some(layer);
        Selection::Switch
    }

    /// Whether a keyframe of `wanted` is waited for.
    pub fn is_waiting(&self, wanted: u8) -> bool {
        self.current != Some(wanted)
    }

    /// The layer being forwarded.
    pub fn current(&self) -> Option<u8> {
        self.current
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn video_starts_at_a_keyframe_of_the_wanted_layer() {
        let mut s = LayerSelector::new(true);
        assert_eq!(s.select(0, 0, false), Selection::Drop);
        assert!(s.is_waiting(0));
        assert_eq!(s.select(0, 0, true), Selection::Switch);
        assert_eq!(s.select(0, 0, false), Selection::Forward);
        assert!(!s.is_waiting(0));
    }

    #[test]
    fn audio_starts_at_once() {
        assert_eq!(LayerSelector::new(false).select(0, 0, false), Selection::Switch);
    }

    #[test]
    fn the_old_layer_goes_on_until_the_new_one_has_a_keyframe() {
        let mut s = LayerSelector::new(true);
        s.select(0, 0, true);
        assert_eq!(s.select(0, 1, false), Selection::Forward);
        assert_eq!(s.select(1, 1, false), Selection::Drop);
        assert!(s.is_waiting(1));
        assert_eq!(s.select(1, 1, true), Selection::Switch);
        assert_eq!(s.select(0, 1, false), Selection::Drop);
        assert_eq!(s.select(1, 1, false), Selection::Forward);
    }

    #[test]
    fn a_keyframe_of_another_layer_does_not_open() {
        let mut s = LayerSelector::new(true);
        assert_eq!(s.select(1, 0, true), Selection::Drop);
        assert_eq!(s.current(), None);
    }
}
