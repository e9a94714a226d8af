//! What the media plane reports, as the conference takes it.

use std::time::Instant;

use plenum_engine::{Event, TrackId};
use plenum_model::Place;
use plenum_signal::conference::Conference;

/// Whose media session an event is about; `None` if it is about a room, or nothing for a conference.
pub fn place(event: &Event) -> Option<Place> {
    match event {
        Event::Slots { place, .. }
        | Event::Chat { place, .. }
        | Event::DataDropped { place, .. }
        | Event::Interrupted { place }
        | Event::Resumed { place }
        | Event::Ended { place, .. } => Some(*place),
        _ => None,
    }
}

/// Tells the conference.
pub fn tell(conference: &mut Conference, now: Instant, event: Event) {
    match event {
        Event::Slots { place, slots } => {
            let number = |track: Option<TrackId>| track.map(TrackId::number);
            let slots: Vec<_> = slots.into_iter().map(|(mid, track)| (mid, number(track))).collect();
            conference.media_slots(place, &slots);
        }
        Event::Speakers { speaking, .. } => {
            let speaking: Vec<u32> = speaking.into_iter().map(TrackId::number).collect();
            conference.media_speakers(&speaking);
        }
        Event::Chat { place, payload } => conference.media_chat(now, place, &payload),
        Event::DataDropped { place, topic, to, messages } => {
            conference.media_data_dropped(place, &topic, to, messages);
        }
        Event::Interrupted { place } => conference.media_interrupted(place),
        Event::Resumed { place } => conference.media_resumed(place),
        Event::Ended { place, .. } => conference.media_ended(now, place),
        _ => {}
    }
}
