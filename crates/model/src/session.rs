//! What a room knows of a participant's session besides its formats: what its tracks show, what it asks for,
//! what it may do.

use crate::MediaKind;

/// What a track shows or sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// A person's picture.
    Camera,
    /// A person's voice.
    Microphone,
    /// A shared screen, window or tab.
    Screen,
    /// The sound that belongs to it.
    ScreenAudio,
}

impl Source {
    /// As in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::Microphone => "microphone",
            Self::Screen => "screen",
            Self::ScreenAudio => "screen_audio",
        }
    }

    /// From a message.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Camera, Self::Microphone, Self::Screen, Self::ScreenAudio]
            .into_iter()
            .find(|source| source.as_str() == text)
    }

    /// The kind of line it needs.
    pub fn kind(self) -> MediaKind {
        match self {
            Self::Camera | Self::Screen => MediaKind::Video,
            Self::Microphone | Self::ScreenAudio => MediaKind::Audio,
        }
    }

    /// What a line of this kind is taken for when nothing is said of it.
    pub fn of_kind(kind: MediaKind) -> Self {
        match kind {
            MediaKind::Video => Self::Camera,
            MediaKind::Audio => Self::Microphone,
        }
    }

    /// Whether it belongs to a shared screen.
    pub fn is_screen(self) -> bool {
        matches!(self, Self::Screen | Self::ScreenAudio)
    }
}

/// What an offer says of a sending line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackTerms {
    /// Which line.
    pub mid: String,
    /// What it carries.
    pub source: Source,
    /// Whether nothing of it is to be forwarded for now.
    pub muted: bool,
}

/// What a viewer wants of a slot. 0 x 0 is nothing: it is hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotDemand {
    /// Widest useful picture, in pixels.
    pub max_width: u32,
    /// Highest useful picture, in pixels.
    pub max_height: u32,
    /// Which slots to spare when not everything fits: the larger, the more important.
    pub priority: u8,
}

impl SlotDemand {
    /// As good as there is: what a slot gets of which nothing was said.
    pub const BEST: Self = Self { max_width: u32::MAX, max_height: u32::MAX, priority: 0 };

    /// Nothing.
    pub const NOTHING: Self = Self { max_width: 0, max_height: 0, priority: 0 };

    /// Whether nothing is wanted.
    pub fn is_nothing(self) -> bool {
        self.max_width == 0 || self.max_height == 0
    }
}

/// What a participant may do with media and messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    /// Send media.
    pub publish: bool,
    /// Receive media.
    pub subscribe: bool,
    /// Send messages over data channels.
    pub data: bool,
}

impl Allowed {
    /// Everything.
    pub const ALL: Self = Self { publish: true, subscribe: true, data: true };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_read_as_it_is_written() {
        for source in [Source::Camera, Source::Microphone, Source::Screen, Source::ScreenAudio] {
            assert_eq!(Source::parse(source.as_str()), Some(source));
        }
        assert_eq!(Source::parse("Camera"), None);
    }
}
