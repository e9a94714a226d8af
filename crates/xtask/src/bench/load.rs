//! Loading the release binary: a fresh server for every run, scenarios in turn rather than run after run, so that
//! a machine that gets slower gets slower for all of them.

use std::process::{Command, Stdio};

use super::scenarios::{ALL, Scenario};
use super::server::{self, Server};
use super::{Options, json};

/// How the server is built.
pub const BUILD: &[&str] = &["build", "--release", "--workspace", "--bin", "plenum", "--quiet"];
/// A rate that loses more than this is beyond saturation.
const BEARABLE_LOSS: f64 = 0.001;

/// What one run has shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    /// CPU microseconds of the server per packet received by a viewer.
    pub server_us: f64,
    /// CPU microseconds of the generator for it.
    pub client_us: f64,
    /// Of one core, by the server.
    pub cores: f64,
    /// Packets that never came.
    pub lost: f64,
    /// Of all that should have.
    pub loss: f64,
    /// Milliseconds from writing a packet to its arrival, by quantile.
    pub p50_ms: f64,
    /// See [`Self::p50_ms`].
    pub p99_ms: f64,
    /// See [`Self::p50_ms`].
    pub p99_9_ms: f64,
    /// Datagrams per message given to the system.
    pub segments: f64,
    /// Growth of the server's memory, per viewer.
    pub kib_per_viewer: f64,
    /// Datagrams lost in the generator's own receive buffers.
    pub overflow: f64,
    /// Sessions that failed.
    pub failed: f64,
}

impl Figures {
    /// Packets per second that one busy core would forward.
    pub fn packets_per_core(&self) -> f64 {
        1e6 / self.server_us
    }
}

/// What the runs of a scenario have shown.
#[derive(Debug)]
pub struct Outcome {
    /// Which.
    pub scenario: &'static Scenario,
    /// Packets/s of each publisher, if it was searched for.
    pub rate: Option<u32>,
    /// One per run.
    pub runs: Vec<Figures>,
    /// The command line of the server and that of the generator.
    pub commands: [String; 2],
}

impl Outcome {
    /// The median of the runs. For losses, their sum: one bad run is not outvoted.
    pub fn median(&self) -> Figures {
        let of = |figure: fn(&Figures) -> f64| {
            let mut values: Vec<f64> = self.runs.iter().map(figure).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let sum = |figure: fn(&Figures) -> f64| self.runs.iter().map(figure).sum::<f64>();
        Figures {
            server_us: of(|f| f.server_us),
            client_us: of(|f| f.client_us),
            cores: of(|f| f.cores),
            lost: sum(|f| f.lost),
            loss: sum(|f| f.loss) / self.runs.len() as f64,
            p50_ms: of(|f| f.p50_ms),
            p99_ms: of(|f| f.p99_ms),
            p99_9_ms: of(|f| f.p99_9_ms),
            segments: of(|f| f.segments),
            kib_per_viewer: of(|f| f.kib_per_viewer),
            overflow: sum(|f| f.overflow),
            failed: sum(|f| f.failed),
        }
    }

    /// The smallest and the largest of a figure.
    pub fn range(&self, figure: fn(&Figures) -> f64) -> (f64, f64) {
        let values = self.runs.iter().map(figure);
        values
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    }
}

/// Runs the chosen scenarios, all of them once, then all again. A run that fails is noted, and the others go on.
/// A rate that was searched for has to be borne by every run: one that is not is given up for the next lower one,
/// which is then run as often as the others.
pub fn measure(options: &Options, notes: &mut Vec<String>) -> Vec<Outcome> {
    let seconds = if options.quick { 3 } else { 10 };
    let chosen = ALL.iter().filter(|scenario| options.wants_scenario(scenario.name));
    let mut outcomes: Vec<Outcome> = chosen.map(|scenario| Outcome::empty(scenario, seconds)).collect();
    for round in 1..=options.runs() {
        for outcome in &mut outcomes {
            println!("== {} ({round} of {})", outcome.scenario.name, options.runs());
            if let Err(why) = outcome.run_again(seconds) {
                eprintln!("{why}");
                notes.push(format!("run {round} of {}: {why}", outcome.scenario.name));
            }
        }
    }
    for outcome in outcomes.iter_mut().filter(|outcome| outcome.rate.is_some()) {
        while outcome.runs.len() < options.runs() {
            println!("== {} (again at a lower rate)", outcome.scenario.name);
            if let Err(why) = outcome.run_again(seconds) {
                notes.push(format!("{}: {why}", outcome.scenario.name));
                break;
            }
        }
    }
    outcomes.retain(|outcome| !outcome.runs.is_empty());
    outcomes
}

impl Outcome {
    fn empty(scenario: &'static Scenario, seconds: u32) -> Self {
        Self { scenario, rate: None, runs: Vec::new(), commands: commands(scenario, None, seconds) }
    }

