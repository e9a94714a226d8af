//! From offer to answer: builds the `Rtc`, off the shard, since that costs milliseconds.

mod plan;
mod reoffer;

pub(crate) use plan::PlannedLine;
pub(crate) use reoffer::Reoffer;
pub use reoffer::{IceRestart, Renegotiation, prepare_renegotiation, prepare_restart};

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use plenum_model::{
    Direction, Format, IceCredentials, MediaKind, MediaOffer, OfferedFormat, OfferedLine, Place, Source,
    Ufrag, limits,
};
use str0m::change::SdpOffer;
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::crypto::Sha1HmacProvider;
use str0m::format::{Codec as RtcCodec, CodecConfig, CodecSpec, FormatParams, PayloadParams};
use str0m::media::{Frequency, Mid, Pt, Rid};
use str0m::rtp::{ExtensionMap, Ssrc};
use str0m::{Candidate, IceCreds, Rtc, RtcConfig};

use crate::{Role, sdp};

/// Packets kept for retransmission to a viewer, per video line, and for how long.
const RTX_PACKETS: usize = 512;
const RTX_AGE: Duration = Duration::from_secs(1);
/// Bytes of messages that str0m holds for a participant, sent and not yet acknowledged ones among them; the rest waits
/// in its queues, where it can be dropped.
const DATA_BUFFER: usize = 256 * 1024;
/// How often a participant's ICE and RTCP figures are read; consent is judged by them.
const STATS_INTERVAL: Duration = Duration::from_millis(2_500);

/// The DTLS certificate of the process, shared by all participants, and its crypto provider.
#[derive(Debug, Clone)]
pub struct DtlsIdentity {
    provider: Arc<CryptoProvider>,
    certificate: DtlsCert,
}

impl DtlsIdentity {
    /// A fresh self-signed certificate of the default provider.
    pub fn generate() -> Self {
        let provider = str0m::crypto::from_feature_flags();
        let certificate =
            provider.dtls_provider.generate_certificate().expect("the default provider makes certificates");
        Self::new(provider, certificate)
    }

    /// A given certificate and provider: how a simulation stays the same from run to run.
    pub fn new(provider: CryptoProvider, certificate: DtlsCert) -> Self {
        Self { provider: Arc::new(provider), certificate }
    }
}

/// What a negotiation is about.
#[derive(Debug)]
pub struct Terms<'a> {
    /// The reserved place; the local ufrag will name it.
    pub place: Place,
    /// What the participant will do.
    pub role: &'a Role,
    /// What it offers, after the guard.
    pub offer: &'a MediaOffer,
    /// Remote candidates that may be checked, already filtered by where the request came from.
    pub remote_candidates: &'a [SocketAddr],
    /// Addresses to advertise: the shard's [`crate::EngineConfig::candidates`].
    pub local_candidates: &'a [SocketAddr],
    /// 24 bytes from a cryptographic generator, for ufrag and password.
    pub secret: [u8; 24],
    /// The certificate.
    pub dtls: &'a DtlsIdentity,
    /// The time.
    pub now: Instant,
}

/// Why an offer cannot be answered, though it passed the guard.
#[derive(Debug, thiserror::Error)]
pub enum NegotiationError {
    /// A line cannot be served in this role; the whole offer is refused (422).
    #[error("{0}")]
    Unsupported(String),
    /// The offer contradicts itself (400).
    #[error("{0}")]
    Malformed(String),
}

/// A negotiated connection, ready to be moved into its shard.
pub struct Peer {
    pub(crate) rtc: Rtc,
    pub(crate) lines: Vec<PeerLine>,
    pub(crate) remote_candidates: Vec<SocketAddr>,
    /// What the peer's STUN responses are made with.
    pub(crate) remote_ice: IceCredentials,
    pub(crate) hmac: &'static dyn Sha1HmacProvider,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").field("lines", &self.lines).finish_non_exhaustive()
    }
}

/// An m-line as negotiated.
#[derive(Debug)]
pub(crate) struct PeerLine {
    pub mid: Mid,
    pub kind: MediaKind,
    pub formats: Vec<(Pt, Format)>,
    pub way: Way,
}

