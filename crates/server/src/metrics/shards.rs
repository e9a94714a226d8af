//! The shards' counters as text of the Prometheus exposition format.
//!
//! Each shard is asked for one snapshot, taken between two rounds of its loop, and everything is
//! rendered from those: received = handled + dropped at stage `ingress`, whatever goes on meanwhile.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use plenum_engine::{Class, Counters};
use plenum_model::limits::SEGMENTS_PER_MESSAGE;
use plenum_model::{DropReason, Histogram, SECONDS_BUCKETS};
use plenum_net::{NetCounters, SendError, ShardSnapshot};

use crate::app::App;

/// How long a scrape waits for a busy shard, before it takes the last snapshot that there is.
const PATIENCE: Duration = Duration::from_millis(500);

/// One snapshot per shard.
pub async fn snapshots(app: &App) -> Vec<Arc<ShardSnapshot>> {
    let mut snapshots = Vec::with_capacity(app.shards.len());
    for shard in &app.shards {
        let fresh = tokio::time::timeout(PATIENCE, shard.handle.fresh_snapshot()).await;
        snapshots.push(match fresh {
            Ok(Ok(snapshot)) => snapshot,
            _ => shard.handle.snapshot(),
        });
    }
    snapshots
}

type Labels<'a> = Vec<(&'static str, &'a str)>;

/// A page of metrics being written.
pub struct Page(String);

