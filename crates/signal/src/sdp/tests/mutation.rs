//! Whatever happens to an offer on its way: no panic, no long computation, and what is accepted is sound.

use std::time::{Duration, Instant};

use fastrand::Rng;
use plenum_model::limits::{self, SDP_WHIP};
use plenum_model::{MediaOffer, OfferedLine};

use super::super::parse_offer;
use super::CORPUS;

const MUTATIONS: u64 = 20_000;
/// Far above what an offer takes (well under a millisecond), far below what would hurt: busy machines do
/// not fail it.
const LONGEST: Duration = Duration::from_millis(500);

#[test]
fn twenty_thousand_mutated_offers_neither_panic_nor_take_long() {
    let seed = seed();
    let (mut accepted, mut refused) = (0, 0);
    for round in 0..MUTATIONS {
        let mut rng = Rng::with_seed(seed.wrapping_add(round));
        let body = mutate(&mut rng);
        let (result, took) = timed(&body);
        assert!(took < LONGEST, "PLENUM_SEED={seed} round {round}: {took:?}");
        match result {
            Ok(offer) => {
                accepted += 1;
                check(&offer)
                    .unwrap_or_else(|what| panic!("PLENUM_SEED={seed} round {round}: {what}\n{offer:?}"));
            }
            Err(sentence) => {
                refused += 1;
                assert!(
                    !sentence.is_empty() && sentence.len() < 1_000,
                    "PLENUM_SEED={seed} round {round}: {sentence}"
                );
            }
        }
    }
    // A mutation that always or never matters would test nothing.
    assert!(accepted > MUTATIONS / 20 && refused > MUTATIONS / 20, "{accepted} accepted, {refused} refused");
}

#[test]
fn the_largest_offer_of_any_one_attribute_takes_no_longer() {
    for line in [
        "a=x",
        "a=rtpmap:96 VP8/90000",
        "a=fmtp:97 apt=96",
        "a=rtcp-fb:* nack",
        "a=rtcp-fb:96 nack pli",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=ssrc:2 cname:x",
        "a=ssrc-group:FID 2 3",
        "a=rid:a send",
        "a=simulcast:send a",
        "a=candidate:1 1 udp 1 192.0.2.1 9 typ host",
        "a=mid:1",
        "a=fingerprint:sha-256 00",
        "a=setup:actpass",
        "a=group:BUNDLE 0 1",
        "a=sendonly",
        "m=audio 9 x 1",
        "",
    ] {
        for (name, offer) in CORPUS {
            let mut text = (*offer).to_owned();
            while text.len() + line.len() + 2 <= SDP_WHIP.bytes && text.lines().count() < SDP_WHIP.lines {
                let repeat = 50.min((SDP_WHIP.bytes - text.len()) / (line.len() + 2));
                text += &format!("{line}\r\n").repeat(repeat);
            }
            let (_, took) = timed(text.as_bytes());
            assert!(took < LONGEST, "{name} with many {line:?}: {took:?}");
        }
    }
}

fn seed() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a failing run is repeated from its seed")]
    let seed = std::env::var("PLENUM_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or(0x5d9_0b5e);
    println!("PLENUM_SEED={seed}");
    seed
}

/// What is taken for slow is timed again: it is slow if it is so three times, and else the machine was busy.
fn timed(body: &[u8]) -> (Result<MediaOffer, String>, Duration) {
    let mut timed = timed_once(body);
    for _ in 0..2 {
        if timed.1 >= LONGEST {
            timed = timed_once(body);
        }
    }
    timed
}

#[expect(clippy::disallowed_methods, reason = "the time that parsing takes is what is tested")]
fn timed_once(body: &[u8]) -> (Result<MediaOffer, String>, Duration) {
    let start = Instant::now();
    let result = parse_offer(body, &SDP_WHIP);
    (result.map_err(|error| error.to_string()), start.elapsed())
}

fn mutate(rng: &mut Rng) -> Vec<u8> {
    let text = CORPUS[rng.usize(..CORPUS.len())].1;
    let mut lines: Vec<Vec<u8>> = text.split_inclusive('\n').map(|line| line.as_bytes().to_vec()).collect();
    for _ in 0..rng.usize(1..=3) {
        mutate_lines(rng, &mut lines);
    }
    let mut body = lines.concat();
    if rng.u8(..) < 16 {
        body.truncate(rng.usize(..=body.len()));
    }
    body
}