    fn run_again(&mut self, seconds: u32) -> Result<(), String> {
        let figures = match (self.rate, self.scenario.rates) {
            (None, [_, ..]) => self.find_rate(seconds)?,
            _ => run(self.scenario, self.rate, seconds)?,
        };
        if figures.loss >= BEARABLE_LOSS
            && let Some(lower) = self.next_lower_rate()
        {
            println!("   {:.2} % lost: {lower} packets/s per room instead", 100.0 * figures.loss);
            (self.rate, self.commands) = (Some(lower), commands(self.scenario, Some(lower), seconds));
            self.runs.clear();
            return Ok(());
        }
        println!("   {:.3} cores, {} lost", figures.cores, figures.lost);
        self.runs.push(figures);
        Ok(())
    }

    fn next_lower_rate(&self) -> Option<u32> {
        self.scenario.rates.iter().copied().find(|rate| self.rate.is_some_and(|current| *rate < current))
    }

    /// Takes the highest rate that is borne; the lowest if none is.
    fn find_rate(&mut self, seconds: u32) -> Result<Figures, String> {
        let mut last = Figures::default();
        for rate in self.scenario.rates {
            last = run(self.scenario, Some(*rate), seconds)?;
            println!(
                "   {rate} packets/s per room: {:.2} % lost, {:.2} cores",
                100.0 * last.loss,
                last.cores
            );
            self.rate = Some(*rate);
            if last.loss < BEARABLE_LOSS {
                break;
            }
        }
        self.commands = commands(self.scenario, self.rate, seconds);
        Ok(last)
    }
}

/// One run against a fresh server.
fn run(scenario: &Scenario, rate: Option<u32>, seconds: u32) -> Result<Figures, String> {
    let server = Server::start(scenario.serve, scenario.environment)?;
    let before = server.sent()?;
    let mut load = Command::new(server::program());
    load.arg("load").args(scenario.load_arguments(rate, seconds)).args(["--json", "--url", &server.http]);
    load.args(["--server-pid", &server.pid().to_string()]);
    let output = load.stderr(Stdio::inherit()).output().map_err(|error| format!("plenum load: {error}"))?;
    let after = server.sent()?;
    let report = String::from_utf8_lossy(&output.stdout);
    let number = |key: &str| json::number(&report, key);
    let needed = |key: &str| number(key).ok_or_else(|| format!("no {key} in the report {report:?}"));
    Ok(Figures {
        // Where nothing is sent, nothing is received that it could be shared by.
        server_us: number("server_cpu_us_per_packet").unwrap_or(f64::NAN),
        client_us: number("client_cpu_us_per_packet").unwrap_or(f64::NAN),
        cores: needed("server_cores")?,
        lost: needed("lost")?,
        loss: needed("loss")?,
        // Where nobody decrypts there is no latency.
        p50_ms: number("latency_ms.p50").unwrap_or(f64::NAN),
        p99_ms: number("latency_ms.p99").unwrap_or(f64::NAN),
        p99_9_ms: number("latency_ms.p99_9").unwrap_or(f64::NAN),
        segments: (after.0 - before.0) / (after.1 - before.1),
        kib_per_viewer: needed("server_rss_kb_per_viewer")?,
        overflow: needed("generator_overflow")?,
        failed: needed("failed")?,
    })
}

/// As they could be typed.
fn commands(scenario: &Scenario, rate: Option<u32>, seconds: u32) -> [String; 2] {
    let environment = scenario.environment.iter().map(|(name, value)| format!("{name}={value} "));
    let serve = format!("{}plenum serve {}", environment.collect::<String>(), scenario.serve.join(" "));
    let load = scenario.load_arguments(rate, seconds).join(" ");
    [serve, format!("plenum load {load} --server-pid $(pidof -s plenum)")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_that_is_not_borne_gives_way_to_the_next_lower_one() {
        let saturation = ALL.iter().find(|scenario| !scenario.rates.is_empty()).unwrap();
        let mut outcome = Outcome::empty(saturation, 3);
        assert_eq!(outcome.next_lower_rate(), None, "none was tried");
        outcome.rate = Some(saturation.rates[0]);
        assert_eq!(outcome.next_lower_rate(), Some(saturation.rates[1]));
        outcome.rate = saturation.rates.last().copied();
        assert_eq!(outcome.next_lower_rate(), None);
    }

    #[test]
    fn the_median_counts_but_losses_add_up() {
        let run = |server_us, lost| Figures { server_us, lost, ..Figures::default() };
        let mut outcome = Outcome::empty(&ALL[0], 3);
        outcome.runs = vec![run(9.0, 0.0), run(5.0, 7.0), run(6.0, 1.0)];
        assert_eq!((outcome.median().server_us, outcome.median().lost), (6.0, 8.0));
        assert_eq!(outcome.range(|f| f.server_us), (5.0, 9.0));
    }
}
