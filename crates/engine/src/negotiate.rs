//! From offer to answer: builds the `Rtc`, off the shard, since that costs milliseconds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use plenum_model::{
    Direction, Format, IceCredentials, IceFragment, MediaKind, MediaOffer, OfferedFormat, OfferedLine, Place,
    Ufrag,
};
use str0m::change::SdpOffer;
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::crypto::Sha1HmacProvider;
use str0m::format::{Codec as RtcCodec, CodecConfig, CodecSpec, FormatParams, PayloadParams};
use str0m::media::{Frequency, Mid, Pt, Rid};
use str0m::rtp::{Extension, ExtensionMap, Ssrc};
use str0m::{Candidate, IceCreds, Rtc, RtcConfig};

use crate::{Role, sdp};

/// Packets kept for retransmission to a viewer, per video line, and for how long.
const RTX_PACKETS: usize = 512;
const RTX_AGE: Duration = Duration::from_secs(1);
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
    /// The password that the peer's STUN responses are made with.
    pub(crate) remote_pwd: String,
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
    let direction = direction_of(terms.role);
    check_lines(terms.offer, direction)?;
    let extensions = extensions_for(direction);
    let ice = local_credentials(terms.place, terms.secret);
    let mut rtc = build_rtc(&terms, direction, extensions, &ice);
    for addr in terms.local_candidates {
        let candidate =
            Candidate::host(*addr, "udp").map_err(|e| NegotiationError::Malformed(e.to_string()))?;
        rtc.add_local_candidate(candidate);
    }
    let offer = sdp::canonical_offer(terms.offer, &terms.offer.ice, direction, extensions);
    let answer = rtc.sdp_api().accept_offer(read_offer(&offer)?).map_err(refused)?;
    add_remote_candidates(&mut rtc, terms.remote_candidates);
    let lines = negotiated_lines(&mut rtc, terms.offer, direction)?;
    let answer = sdp::complete_answer(&answer.to_sdp_string(), direction == Direction::RecvOnly);
    let peer = Peer {
        rtc,
        lines,
        remote_candidates: terms.remote_candidates.to_vec(),
        remote_pwd: terms.offer.ice.pwd.clone(),
        hmac: terms.dtls.provider.sha1_hmac_provider,
    };
    Ok(Negotiated { peer, answer, ice })
}

/// An ICE restart, parsed and checked, ready for [`crate::Command::RestartIce`].
#[derive(Debug)]
pub struct IceRestart {
    /// Whose.
    pub place: Place,
    /// Our new credentials, for the answer's fragment.
    pub ice: IceCredentials,
    pub(crate) offer: SdpOffer,
    pub(crate) remote_candidates: Vec<SocketAddr>,
    pub(crate) remote_pwd: String,
}

/// Prepares a restart from a PATCH with new credentials. `offer` is the session's offer, `role` its role and
/// `secret` as in [`Terms`].
pub fn prepare_restart(
    place: Place,
    role: &Role,
    offer: &MediaOffer,
    fragment: &IceFragment,
    remote_candidates: &[SocketAddr],
    secret: [u8; 24],
) -> Result<IceRestart, NegotiationError> {
    let direction = direction_of(role);
    let text = sdp::canonical_offer(offer, &fragment.ice, direction, extensions_for(direction));
    Ok(IceRestart {
        place,
        ice: local_credentials(place, secret),
        offer: read_offer(&text)?,
        remote_candidates: remote_candidates.to_vec(),
        remote_pwd: fragment.ice.pwd.clone(),
    })
}

pub(crate) fn add_remote_candidates(rtc: &mut Rtc, candidates: &[SocketAddr]) {
    for addr in candidates {
        if let Ok(candidate) = Candidate::host(*addr, "udp") {
            rtc.add_remote_candidate(candidate);
        }
    }
}

pub(crate) fn to_str0m(ice: &IceCredentials) -> IceCreds {
    IceCreds { ufrag: ice.ufrag.clone(), pass: ice.pwd.clone() }
}