fn mutate_lines(rng: &mut Rng, lines: &mut Vec<Vec<u8>>) {
    let at = rng.usize(..lines.len());
    match rng.u8(..10) {
        0 if lines.len() > 1 => drop(lines.remove(at)),
        1 => lines.insert(rng.usize(..=lines.len()), lines[at].clone()),
        2 => {
            let other = rng.usize(..lines.len());
            lines.swap(at, other);
        }
        3 => {
            let other = CORPUS[rng.usize(..CORPUS.len())].1;
            let foreign: Vec<_> = other.split_inclusive('\n').collect();
            lines[at] = foreign[rng.usize(..foreign.len())].as_bytes().to_vec();
        }
        4 => {
            let copies = rng.usize(1..200);
            let line = lines[at].clone();
            lines.extend(std::iter::repeat_n(line, copies));
        }
        5 => replace_number(rng, &mut lines[at]),
        6 => {
            let length = rng.usize(..600);
            let end = lines[at].len().saturating_sub(2);
            lines[at].splice(end..end, std::iter::repeat_n(b'x', length));
        }
        7 => {
            let length = rng.usize(..40);
            lines[at] = std::iter::repeat_with(|| rng.u8(..)).take(length).collect();
        }
        _ => flip_byte(rng, &mut lines[at]),
    }
    if lines.is_empty() {
        lines.push(Vec::new());
    }
}

fn flip_byte(rng: &mut Rng, line: &mut [u8]) {
    if !line.is_empty() {
        let at = rng.usize(..line.len());
        line[at] = match rng.bool() {
            true => rng.u8(..),
            false => b" :;=/,*~-0129azAZ\r\n"[rng.usize(..19)],
        };
    }
}

fn replace_number(rng: &mut Rng, line: &mut Vec<u8>) {
    let Some(start) = line.iter().position(u8::is_ascii_digit) else { return };
    let end = line[start..].iter().position(|b| !b.is_ascii_digit()).map_or(line.len(), |n| start + n);
    let number = ["0", "-1", "1", "96", "255", "256", "65536", "4294967296", "99999999999999999999", ""];
    line.splice(start..end, number[rng.usize(..number.len())].bytes());
}

/// What the engine relies on.
fn check(offer: &MediaOffer) -> Result<(), String> {
    let require = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
    require((4..=256).contains(&offer.ice.ufrag.len()), "ufrag")?;
    require((22..=256).contains(&offer.ice.pwd.len()), "pwd")?;
    require(offer.fingerprint.0 == "sha-256" && offer.fingerprint.1.len() == 95, "fingerprint")?;
    require(offer.candidates.len() <= limits::REMOTE_CANDIDATES, "candidates")?;
    require((1..=SDP_WHIP.media).contains(&offer.lines.len()), "lines")?;
    for (index, line) in offer.lines.iter().enumerate() {
        require((1..=16).contains(&line.mid.len()), "mid")?;
        require(offer.lines[..index].iter().all(|other| other.mid != line.mid), "unique mids")?;
        require(line.kind.is_some() != line.sctp_port.is_some(), "sctp port")?;
        require(line.kind.is_some() != line.formats.is_empty(), "formats")?;
        require(line.send_rids.len() <= limits::LAYERS_PER_TRACK, "rids")?;
        require(line.ssrcs.len() <= limits::SSRCS_PER_SESSION, "ssrcs")?;
        check_ids(line).map_err(str::to_owned)?;
    }
    Ok(())
}

fn check_ids(line: &OfferedLine) -> Result<(), &'static str> {
    for offered in &line.formats {
        let pts = [Some(offered.pt), offered.rtx];
        if pts.into_iter().flatten().any(|pt| pt > 127 || (64..=95).contains(&pt)) {
            return Err("payload type");
        }
        if offered.rtx == Some(offered.pt) || Some(offered.format.codec.kind()) != line.kind {
            return Err("format");
        }
    }
    let mut ids: Vec<_> = line.extmaps.iter().map(|map| map.id).collect();
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    if ids.len() != count || ids.first() == Some(&0) {
        return Err("extension ids");
    }
    Ok(())
}