/// Which way media goes on a line.
#[derive(Debug)]
pub(crate) enum Way {
    /// From the peer, in these simulcast layers (none named: one).
    In {
        rids: Vec<Rid>,
        /// Whether lost packets may be asked for.
        nack: bool,
        /// What it carries.
        source: Source,
        /// Whether nothing of it is to be forwarded for now.
        muted: bool,
    },
    /// To the peer, under this SSRC.
    Out { ssrc: Ssrc },
}

/// What came of a negotiation.
#[derive(Debug)]
pub struct Negotiated {
    /// For [`crate::Admission`].
    pub peer: Peer,
    /// The SDP answer, CRLF lines.
    pub answer: String,
    /// Our ICE credentials, as in the answer.
    pub ice: IceCredentials,
}

/// Answers an offer.
pub fn negotiate(terms: Terms<'_>) -> Result<Negotiated, NegotiationError> {
    let directions = plan::directions(terms.role, &terms.offer.lines)?;
    let ice = local_credentials(terms.place, terms.secret);
    let mut rtc = build_rtc(&terms, &directions, &ice);
    for addr in terms.local_candidates {
        let candidate =
            Candidate::host(*addr, "udp").map_err(|e| NegotiationError::Malformed(e.to_string()))?;
        rtc.add_local_candidate(candidate);
    }
    let offer = sdp::canonical_offer(terms.offer, &terms.offer.ice, &directions);
    let answer = rtc.sdp_api().accept_offer(read_offer(&offer)?).map_err(refused)?;
    add_remote_candidates(&mut rtc, terms.remote_candidates);
    let planned = plan::media_lines(terms.role, &terms.offer.lines, &directions);
    let lines = planned.into_iter().map(|line| line.settle(&mut rtc)).collect::<Result<_, _>>()?;
    let shapes = sdp::shapes(&terms.offer.lines, &directions);
    let streams = match terms.role {
        Role::Participant { .. } => sdp::Streams::OnePerSlot,
        Role::Publisher | Role::Viewer { .. } => sdp::Streams::OneForAll,
    };
    let answer = sdp::complete_answer(&answer.to_sdp_string(), &shapes, streams, &ice);
    let peer = Peer {
        rtc,
        lines,
        remote_candidates: terms.remote_candidates.to_vec(),
        remote_ice: terms.offer.ice.clone(),
        hmac: terms.dtls.provider.sha1_hmac_provider,
    };
    Ok(Negotiated { peer, answer, ice })
}

pub(crate) fn add_remote_candidates(rtc: &mut Rtc, candidates: &[SocketAddr]) {
    for addr in candidates {
        if let Ok(candidate) = Candidate::host(*addr, "udp") {
            rtc.add_remote_candidate(candidate);
        }
    }
}

pub(crate) fn from_str0m(ice: IceCreds) -> IceCredentials {
    IceCredentials { ufrag: ice.ufrag, pwd: ice.pass }
}

pub(crate) fn to_str0m(ice: &IceCredentials) -> IceCreds {
    IceCreds { ufrag: ice.ufrag.clone(), pass: ice.pwd.clone() }
}

fn local_credentials(place: Place, secret: [u8; 24]) -> IceCredentials {
    let (random, pwd) = secret.split_at(4);
    let random = u32::from_le_bytes(random.try_into().expect("4 bytes"));
    // 20 bytes in base 32 are 32 ice-chars that carry all their 160 bits.
    let digits = b"abcdefghijklmnopqrstuvwxyz012345";
    let pwd = pwd
        .chunks(5)
        .flat_map(|five| {
            let bits = five.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            (0..8).map(move |i| digits[(bits >> (35 - 5 * i) & 31) as usize] as char)
        })
        .collect();
    IceCredentials { ufrag: Ufrag::new(place, random).to_string(), pwd }
}

fn build_rtc(terms: &Terms<'_>, directions: &[Direction], ice: &IceCredentials) -> Rtc {
    let lines = || terms.offer.lines.iter().zip(directions.iter().copied());
    let mut config = RtcConfig::new()
        .set_crypto_provider(terms.dtls.provider.clone())
        .set_dtls_cert(terms.dtls.certificate.clone())
        .set_local_ice_credentials(to_str0m(ice))
        .set_extension_map(extension_map(lines()))
        .set_rtp_mode(true)
        .set_sctp_max_message_size(limits::DATA_MESSAGE as u32)
        .set_sctp_max_buffered_amount(DATA_BUFFER)
        .set_stats_interval(Some(STATS_INTERVAL))
        .set_rtcp_report_interval_audio(Duration::from_secs(1));
    *config.codec_config() = codec_config(lines());
    config.build(terms.now)
}

