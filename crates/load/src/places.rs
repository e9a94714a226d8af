//! Where each session goes: rooms, endpoint URLs, and which viewers are checked.

use reqwest::Url;

use crate::args::Args;
use crate::payload::Origin;

/// Whether viewer `i` is among the share `sample`, spread evenly.
pub(crate) fn is_sampled(i: usize, sample: f64) -> bool {
    ((i + 1) as f64 * sample).floor() > (i as f64 * sample).floor()
}

pub(crate) fn room_name(args: &Args, origin: Origin) -> String {
    match args.rooms {
        1 => args.room.clone(),
        _ => format!("{}-{}", args.room, origin.room),
    }
}

/// With several publishers in a room each gets an identity, or the next would replace the last.
fn publisher_name(origin: Origin) -> String {
    format!("load-{}", origin.publisher)
}

pub(crate) fn whip_url(args: &Args, origin: Origin) -> Result<Url, String> {
    let mut url = endpoint_url(args, args.whip_url.as_deref(), "whip", origin)?;
    if args.whip_url.is_none() && args.publishers > 1 {
        url.query_pairs_mut().append_pair("participant", &publisher_name(origin));
    }
    Ok(url)
}

pub(crate) fn whep_url(args: &Args, origin: Origin) -> Result<Url, String> {
    let mut url = endpoint_url(args, args.whep_url.as_deref(), "whep", origin)?;
    if args.whep_url.is_none() && args.publishers > 1 {
        url.path_segments_mut().map_err(|()| "the URL has no path")?.push(&publisher_name(origin));
    }
    Ok(url)
}

fn endpoint_url(args: &Args, template: Option<&str>, name: &str, origin: Origin) -> Result<Url, String> {
    let text = match template {
        Some(template) => template.to_owned(),
        None => format!("{}/{name}/{{room}}", args.url.trim_end_matches('/')),
    };
    let text =
        text.replace("{room}", &room_name(args, origin)).replace("{publisher}", &publisher_name(origin));
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
    fn the_sample_is_exact_and_spread_evenly() {
        for (sample, checked) in [(0.0, 0), (0.1, 10), (0.25, 25), (1.0, 100)] {
            let sampled: Vec<usize> = (0..100).filter(|i| is_sampled(*i, sample)).collect();
            assert_eq!(sampled.len(), checked, "share {sample}");
            assert!(sampled.windows(2).all(|pair| pair[1] - pair[0] <= (1.0 / sample) as usize + 1));
        }
    }
}
