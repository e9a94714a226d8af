//! `/metrics`: every name is in this folder. What the control plane counts goes through the `metrics`
//! crate, here; what the shards count is rendered from one snapshot per shard, in [`shards`], so that
//! sums hold exactly in every scrape. Labels take values from fixed sets only.

mod shards;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::{counter, describe_counter, describe_histogram, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use plenum_model::{CloseReason, SECONDS_BUCKETS};

use crate::app::App;
use crate::directory::SessionKind;
use shards::Page;

const HTTP_REQUESTS: &str = "plenum_http_requests_total";
const CONNECTIONS_REFUSED: &str = "plenum_http_connections_refused_total";
const SESSIONS_ENDED: &str = "plenum_sessions_ended_total";
const MESSAGES_REFUSED: &str = "plenum_messages_refused_total";
const SLOW_SOCKETS: &str = "plenum_websockets_too_slow_total";
const JOIN: &str = "plenum_join_seconds";
const FIRST_PACKET: &str = "plenum_first_packet_seconds";

/// Panics outside of the shards, which count their own.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// An HTTP request was answered. `route` is a template, never a path.
pub fn count_request(route: &str, status: u16) {
    counter!(HTTP_REQUESTS, "route" => route.to_owned(), "status" => status.to_string()).increment(1);
}

/// A connection was refused before it could ask for anything.
pub fn count_refused_connection(reason: &'static str) {
    counter!(CONNECTIONS_REFUSED, "reason" => reason).increment(1);
}

/// A session ended.
pub fn count_end(reason: CloseReason) {
    counter!(SESSIONS_ENDED, "reason" => reason.as_str()).increment(1);
}

/// A message of the room protocol was answered with an error.
pub fn count_refused_message() {
    counter!(MESSAGES_REFUSED).increment(1);
}

/// A WebSocket was closed because its peer did not read.
pub fn count_slow_socket() {
    counter!(SLOW_SOCKETS).increment(1);
}

/// Something panicked and was caught; the panic itself is in the log.
pub fn count_panic(place: &'static str) {
    PANICS.fetch_add(1, Ordering::Relaxed);
    tracing::error!(place, "caught a panic");
}

/// From the request to ICE and DTLS being up.
pub fn record_join(after: Duration) {
    histogram!(JOIN).record(after);
}

/// From admission to the first media packet of a viewer.
pub fn record_first_packet(after: Duration) {
    histogram!(FIRST_PACKET).record(after);
}

/// The control plane's half of a scrape.
#[derive(Clone)]
pub struct Recorder(PrometheusHandle);

impl Recorder {
    /// Takes over everything counted in this process from now on. To be called once.
    pub fn install() -> Self {
        let builder = PrometheusBuilder::new().set_buckets(&SECONDS_BUCKETS).expect("buckets are not empty");
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).expect("metrics are installed once");
        describe_counter!(HTTP_REQUESTS, "HTTP requests answered, by route template and status.");
        describe_counter!(CONNECTIONS_REFUSED, "TCP connections refused by a bound of the accept loop.");
        describe_counter!(SESSIONS_ENDED, "Sessions that are over, by reason.");
        describe_counter!(
            MESSAGES_REFUSED,
            "Messages of the room protocol that were answered with an error."
        );
        describe_counter!(SLOW_SOCKETS, "WebSockets closed because their peer did not read.");
        describe_histogram!(JOIN, "From the request of a session to ICE and DTLS being up.");
        describe_histogram!(FIRST_PACKET, "From the admission of a viewer to its first media packet.");
        Self(handle)
    }

    /// Folds raw samples into buckets; without scrapes they would pile up.
    pub fn run_upkeep(&self) {
        self.0.run_upkeep();
    }

    /// A whole scrape.
    pub async fn render(&self, app: &App) -> String {
        let mut page = Page::new(self.0.render());
        page.gauge("build_info", "What is running.", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
        let sessions =
            SessionKind::ALL.map(|kind| (vec![("kind", kind.as_str())], app.directory.count(kind) as f64));
        page.gauges("sessions", "Sessions, by kind.", &sessions);
        let halls = &app.halls;
        page.gauge("conferences", "Rooms that are open, empty ones among them.", &[], halls.rooms() as f64);
        page.gauge("members", "Members of rooms, WHIP publishers among them.", &[], halls.members() as f64);
        page.gauge("websockets", "Open WebSockets.", &[], halls.sockets() as f64);
        page.shards(&shards::snapshots(app).await, PANICS.load(Ordering::Relaxed));
        page.finish()
    }
}
