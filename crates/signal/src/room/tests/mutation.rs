//! Whatever strangers send: no panic, no long computation, and what is refused is refused with a sentence.

use std::time::{Duration, Instant};

use fastrand::Rng;

use super::super::{ClientMessage, MESSAGE, Refused, Request, SIGNAL, parse, read_offer};
use super::corpus;

const MUTATIONS: u64 = 30_000;
/// Far above what a message takes, far below what would hurt: busy machines do not fail it.
const LONGEST: Duration = Duration::from_millis(500);

#[test]
fn thirty_thousand_mutated_messages_are_read_or_refused() {
    let seed = seed();
    let corpus = corpus();
    let (mut accepted, mut refused) = (0, 0);
    for round in 0..MUTATIONS {
        let text = mutate(&mut Rng::with_seed(seed.wrapping_add(round)), &corpus);
        let (result, took) = timed(&text);
        let say = |what: String| format!("PLENUM_SEED={seed} round {round}: {what}\n{text}");
        assert!(took < LONGEST, "{}", say(format!("{took:?}")));
        match result {
            Ok(request) => {
                accepted += 1;
                check(&request).unwrap_or_else(|what| panic!("{}", say(what)));
            }
            Err(Refused { problem, .. }) => {
                refused += 1;
                let detail = problem.detail();
                assert!(!detail.is_empty() && detail.len() < 600, "{}", say(detail.to_owned()));
                assert!(problem.status().is_client_error(), "{}", say(detail.to_owned()));
            }
        }
    }
    // A mutation that always or never matters would test nothing.
    assert!(accepted > MUTATIONS / 20 && refused > MUTATIONS / 20, "{accepted} accepted, {refused} refused");
}

/// What is accepted is within its bounds, and can be written and read again.
fn check(request: &Request) -> Result<(), String> {
    let written = request.to_text();
    let again = parse(&written).map_err(|refused| format!("cannot be read again: {refused:?}"))?;
    if format!("{again:?}") != format!("{request:?}") {
        return Err(format!("is read again as {again:?}"));
    }
    match &request.message {
        ClientMessage::Signal { payload, .. } if payload.get().len() > SIGNAL => {
            Err("a large payload".into())
        }
        ClientMessage::Pin { slot, .. } | ClientMessage::Demand { slot, .. }
            if !(1..=16).contains(&slot.len()) =>
        {
            Err(format!("slot {slot:?}"))
        }
        ClientMessage::Offer { tracks, .. } if tracks.len() > 16 => Err("many tracks".into()),
        ClientMessage::Offer { sdp, .. } => match read_offer(sdp) {
            Err(problem) if problem.detail().is_empty() => Err("a refusal without a sentence".into()),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// What is taken for slow is timed again: it is slow if it is so three times, and else the machine was busy.
fn timed(text: &str) -> (Result<Request, Refused>, Duration) {
    let mut timed = timed_once(text);
    for _ in 0..2 {
        if timed.1 >= LONGEST {
            timed = timed_once(text);
        }
    }
    timed
}

#[expect(clippy::disallowed_methods, reason = "the time that parsing takes is what is tested")]
fn timed_once(text: &str) -> (Result<Request, Refused>, Duration) {
    let start = Instant::now();
    let result = parse(text);
    (result, start.elapsed())
}

fn seed() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a failing run is repeated from its seed")]
    let seed = std::env::var("PLENUM_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or(0x0c0_ffee);
    println!("PLENUM_SEED={seed}");
    seed
}

fn mutate(rng: &mut Rng, corpus: &[String]) -> String {
    let mut bytes = corpus[rng.usize(..corpus.len())].clone().into_bytes();
    for _ in 0..rng.usize(1..=3) {
        mutate_once(rng, &mut bytes, corpus);
        bytes.truncate(2 * MESSAGE);
    }
    // The WebSocket layer lets nothing else through.
    String::from_utf8_lossy(&bytes).into_owned()
}

fn mutate_once(rng: &mut Rng, bytes: &mut Vec<u8>, corpus: &[String]) {
    let at = rng.usize(..=bytes.len());
    let end = rng.usize(at..=bytes.len().min(at + 40));
    match rng.u8(..10) {
        0 => drop(bytes.drain(at..end)),
        1 => bytes.truncate(at),
        2 => {
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        3 => {
            let other = corpus[rng.usize(..corpus.len())].as_bytes();
            let from = rng.usize(..other.len());
            let piece = &other[from..other.len().min(from + 60)];
            bytes.splice(at..end, piece.iter().copied());
        }
        4 => {
            let piece = [&b"{\"a\":"[..], b"[", b"\"", b"\\", b"}"][rng.usize(..5)];
            let copies = rng.usize(1..100);
            bytes.splice(at..at, piece.repeat(copies));
        }
        5 => replace_value(rng, bytes),
        6 => {
            let copies = rng.usize(..20_000);
            bytes.splice(at..at, std::iter::repeat_n(b'x', copies));
        }
        7 => {
            let length = rng.usize(..40);
            bytes.splice(at..end, std::iter::repeat_with(|| rng.u8(..)).take(length).collect::<Vec<_>>());
        }
        _ => flip_byte(rng, bytes),
    }
}

/// Another value for one of the fields.
fn replace_value(rng: &mut Rng, bytes: &mut Vec<u8>) {
    const VALUES: &[&str] = &[
        "null",
        "true",
        "-1",
        "1e999",
        "4294967296",
        "\"\"",
        "\"\\ud800\"",
        "[]",
        "{}",
        "\"TR_0\"",
        "{\"0\":{}}",
    ];
    let colons: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at] == b':').collect();
    if colons.is_empty() {
        return;
    }
    let start = colons[rng.usize(..colons.len())] + 1;
    let end = (start..bytes.len()).find(|at| matches!(bytes[*at], b',' | b'}')).unwrap_or(bytes.len());
    bytes.splice(start..end, VALUES[rng.usize(..VALUES.len())].bytes());
}

fn flip_byte(rng: &mut Rng, bytes: &mut [u8]) {
    if !bytes.is_empty() {
        let at = rng.usize(..bytes.len());
        bytes[at] = match rng.bool() {
            true => rng.u8(..),
            false => b"{}[]\":,\\-0129azAZ_. "[rng.usize(..20)],
        };
    }
}