impl Page {
    /// Goes on after `text`, which is complete metric families.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn finish(self) -> String {
        self.0
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP plenum_{name} {help}\n# TYPE plenum_{name} {kind}");
    }

    /// Label values are ours and need no escaping.
    fn sample(&mut self, name: &str, labels: &[(&'static str, &str)], value: f64) {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let labels = match labels.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", labels.join(",")),
        };
        let _ = writeln!(self.0, "plenum_{name}{labels} {value}");
    }

    /// A gauge with one sample.
    pub fn gauge(&mut self, name: &str, help: &str, labels: &[(&'static str, &str)], value: f64) {
        self.family(name, "gauge", help);
        self.sample(name, labels, value);
    }

    /// A gauge with several.
    pub fn gauges(&mut self, name: &str, help: &str, samples: &[(Labels<'_>, f64)]) {
        self.family(name, "gauge", help);
        for (labels, value) in samples {
            self.sample(name, labels, *value);
        }
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.counters(name, help, &[(Vec::new(), value)]);
    }

    fn counters(&mut self, name: &str, help: &str, samples: &[(Labels<'_>, u64)]) {
        self.family(name, "counter", help);
        for (labels, value) in samples {
            self.sample(name, labels, *value as f64);
        }
    }

    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.family(name, "histogram", help);
        let (bucket, mut below) = (format!("{name}_bucket"), 0);
        for (count, bound) in histogram.buckets.iter().zip(SECONDS_BUCKETS) {
            below += count;
            self.sample(&bucket, &[("le", &bound.to_string())], below as f64);
        }
        let all: u64 = histogram.buckets.iter().sum();
        self.sample(&bucket, &[("le", "+Inf")], all as f64);
        self.sample(&format!("{name}_sum"), &[], approximate_sum(histogram));
        self.sample(&format!("{name}_count"), &[], all as f64);
    }

    /// Everything that the shards count. `panics` are those outside of them.
    pub fn shards(&mut self, shards: &[Arc<ShardSnapshot>], panics: u64) {
        let sum = |of: fn(&ShardSnapshot) -> u64| shards.iter().map(|shard| of(shard)).sum::<u64>();
        self.gauge("rooms", "Rooms that somebody is in.", &[], sum(|s| s.engine.rooms) as f64);
        let participants = sum(|s| s.engine.participants) as f64;
        self.gauge("participants", "Participants on all shards, viewers included.", &[], participants);
        self.ingress(shards);
        self.forwarding(shards);
        self.egress(shards);
        let caught = panics + sum(|s| s.engine.panics) + sum(|s| s.net.panics);
        self.counter("panics_total", "Panics that were caught; each costs at most one room.", caught);
        self.busy(shards);
    }

    fn ingress(&mut self, shards: &[Arc<ShardSnapshot>]) {
        let received = shards.iter().map(|s| s.net.datagrams_received).sum();
        self.counter("datagrams_received_total", "Datagrams received on media ports.", received);
        let handled = |of: fn(&Counters) -> u64| shards.iter().map(|s| of(&s.engine)).sum();
        let samples = [
            (vec![("kind", "stun")], handled(|c| c.handled_stun)),
            (vec![("kind", "dtls")], handled(|c| c.handled_dtls)),
            (vec![("kind", "rtp")], handled(|c| c.handled_rtp)),
            (vec![("kind", "rtcp")], handled(|c| c.handled_rtcp)),
        ];
        self.counters("datagrams_handled_total", "Datagrams that reached a participant, by kind.", &samples);
        self.counters(
            "dropped_total",
            "Datagrams dropped: by us on the way in (ingress) or out (egress), by the system before us (socket).",
            &dropped(shards),
        );
    }

    fn forwarding(&mut self, shards: &[Arc<ShardSnapshot>]) {
        let sum = |of: fn(&Counters) -> u64| shards.iter().map(|s| of(&s.engine)).sum::<u64>();
        let packets = sum(|c| c.packets_forwarded);
        self.counter("packets_forwarded_total", "RTP packets written to subscribers.", packets);
        let bytes = sum(|c| c.bytes_forwarded);
        self.counter("bytes_forwarded_total", "RTP payload bytes written to subscribers.", bytes);
        let gated = sum(|c| c.packets_gated);
        self.counter("packets_gated_total", "Packets that a subscription did not take.", gated);
        let relayed = sum(|c| c.packets_relayed);
        self.counter("packets_relayed_total", "Packets passed on to other shards.", relayed);
        let both = |incoming, outgoing| {
            [(vec![("direction", "in")], incoming), (vec![("direction", "out")], outgoing)]
        };
        let nacks = both(sum(|c| c.nacks_in), sum(|c| c.nacks_out));
        self.counters(
            "nack_total",
            "Packets asked for again: by subscribers (in), of publishers (out).",
            &nacks,
        );
        self.counter("rtx_total", "Retransmissions sent.", sum(|c| c.rtx_out));
        let requests = both(sum(|c| c.keyframe_requests_in), sum(|c| c.keyframe_requests_out));
        self.counters(
            "keyframe_requests_total",
            "Keyframe requests: by subscribers (in), to publishers after coalescing (out).",
            &requests,
        );
        let messages = [
            (vec![("result", "received")], sum(|c| c.data_messages_in)),
            (vec![("result", "sent")], sum(|c| c.data_messages_out)),
            (vec![("result", "dropped")], sum(|c| c.data_messages_dropped)),
        ];
        self.counters("data_messages_total", "Messages on data channels, by what became of them.", &messages);
        let mut residence = Histogram::default();
        for shard in shards {
            for (sum, count) in residence.buckets.iter_mut().zip(shard.engine.forward_time.buckets) {
                *sum += count;
            }
        }
        self.histogram("forward_seconds", "Time that a packet spends in the server.", &residence);
    }

    fn egress(&mut self, shards: &[Arc<ShardSnapshot>]) {
        let sum = |of: fn(&NetCounters) -> u64| shards.iter().map(|s| of(&s.net)).sum::<u64>();
        let segments = sum(|c| c.segments);
        self.counter("segments_sent_total", "Datagrams sent.", segments);
        self.counter("send_calls_total", "System calls that sent them.", sum(|c| c.send_calls));
        let messages = messages_by_segments(shards);
        self.counters(
            "messages_sent_total",
            "Messages that they were given to the system in, by datagrams per message (UDP_SEGMENT).",
            &messages,
        );
        let messages: u64 = messages.iter().map(|(_, count)| count).sum();
        let ratio = if messages == 0 { 0.0 } else { segments as f64 / messages as f64 };
        self.gauge("segments_per_send", "Datagrams per message, since the start.", &[], ratio);
        let refused = sum(|c| c.gso_refused);
        self.counter("gso_refused_total", "Messages of several datagrams that the system refused.", refused);
        let drops = Class::ALL.map(|class| {
            let count = shards.iter().map(|s| s.net.backlog_drops[class as usize]).sum();
            (vec![("class", class.as_str())], count)
        });
        let help = "Datagrams dropped because the socket was full, by what they carried.";
        self.counters("backlog_dropped_total", help, &drops);
    }

    fn busy(&mut self, shards: &[Arc<ShardSnapshot>]) {
        let numbers: Vec<String> = (0..shards.len()).map(|shard| shard.to_string()).collect();
        let samples: Vec<_> = numbers
            .iter()
            .zip(shards)
            .map(|(number, shard)| (vec![("shard", number.as_str())], shard.busy_ratio))
            .collect();
        self.gauges("shard_busy_ratio", "Share of the last second that a shard was at work.", &samples);
    }
}

fn messages_by_segments(shards: &[Arc<ShardSnapshot>]) -> Vec<(Labels<'static>, u64)> {
    const SIZES: [&str; SEGMENTS_PER_MESSAGE] =
        ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"];
    let sum = |i: usize| shards.iter().map(|shard| shard.net.messages[i]).sum();
    SIZES.iter().enumerate().map(|(i, size)| (vec![("segments", *size)], sum(i))).collect()
}

fn dropped(shards: &[Arc<ShardSnapshot>]) -> Vec<(Labels<'static>, u64)> {
    let stage = |stage, reason| vec![("stage", stage), ("reason", reason)];
    let sum = |of: &dyn Fn(&ShardSnapshot) -> u64| shards.iter().map(|shard| of(shard)).sum();
    let mut samples = Vec::new();
    for (i, reason) in DropReason::ALL.iter().enumerate() {
        samples.push((stage("ingress", reason.as_str()), sum(&|s| s.engine.dropped[i])));
    }
    samples.push((stage("ingress", "truncated"), sum(&|s| s.net.receive_truncated)));
    for (i, error) in SendError::ALL.iter().enumerate() {
        samples.push((stage("egress", error.as_str()), sum(&|s| s.net.send_errors[i])));
    }
    samples.push((stage("egress", "backlog"), sum(&|s| s.net.backlog_drops.iter().sum())));
    samples.push((stage("socket", "overflow"), sum(&|s| s.net.receive_overflow)));
    samples.push((stage("relay", "ring_full"), sum(&|s| s.net.relays_lost)));
    samples
}

/// A shard counts by bucket alone: the middle of each stands for its observations.
fn approximate_sum(histogram: &Histogram) -> f64 {
    let mut below = 0.0;
    let mut sum = 0.0;
    for (count, bound) in histogram.buckets.iter().zip(SECONDS_BUCKETS) {
        sum += *count as f64 * (below + bound) / 2.0;
        below = bound;
    }
    sum + histogram.buckets[SECONDS_BUCKETS.len()] as f64 * below
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of all samples whose line starts with `prefix`.
    fn values(text: &str, prefix: &str) -> Vec<u64> {
        let lines = text.lines().filter(|line| line.starts_with(prefix));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64).collect()
    }

    fn snapshot(factor: u64) -> Arc<ShardSnapshot> {
        let mut snapshot = ShardSnapshot::default();
        snapshot.engine.handled_stun = factor;
        snapshot.engine.handled_dtls = 2 * factor;
        snapshot.engine.handled_rtp = 3_000_000_000 * factor;
        snapshot.engine.handled_rtcp = 4 * factor;
        for (i, count) in snapshot.engine.dropped.iter_mut().enumerate() {
            *count = factor * (i as u64 + 5);
        }
        snapshot.net.receive_truncated = factor;
        snapshot.engine.received = 3_000_000_007 * factor + snapshot.engine.dropped.iter().sum::<u64>();
        snapshot.net.datagrams_received = snapshot.engine.received + factor;
        snapshot.engine.forward_time.record(Duration::from_micros(70), 10 * factor);
        snapshot.engine.forward_time.record(Duration::from_secs(60), factor);
        Arc::new(snapshot)
    }

    fn page(shards: &[Arc<ShardSnapshot>]) -> String {
        let mut page = Page::new(String::new());
        page.shards(shards, 0);
        page.finish()
    }

    #[test]
    fn received_is_handled_and_dropped_at_ingress_exactly() {
        let text = page(&[snapshot(1), snapshot(1_000)]);
        let handled: u64 = values(&text, "plenum_datagrams_handled_total{").iter().sum();
        let dropped: u64 = values(&text, "plenum_dropped_total{stage=\"ingress\"").iter().sum();
        assert_eq!(values(&text, "plenum_datagrams_received_total"), [handled + dropped]);
        assert!(handled > 3_000_000_000_000);
    }

    #[test]
    fn histogram_buckets_add_up_and_end_with_all() {
        let text = page(&[snapshot(1), snapshot(2)]);
        let buckets = values(&text, "plenum_forward_seconds_bucket");
        assert!(buckets.is_sorted());
        assert_eq!(buckets.len(), SECONDS_BUCKETS.len() + 1);
        assert_eq!((buckets[0], buckets[1], buckets[SECONDS_BUCKETS.len()]), (0, 30, 33));
        assert_eq!(values(&text, "plenum_forward_seconds_count"), [33]);
    }

    #[test]
    fn segments_per_send_is_the_mean_of_the_messages_by_their_segments() {
        let mut snapshot = ShardSnapshot::default();
        snapshot.net.messages[0] = 10;
        snapshot.net.messages[7] = 5;
        snapshot.net.segments = 50;
        snapshot.net.send_calls = 1;
        snapshot.net.backlog_drops = [1, 2, 4];
        let text = page(&[Arc::new(snapshot.clone()), Arc::new(snapshot)]);
        assert!(text.contains("\nplenum_segments_per_send 3.3333333333333335\n"), "{text}");
        assert!(text.contains("\nplenum_messages_sent_total{segments=\"1\"} 20\n"), "{text}");
        assert!(text.contains("\nplenum_messages_sent_total{segments=\"8\"} 10\n"), "{text}");
        assert!(text.contains("\nplenum_backlog_dropped_total{class=\"video\"} 8\n"), "{text}");
        assert_eq!(values(&text, "plenum_dropped_total{stage=\"egress\",reason=\"backlog\"}"), [14]);
    }

    #[test]
    fn every_family_is_declared_once_and_before_its_samples() {
        let text = page(&[snapshot(1)]);
        let mut declared: Vec<&str> = Vec::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let name = rest.split(' ').next().unwrap();
                assert!(!declared.contains(&name), "{name} twice");
                declared.push(name);
            } else if !line.starts_with('#') {
                assert!(line.starts_with(declared.last().unwrap()), "{line}");
            }
        }
    }
}
