//! An SDP offer after the guard: only what Plenum uses, already checked. `signal` makes it from text,
//! `engine` negotiates from it.

use std::net::SocketAddr;

use crate::{Format, MediaKind};

/// ICE credentials (RFC 8839): ufrag of 4 to 256, password of 22 to 256 ice-chars.
#[derive(Clone, PartialEq, Eq)]
pub struct IceCredentials {
    /// `a=ice-ufrag`.
    pub ufrag: String,
    /// `a=ice-pwd`. Never logged.
    pub pwd: String,
}

impl std::fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IceCredentials({}, ...)", self.ufrag)
    }
}

/// A remote candidate worth a check: UDP, an IP literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteCandidate {
    /// Where to send checks to.
    pub addr: SocketAddr,
}

/// The body of a trickle or restart PATCH (`application/trickle-ice-sdpfrag`, RFC 8840).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceFragment {
    /// Whom the candidates belong to. Other credentials than the session's mean an ICE restart.
    pub ice: IceCredentials,
    /// Usable candidates; others (TCP, host names, mDNS) were skipped silently.
    pub candidates: Vec<RemoteCandidate>,
}

/// `a=setup` (RFC 4145) of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// Browsers: we take the passive role.
    ActPass,
    /// The peer starts DTLS.
    Active,
    /// ffmpeg: we start DTLS.
    Passive,
}

/// The direction of an m-line, seen from the offerer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Both ways; the default when nothing is said.
    SendRecv,
    /// The offerer sends.
    SendOnly,
    /// The offerer receives.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// As an SDP attribute name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// Whether the offerer may send on it.
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the offerer may receive on it.
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }
}

/// One payload type that we forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedFormat {
    /// Payload type, 0 to 127, outside of 64 to 95.
    pub pt: u8,
    /// The payload type whose `apt` is this one, if RTX was offered for it (RFC 4588).
    pub rtx: Option<u8>,
    /// What it is.
    pub format: Format,
    /// Channels of `a=rtpmap`, if given (Opus: 2).
    pub channels: Option<u8>,
    /// The parameters of `a=fmtp` as offered, without the payload type.
    pub fmtp: String,
    /// `a=rtcp-fb` values for it, `*` included: `nack`, `nack pli`, `ccm fir`, `transport-cc`, `goog-remb`.
    pub feedback: Vec<String>,
}

/// A header extension of `a=extmap`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtMap {
    /// 1 to 14, or up to 255 with two-byte headers.
    pub id: u8,
    /// The extension's name.
    pub uri: String,
}

/// One m-line, in the order of the offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedLine {
    /// `a=mid`, 1 to 16 token characters, unique.
    pub mid: String,
    /// `None` for `m=application` (data channels over SCTP).
    pub kind: Option<MediaKind>,
    /// Seen from the offerer.
    pub direction: Direction,
    /// The formats that we forward, in the offerer's order. Never empty for audio and video.
    pub formats: Vec<OfferedFormat>,
    /// Header extensions.
    pub extmaps: Vec<ExtMap>,
    /// `a=rid ... send` that are named by `a=simulcast`, in its order.
    pub send_rids: Vec<String>,
    /// `a=ssrc` that the offerer will send with.
    pub ssrcs: Vec<u32>,
    /// (media SSRC, RTX SSRC) of `a=ssrc-group:FID`.
    pub rtx_ssrcs: Vec<(u32, u32)>,
    /// `a=sctp-port` for an application line.
    pub sctp_port: Option<u16>,
    /// `a=max-message-size` for an application line.
    pub max_message_size: Option<u32>,
}

/// A whole offer. All lines are bundled onto one transport with rtcp-mux.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaOffer {
    /// ICE credentials of the transport.
    pub ice: IceCredentials,
    /// Whether the offerer is ICE lite.
    pub ice_lite: bool,
    /// `sha-256`, `sha-384` or `sha-512` and the digest in colon-separated upper-case hex.
    pub fingerprint: (String, String),
    /// DTLS role.
    pub setup: Setup,
    /// The m-lines.
    pub lines: Vec<OfferedLine>,
    /// Usable candidates, at most [`crate::limits::REMOTE_CANDIDATES`]. Whether they may be checked is
    /// for the caller to decide: it knows where the request came from.
    pub candidates: Vec<RemoteCandidate>,
}
