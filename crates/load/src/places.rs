//! Where each session goes: rooms, endpoint URLs, and which viewers are checked.

use reqwest::Url;

use crate::args::Args;
use crate::payload::Origin;

/// Whether viewer `i` is among the share `sample`, spread evenly.
pub(crate) fn is_sampled(i: usize, sample: f64) -> bool {
    ((i + 1) as f64 * sample).floor() > (i as f64 * sample).floor()
}

pub(crate) fn room_name(args: &Args, room: u16) -> String {
    match args.rooms {
        1 => args.room.clone(),
        _ => format!("{}-{room}", args.room),
    }
}

/// Who sends packets of this origin. The publishers of a room come first, then its participants.
pub(crate) fn identity(args: &Args, origin: Origin) -> String {
    match origin.publisher.checked_sub(args.publishers()) {
        None => format!("load-{}", origin.publisher),
        Some(seat) => format!("member-{seat}"),
    }
}

/// With several senders in a room each needs an identity, or the next would replace the last.
fn has_names(args: &Args) -> bool {
    args.publishers() > 1 || args.participants > 0
}

pub(crate) fn whip_url(args: &Args, origin: Origin) -> Result<Url, String> {
    let mut url = endpoint_url(args, args.whip_url.as_deref(), "whip/{room}", origin)?;
    if args.whip_url.is_none() && has_names(args) {
        url.query_pairs_mut().append_pair("participant", &identity(args, origin));
    }
    Ok(url)
}

pub(crate) fn whep_url(args: &Args, origin: Origin) -> Result<Url, String> {
    let mut url = endpoint_url(args, args.whep_url.as_deref(), "whep/{room}", origin)?;
    if args.whep_url.is_none() && has_names(args) {
        url.path_segments_mut().map_err(|()| "the URL has no path")?.push(&identity(args, origin));
    }
    Ok(url)
}

/// Where participants connect to.
pub(crate) fn room_url(args: &Args, origin: Origin) -> Result<Url, String> {
    let mut url = endpoint_url(args, None, "v1/rooms/{room}/connect", origin)?;
    let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
    url.set_scheme(scheme).map_err(|()| format!("{url} is no HTTP URL"))?;
    Ok(url)
}

fn endpoint_url(args: &Args, template: Option<&str>, path: &str, origin: Origin) -> Result<Url, String> {
    let text = match template {
        Some(template) => template.to_owned(),
        None => format!("{}/{path}", args.url.trim_end_matches('/')),
    };
    let room = room_name(args, origin.room);
    let text = text.replace("{room}", &room).replace("{publisher}", &identity(args, origin));
    text.parse().map_err(|e| format!("{text} is no URL: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn args(line: &str) -> Args {
        Cli::parse_from(std::iter::once("load").chain(line.split_ascii_whitespace())).args
    }

    fn urls(line: &str, room: u16, publisher: u16) -> (String, String) {
        let (args, origin) = (args(line), Origin { run: 0, room, publisher });
        (whip_url(&args, origin).unwrap().into(), whep_url(&args, origin).unwrap().into())
    }

    #[test]
    fn one_publisher_needs_no_name_and_several_have_one_each() {
        let (whip, whep) = urls("--url http://h:1/ --room r", 0, 0);
        assert_eq!((whip.as_str(), whep.as_str()), ("http://h:1/whip/r", "http://h:1/whep/r"));
        let (whip, whep) = urls("--url http://h:1 --room r --rooms 3 --publishers 2", 2, 1);
        assert_eq!(whip, "http://h:1/whip/r-2?participant=load-1");
        assert_eq!(whep, "http://h:1/whep/r-2/load-1");
    }

    #[test]
    fn endpoints_of_another_server_are_taken_as_they_are_written() {
        let (whip, whep) =
            urls("--whip-url http://h/in?stream={room} --whep-url http://h/{room}/{publisher}/out", 0, 0);
        assert_eq!((whip.as_str(), whep.as_str()), ("http://h/in?stream=bench", "http://h/bench/load-0/out"));
    }

    #[test]
    fn participants_have_names_that_viewers_can_watch() {
        let line = "--url https://h:1 --room r --publishers 1 --participants 3";
        let (whip, _) = urls(line, 0, 0);
        let (_, whep) = urls(line, 0, 3);
        assert_eq!(whip, "https://h:1/whip/r?participant=load-0");
        assert_eq!(whep, "https://h:1/whep/r/member-2");
        let room = room_url(&args(line), Origin { run: 0, room: 0, publisher: 1 }).unwrap();
        assert_eq!(room.as_str(), "wss://h:1/v1/rooms/r/connect");
        let plain = room_url(&args("--url http://h:1"), Origin { run: 0, room: 0, publisher: 0 }).unwrap();
        assert_eq!(plain.as_str(), "ws://h:1/v1/rooms/bench/connect");
    }

    #[test]
    fn the_sample_is_exact_and_spread_evenly() {
        for (sample, checked) in [(0.0, 0), (0.1, 10), (0.25, 25), (1.0, 100)] {
            let sampled: Vec<usize> = (0..100).filter(|i| is_sampled(*i, sample)).collect();
            assert_eq!(sampled.len(), checked, "share {sample}");
            assert!(sampled.windows(2).all(|pair| pair[1] - pair[0] <= (1.0 / sample) as usize + 1));
        }
    }
}
