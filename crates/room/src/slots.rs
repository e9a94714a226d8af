//! Which track is shown in which slot of a viewer: a function of what was there before, of pins, and of everyone's
//! rank in the room.
//!
//! A pinned slot shows what is pinned to it. The other slots, say N, show the first N tracks of the ranking that are
//! not pinned elsewhere. Whatever is among them and was shown before stays where it was, so that a picture moves only
//! when it must: for one track that enters the first N, one slot changes.

/// A slot before the allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot<T> {
    /// What the viewer wants to see in it, if that can be shown at the moment.
    pub pinned: Option<T>,
    /// What it has shown so far.
    pub shows: Option<T>,
}

/// What each slot shows from now on. `ranking` holds every track that this viewer may be shown, the first first.
pub(crate) fn allocate<T: Copy + PartialEq>(
    slots: &[Slot<T>],
    ranking: impl IntoIterator<Item = T>,
) -> Vec<Option<T>> {
    let is_pinned = |track: &T| slots.iter().any(|slot| slot.pinned == Some(*track));
    let free = slots.iter().filter(|slot| slot.pinned.is_none()).count();
    let mut chosen: Vec<T> = ranking.into_iter().filter(|track| !is_pinned(track)).take(free).collect();
    let mut shown: Vec<Option<T>> = slots.iter().map(|slot| slot.pinned).collect();
    for (slot, shown) in slots.iter().zip(&mut shown).filter(|(slot, _)| slot.pinned.is_none()) {
        *shown = slot.shows.and_then(|track| take(&mut chosen, track));
    }
    let empty = shown.iter_mut().filter(|shown| shown.is_none());
    empty.zip(chosen).for_each(|(shown, track)| *shown = Some(track));
    shown
}

fn take<T: Copy + PartialEq>(from: &mut Vec<T>, track: T) -> Option<T> {
    let index = from.iter().position(|candidate| *candidate == track)?;
    Some(from.remove(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Allocates `pins` (a letter pins, a dot does not) over what was `shown`.
    fn allocated(pins: &str, shown: &str, ranking: &str) -> String {
        let letter = |c: char| (c != '.').then_some(c);
        let slots: Vec<_> = std::iter::zip(pins.chars(), shown.chars())
            .map(|(pinned, shows)| Slot { pinned: letter(pinned), shows: letter(shows) })
            .collect();
        allocate(&slots, ranking.chars()).into_iter().map(|track| track.unwrap_or('.')).collect()
    }

    #[test]
    fn empty_slots_are_filled_in_the_order_of_rank() {
        assert_eq!(allocated("...", "...", "ab"), "ab.");
        assert_eq!(allocated("..", "..", "abc"), "ab");
    }

    #[test]
    fn whoever_stays_among_the_first_stays_where_it_is_whatever_its_rank() {
        assert_eq!(allocated("...", "abc", "cba"), "abc");
        assert_eq!(allocated("...", "abc", "dcb"), "dbc", "only the one that fell out is replaced");
        assert_eq!(allocated("...", "abc", "bc"), ".bc");
    }

    #[test]
    fn a_pinned_track_is_where_it_is_pinned_and_nowhere_else() {
        assert_eq!(allocated("..z", "abc", "abcz"), "abz");
        assert_eq!(
            allocated(".c.", "abc", "abcd"),
            "acb",
            "who has to make room takes the slot that became free"
        );
        assert_eq!(allocated("c..", "...", "abc"), "cab");
    }
}