/// The extensions under the ids of the offer, so that nothing has to be remapped. In a bundle an id means the
/// same on every line; the guard checked it.
fn extension_map<'a>(lines: impl Iterator<Item = (&'a OfferedLine, Direction)>) -> ExtensionMap {
    const LARGEST_ID: u8 = 16; // what str0m's map holds
    let mut map = ExtensionMap::empty();
    for (line, direction) in lines {
        for extmap in &line.extmaps {
            let known = sdp::supported_extension(extmap, direction);
            if let (1..=LARGEST_ID, Some(extension)) = (extmap.id, known) {
                map.set(extmap.id, extension);
            }
        }
    }
    map
}

/// Exactly the offered formats under their own payload types: the answer then repeats them. In a bundle a payload
/// type means the same on every line.
fn codec_config<'a>(lines: impl Iterator<Item = (&'a OfferedLine, Direction)>) -> CodecConfig {
    let mut params: Vec<PayloadParams> = Vec::new();
    for (line, direction) in lines {
        for format in &line.formats {
            let offered = payload_params(format, direction);
            match params.iter_mut().find(|known| known.pt() == offered.pt()) {
                // Feedback on congestion is for lines that send to us, wherever they stand.
                Some(known) if direction.sends() => {
                    known.set_fb_transport_cc(offered.fb_transport_cc());
                    known.set_fb_remb(offered.fb_remb());
                }
                Some(_) => {}
                None => params.push(offered),
            }
        }
    }
    CodecConfig::new_from_payload_params(params)
}

fn payload_params(format: &OfferedFormat, direction: Direction) -> PayloadParams {
    let spec = CodecSpec {
        codec: rtc_codec(format.format.codec),
        clock_rate: Frequency::new(format.format.codec.clock_rate()).expect("clock rates are not zero"),
        channels: format.channels,
        format: FormatParams::parse_line(&format.fmtp),
    };
    let offered = |feedback: &str| format.feedback.iter().any(|f| f == feedback);
    let mut params = PayloadParams::new(format.pt.into(), format.rtx.map(Pt::from), spec);
    params.set_fb_transport_cc(direction.sends() && offered("transport-cc"));
    params.set_fb_remb(direction.sends() && offered("goog-remb"));
    params.set_fb_nack(offered("nack"));
    params.set_fb_pli(offered("nack pli"));
    params.set_fb_fir(offered("ccm fir"));
    params
}

fn rtc_codec(codec: plenum_model::Codec) -> RtcCodec {
    match codec {
        plenum_model::Codec::Opus => RtcCodec::Opus,
        plenum_model::Codec::Vp8 => RtcCodec::Vp8,
        plenum_model::Codec::Vp9 => RtcCodec::Vp9,
        plenum_model::Codec::H264 => RtcCodec::H264,
        plenum_model::Codec::Av1 => RtcCodec::Av1,
    }
}

fn read_offer(text: &str) -> Result<SdpOffer, NegotiationError> {
    SdpOffer::from_sdp_string(text).map_err(|e| NegotiationError::Malformed(e.to_string()))
}

fn refused(error: str0m::RtcError) -> NegotiationError {
    NegotiationError::Malformed(error.to_string())
}

fn way_out(rtc: &mut Rtc, mid: Mid, kind: MediaKind) -> Result<Way, NegotiationError> {
    let mut api = rtc.direct_api();
    let stream = api
        .stream_tx_by_mid(mid, None)
        .ok_or_else(|| NegotiationError::Malformed(format!("m-line {mid} was not accepted for sending")))?;
    if kind == MediaKind::Video {
        // No cap on the ratio: with it, 20 % loss stays lost.
        stream.set_rtx_cache(RTX_PACKETS, RTX_AGE, None);
    }
    Ok(Way::Out { ssrc: stream.ssrc() })
}