/// The direction every line has, seen from the offerer.
fn direction_of(role: &Role) -> Direction {
    match role {
        Role::Publisher => Direction::SendOnly,
        Role::Viewer { .. } => Direction::RecvOnly,
    }
}

fn extensions_for(direction: Direction) -> &'static [Extension] {
    const FROM: &[Extension] = &sdp::FROM_PUBLISHERS;
    const TO: &[Extension] = &sdp::TO_VIEWERS;
    if direction.sends() { FROM } else { TO }
}

fn check_lines(offer: &MediaOffer, direction: Direction) -> Result<(), NegotiationError> {
    let fits = |line: &&OfferedLine| match direction.sends() {
        true => line.direction.sends(),
        false => line.direction.receives(),
    };
    match offer.lines.iter().find(|line| line.kind.is_none() || !fits(line)) {
        None => Ok(()),
        Some(line) if line.kind.is_none() => Err(NegotiationError::Unsupported(format!(
            "m-line {}: data channels are not served here",
            line.mid
        ))),
        Some(line) => Err(NegotiationError::Unsupported(format!(
            "m-line {} is {}, where {} is needed",
            line.mid,
            line.direction.as_str(),
            direction.as_str()
        ))),
    }
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

fn build_rtc(terms: &Terms<'_>, direction: Direction, extensions: &[Extension], ice: &IceCredentials) -> Rtc {
    let mut config = RtcConfig::new()
        .set_crypto_provider(terms.dtls.provider.clone())
        .set_dtls_cert(terms.dtls.certificate.clone())
        .set_local_ice_credentials(to_str0m(ice))
        .set_extension_map(extension_map(terms.offer, extensions))
        .set_rtp_mode(true)
        .set_stats_interval(Some(STATS_INTERVAL))
        .set_rtcp_report_interval_audio(Duration::from_secs(1));
    *config.codec_config() = codec_config(terms.offer, direction);
    config.build(terms.now)
}

/// The extensions under the ids of the offer, so that nothing has to be remapped. In a bundle an id means the
/// same on every line; the guard checked it.
fn extension_map(offer: &MediaOffer, supported: &[Extension]) -> ExtensionMap {
    const LARGEST_ID: u8 = 16; // what str0m's map holds
    let mut map = ExtensionMap::empty();
    for extmap in offer.lines.iter().flat_map(|line| &line.extmaps) {
        if let (1..=LARGEST_ID, Some(extension)) = (extmap.id, sdp::supported_extension(extmap, supported)) {
            map.set(extmap.id, extension);
        }
    }
    map
}

/// Exactly the offered formats under their own payload types: the answer then repeats them.
fn codec_config(offer: &MediaOffer, direction: Direction) -> CodecConfig {
    let mut params: Vec<PayloadParams> = Vec::new();
    for format in offer.lines.iter().flat_map(|line| &line.formats) {
        if params.iter().all(|known| *known.pt() != format.pt) {
            params.push(payload_params(format, direction));
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
    let congestion_feedback = direction.sends();
    let mut params = PayloadParams::new(format.pt.into(), format.rtx.map(Pt::from), spec);
    params.set_fb_transport_cc(congestion_feedback && offered("transport-cc"));
    params.set_fb_remb(congestion_feedback && offered("goog-remb"));
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

fn negotiated_lines(
    rtc: &mut Rtc,
    offer: &MediaOffer,
    direction: Direction,
) -> Result<Vec<PeerLine>, NegotiationError> {
    offer
        .lines
        .iter()
        .filter_map(|line| Some((line, line.kind?)))
        .map(|(line, kind)| {
            let mid = Mid::from(line.mid.as_str());
            let formats = line.formats.iter().map(|f| (Pt::from(f.pt), f.format)).collect();
            let way = if direction.sends() { way_in(line) } else { way_out(rtc, mid, kind)? };
            Ok(PeerLine { mid, kind, formats, way })
        })
        .collect()
}

fn way_in(line: &OfferedLine) -> Way {
    Way::In {
        rids: line.send_rids.iter().map(|rid| Rid::from(rid.as_str())).collect(),
        nack: line.formats.iter().any(|format| format.feedback.iter().any(|f| f == "nack")),
    }
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
