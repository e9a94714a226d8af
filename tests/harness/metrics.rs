//! Reading `/metrics`: the Prometheus text format, as far as sums and lookups need it.

/// One scrape: all samples in their order.
#[derive(Debug, Clone)]
pub struct Scrape {
    samples: Vec<Sample>,
}

#[derive(Debug, Clone)]
struct Sample {
    name: String,
    labels: String,
    value: f64,
}

impl Scrape {
    /// Parses the text format. Panics on a line that is neither a comment nor a sample.
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self { samples: lines.map(parse_sample).collect() }
    }

    /// The sum over all labels of a metric; 0 if it is absent.
    pub fn sum(&self, name: &str) -> f64 {
        self.sum_where(name, &[])
    }

    /// The sum over all samples that carry each of these labels.
    pub fn sum_where(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let wanted: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
        self.samples
            .iter()
            .filter(|sample| sample.name == name && wanted.iter().all(|label| sample.labels.contains(label)))
            .map(|sample| sample.value)
            .sum()
    }

    /// Whether a metric of this name is there at all.
    pub fn has(&self, name: &str) -> bool {
        self.samples.iter().any(|sample| sample.name == name)
    }

    /// The contract's sum: every datagram received was handled or dropped at `ingress`.
    #[track_caller]
    pub fn assert_every_datagram_is_accounted_for(&self) {
        let received = self.sum("plenum_datagrams_received_total");
        let handled = self.sum("plenum_datagrams_handled_total");
        let dropped = self.sum_where("plenum_dropped_total", &[("stage", "ingress")]);
        assert_eq!(received, handled + dropped, "{received} received, {handled} handled, {dropped} dropped");
    }
}

fn parse_sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("not a sample: {line}"));
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    Sample {
        name: name.to_owned(),
        labels: labels.trim_end_matches('}').to_owned(),
        value: value.parse().unwrap_or_else(|_| panic!("not a number: {line}")),
    }
}
