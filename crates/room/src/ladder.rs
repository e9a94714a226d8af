//! The layers of a track as a viewer may choose from them: which are sent at the moment, how good each is, how
//! high its picture. Ranked by bit rate, since rids say nothing of their order.

use plenum_model::limits::LAYERS_PER_TRACK;

/// The height of the best picture if nobody has said it. Heights halve from step to step.
const LIKELY_HEIGHT: u32 = 720;

/// A layer, and what is known of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rung {
    pub layer: u8,
    /// Pixels; 0 is unknown.
    pub height: u16,
}

/// The layers that are sent at the moment, the best first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ladder {
    rungs: [Rung; LAYERS_PER_TRACK],
    len: u8,
}

impl Ladder {
    pub(crate) fn new(best_first: impl IntoIterator<Item = Rung>) -> Self {
        let mut ladder = Self::default();
        for (place, rung) in ladder.rungs.iter_mut().zip(best_first) {
            *place = rung;
            ladder.len += 1;
        }
        ladder
    }

    fn rungs(&self) -> &[Rung] {
        &self.rungs[..usize::from(self.len)]
    }

    /// Its layers, the best first.
    pub(crate) fn layers(&self) -> impl Iterator<Item = u8> + '_ {
        self.rungs().iter().map(|rung| rung.layer)
    }

    /// The best layer; the first while nothing has come yet.
    pub(crate) fn best(&self) -> u8 {
        self.rungs().first().map_or(0, |rung| rung.layer)
    }

    /// The smallest layer that fills `height` pixels; the best if none does.
    pub(crate) fn layer_for(&self, height: u32) -> u8 {
        let fills = |(step, _): &(usize, &Rung)| self.height_of(*step) >= height;
        self.rungs().iter().enumerate().rev().find(fills).map_or(self.best(), |(_, rung)| rung.layer)
    }

    fn height_of(&self, step: usize) -> u32 {
        let known = |step: usize| Some(u32::from(self.rungs()[step].height)).filter(|height| *height > 0);
        known(step).unwrap_or_else(|| known(0).unwrap_or(LIKELY_HEIGHT) >> step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ladder(rungs: &[(u8, u16)]) -> Ladder {
        Ladder::new(rungs.iter().map(|&(layer, height)| Rung { layer, height }))
    }

    #[test]
    fn the_smallest_layer_that_fills_the_height_is_chosen() {
        let ladder = ladder(&[(2, 1_080), (0, 540), (1, 270)]);
        let chosen = [1, 270, 271, 540, 541, 1_080, 4_000].map(|height| ladder.layer_for(height));
        assert_eq!(chosen, [1, 1, 0, 0, 2, 2, 2]);
    }

    #[test]
    fn unknown_heights_halve_from_the_best_which_counts_as_720() {
        let unknown = ladder(&[(0, 0), (1, 0), (2, 0)]);
        assert_eq!([180, 181, 360, 361].map(|height| unknown.layer_for(height)), [2, 1, 1, 0]);
        let best_known = ladder(&[(0, 1_440), (1, 0)]);
        assert_eq!([720, 721].map(|height| best_known.layer_for(height)), [1, 0]);
    }

    #[test]
    fn before_anything_has_come_it_is_the_first_layer() {
        assert_eq!((Ladder::default().best(), Ladder::default().layer_for(90)), (0, 0));
    }
}
