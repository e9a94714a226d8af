//! The results as text: for the terminal, and as the page that is kept.

use std::fmt::Write;
use std::time::Duration;

use super::engine::{COUNTED_PACKETS, TUNABLES};
use super::load::{Figures, Outcome};
use super::scenarios::Scenario;
use super::{Options, Results, targets};

/// A table: how each column is headed, and its cells.
struct Table {
    heads: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

/// Everything in one go, for the terminal.
pub fn table(results: &Results) -> String {
    let mut text = String::new();
    for table in [of_engine(results), of_loads(results), of_targets(results)] {
        if !table.rows.is_empty() {
            text += &format!("{}\n", table.aligned());
        }
    }
    results.notes.iter().for_each(|note| text += &format!("Note: {note}\n"));
    text
}

/// The page.
pub fn page(results: &Results, machine: &[(&str, String)], options: &Options, took: Duration) -> String {
    let mut page = "# What forwarding costs\n\n".to_owned();
    let minutes = took.as_secs_f64() / 60.0;
    let _ =
        writeln!(page, "Measured by `{}` in {minutes:.0} minutes; not written by hand.\n", options.command());
    for (name, value) in machine {
        let _ = writeln!(page, "- {name}: {value}");
    }
    results.notes.iter().for_each(|note| page += &format!("- note: {note}\n"));
    page += "\n![Cost per forwarded packet against viewers](cost.svg)\n";
    section(&mut page, "Targets", &of_targets(results), TARGETS);
    section(&mut page, "The engine alone", &of_engine(results), &engine_text());
    section(&mut page, "End to end", &of_loads(results), LOADS);
    if !results.loads.is_empty() {
        page += "\nThe commands, with the ports of your choice:\n\n```text\n";
        for outcome in &results.loads {
            let [serve, load] = &outcome.commands;
            let _ = writeln!(page, "# {}\n{serve}\n{load}", outcome.scenario.name);
        }
        page += "```\n";
    }
    page
}

const TARGETS: &str = "\
A figure of the machine's clock drifts with the machine, by up to 1.4 between runs here: where a target in microseconds is
missed, it counts as met if the same session's run with a system call per packet costs at least twice as much.";

const LOADS: &str = "\
`plenum load` against the release binary, both on this machine over loopback: one publisher per room, 250 packets/s of
1,200 B without audio unless the row says otherwise. Each run has a server of its own; scenarios take turns; medians of
the runs, in brackets the smallest and the largest; losses are summed up over all runs. The CPU time is all that the
server process used, in user and system mode, over packets that viewers received; segments are datagrams per message
given to the system, handshakes included. `sendto` is the same server with `PLENUM_NET_SEND=sendto`.";

fn engine_text() -> String {
    let (name, value) = TUNABLES;
    format!(
        "\
From a publisher's protected packet to protected packets for all viewers, without sockets: 1,200 B, AES-GCM, viewers
that have sent their first receiver report, retransmission caches full. Nanoseconds are those of the best round and of
the median one; instructions are those of one second of media, sender reports included.

```text
cargo bench --bench forward
{name}={value} \\
  valgrind --tool=callgrind --toggle-collect='*Stage::forward*' FORWARD --once VIEWERS BATCH {COUNTED_PACKETS}
```

FORWARD is the program that the first line names. callgrind counts each byte of a `rep movsb` as an instruction; the
variable makes the C library copy with loops, as it does on processors without that instruction."
    )
}

fn section(page: &mut String, title: &str, table: &Table, text: &str) {
    if !table.rows.is_empty() {
        let _ = write!(page, "\n## {title}\n\n{}\n{text}\n", table.markdown());
    }
}

fn of_engine(results: &Results) -> Table {
    let row = |cost: &super::engine::Cost| {
        let optional = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.0}"));
        vec![
            cost.viewers.to_string(),
            cost.batch.to_string(),
            optional(cost.ns.map(|(best, _)| best)),
            optional(cost.ns.map(|(_, median)| median)),
            optional(cost.instructions),
        ]
    };
    let heads = vec!["viewers", "batch", "ns, best", "ns, median", "instructions"];
    Table { heads, rows: results.engine.iter().map(row).collect() }
}

fn of_loads(results: &Results) -> Table {
    let heads = vec![
        "scenario",
        "us per packet",
        "cores",
        "lost",
        "p50 / p99 / p99.9 ms",
        "segments",
        "KiB per viewer",
        "packets/s per core",
        "generator us",
    ];
    Table { heads, rows: results.loads.iter().map(load_row).collect() }
}

fn load_row(outcome: &Outcome) -> Vec<String> {
    let f = outcome.median();
    let ranged = |figure: fn(&Figures) -> f64, digits: usize| {
        let (low, high) = outcome.range(figure);
        let median = figure(&f);
        match outcome.runs.len() {
            1 => format!("{median:.digits$}"),
            _ => format!("{median:.digits$} ({low:.digits$}-{high:.digits$})"),
        }
    };
    let overflow =
        if f.overflow > 0.0 { format!(", {} in the generator", f.overflow) } else { String::new() };
    let cells = vec![
        what(outcome.scenario, outcome.rate),
        ranged(|f| f.server_us, 2),
        ranged(|f| f.cores, 3),
        format!("{} ({:.3} %{overflow})", f.lost, 100.0 * f.loss),
        format!("{:.2} / {:.2} / {:.2}", f.p50_ms, f.p99_ms, f.p99_9_ms),
        format!("{:.1}", f.segments),
        ranged(|f| f.kib_per_viewer, 0),
        format!("{:.0}", f.packets_per_core()),
        format!("{:.2}", f.client_us),
    ];
    cells.into_iter().map(dashed).collect()
}

/// What was not measured, such as the cost of a packet where none was sent, is a dash.
fn dashed(cell: String) -> String {
    if cell.contains("NaN") { "-".into() } else { cell }
}

fn what(scenario: &Scenario, rate: Option<u32>) -> String {
    let per_second = rate.map(|rate| {
        let all = f64::from(rate) * scenario.viewers();
        format!(": {rate} packets/s each, {all:.0} in all")
    });
    format!("{}{}", scenario.what, per_second.unwrap_or_default())
}

fn of_targets(results: &Results) -> Table {
    let rows = targets::verdicts(results);
    let row = |verdict: targets::Verdict| {
        vec![verdict.what, verdict.figure, verdict.target, verdict.met.to_string()]
    };
    Table {
        heads: vec!["figure", "measured", "target", "verdict"],
        rows: rows.into_iter().map(row).collect(),
    }
}

impl Table {
    fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let heads: Vec<String> = self.heads.iter().map(|head| (*head).to_owned()).collect();
        let rule = format!("|{}\n", " --- |".repeat(self.heads.len()));
        line(&heads) + &rule + &self.rows.iter().map(|row| line(row)).collect::<String>()
    }

    fn aligned(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.chain([self.heads[column].len()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.heads.len()).map(width).collect();
        let heads: Vec<String> = self.heads.iter().map(|head| (*head).to_owned()).collect();
        let mut text = String::new();
        for row in [&heads].into_iter().chain(&self.rows) {
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                // Names to the left, figures to the right.
                let _ = match column {
                    0 => write!(text, "{cell:<width$}"),
                    _ => write!(text, "  {cell:>width$}"),
                };
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_the_same_on_paper_and_on_the_terminal() {
        let table = Table { heads: vec!["a", "bb"], rows: vec![vec!["long".into(), "1".into()]] };
        assert_eq!(table.markdown(), "| a | bb |\n| --- | --- |\n| long | 1 |\n");
        assert_eq!(table.aligned(), "a     bb\nlong   1\n");
    }
}
