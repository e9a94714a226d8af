//! The cost of a forwarded packet against the number of viewers, as an SVG that reads in light and dark.

use std::fmt::Write;

use super::Results;
use super::engine::Cost;
use super::load::Outcome;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 360.0;
/// Of one panel, and the first one's left edge.
const PANEL: (f64, f64) = (244.0, 220.0);
const TOP: f64 = 64.0;
const LEFT: f64 = 58.0;
const PITCH: f64 = 312.0;
const VIEWERS: [f64; 4] = [1.0, 10.0, 100.0, 500.0];

/// Blue, orange and grey that keep their contrast on white and on near-black.
const STYLE: &str = "\
svg { font: 12px system-ui, sans-serif; }
.paper { fill: #ffffff; } text { fill: #1f2430; } .quiet { fill: #596070; } .grid { stroke: #dfe3ea; } .dot { stroke: #ffffff; }
.s0 { --c: #1f6feb; } .s1 { --c: #d9480f; } .s2 { --c: #6b7280; }
@media (prefers-color-scheme: dark) {
  .paper { fill: #14171d; } text { fill: #e6e9ef; } .quiet { fill: #9aa3b2; } .grid { stroke: #2c323d; } .dot { stroke: #14171d; }
  .s0 { --c: #6ea8ff; } .s1 { --c: #ff9a5c; } .s2 { --c: #a3abb8; }
}
.line { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round; }
.dot { fill: var(--c); stroke-width: 1.5; } .key { fill: var(--c); font-weight: 600; }
.title { font-size: 13px; font-weight: 600; }";

/// A line in a panel: its name and its points, by viewers.
struct Series {
    name: &'static str,
    points: Vec<(f64, f64)>,
}

struct Panel {
    title: &'static str,
    series: Vec<Series>,
}

/// The plot; panels without figures are left out.
pub fn draw(results: &Results) -> String {
    let panels: Vec<Panel> = [instructions(&results.engine), time(&results.engine), server(&results.loads)]
        .into_iter()
        .filter(|panel| panel.series.iter().any(|series| !series.points.is_empty()))
        .collect();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"Cost per forwarded packet against the number of viewers\">\n<style>{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"8\"/>\n"
    );
    for (index, panel) in panels.iter().enumerate() {
        panel.draw(LEFT + PITCH * index as f64, &mut svg);
    }
    svg + "</svg>\n"
}

fn instructions(costs: &[Cost]) -> Panel {
    Panel { title: "Engine: instructions per packet", series: by_batch(costs, |cost| cost.instructions) }
}

fn time(costs: &[Cost]) -> Panel {
    let best = |cost: &Cost| cost.ns.map(|(best, _)| best);
    Panel { title: "Engine: nanoseconds per packet", series: by_batch(costs, best) }
}

fn by_batch(costs: &[Cost], figure: impl Fn(&Cost) -> Option<f64>) -> Vec<Series> {
    let of = |batch: usize| {
        let costs = costs.iter().filter(|cost| cost.batch == batch);
        costs.filter_map(|cost| Some((cost.viewers as f64, figure(cost)?))).collect()
    };
    vec![
        Series { name: "one packet at a time", points: of(1) },
        Series { name: "batches of 8", points: of(8) },
    ]
}

fn server(loads: &[Outcome]) -> Panel {
    let of = |names: &[&str]| {
        let outcomes = names.iter().filter_map(|name| loads.iter().find(|o| o.scenario.name == *name));
        outcomes.map(|outcome| (outcome.scenario.viewers(), outcome.median().server_us)).collect()
    };
    let series = vec![
        Series { name: "paced", points: of(&["paced-10", "paced-50", "paced-100"]) },
        Series { name: "bursts of 8", points: of(&["bursts-100", "bursts-500"]) },
        Series { name: "bursts, sendto", points: of(&["bursts-100-sendto", "bursts-500-sendto"]) },
    ];
    Panel { title: "Server: CPU microseconds per packet", series }
}

impl Panel {
    fn draw(&self, left: f64, svg: &mut String) {
        let (width, height) = PANEL;
        let top = self.series.iter().flat_map(|s| &s.points).map(|(_, y)| *y).fold(0.0, f64::max);
        let step = nice_step(top);
        let ceiling = (top / step).ceil() * step;
        let x = |viewers: f64| left + viewers.ln() / VIEWERS[3].ln() * width;
        let y = |value: f64| TOP + height - value / ceiling * height;
        let _ = writeln!(svg, "<text class=\"title\" x=\"{left:.0}\" y=\"28\">{}</text>", self.title);
        for tick in 0..=(ceiling / step).round() as u32 {
            let (value, edge) = (f64::from(tick) * step, left + width);
            let (at, label) = (y(value), thousands(value));
            let _ = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{left:.0}\" x2=\"{edge:.0}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
                 <text class=\"quiet\" x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                left - 8.0,
                at + 4.0
            );
        }
        for viewers in VIEWERS {
            let _ = writeln!(
                svg,
                "<text class=\"quiet\" x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{viewers}</text>",
                x(viewers),
                TOP + height + 20.0
            );
        }
        let _ = writeln!(
            svg,
            "<text class=\"quiet\" x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">viewers</text>",
            left + width / 2.0,
            TOP + height + 40.0
        );
        self.draw_series(left, svg, x, y);
    }

    fn draw_series(&self, left: f64, svg: &mut String, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) {
        let mut key_at = left;
        for (number, series) in self.series.iter().enumerate().filter(|(_, series)| !series.points.is_empty())
        {
            let points: Vec<(f64, f64)> = series.points.iter().map(|(n, value)| (x(*n), y(*value))).collect();
            let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let _ = writeln!(
                svg,
                "<g class=\"s{number}\"><polyline class=\"line\" points=\"{}\"/>\
                 <text class=\"key\" x=\"{key_at:.0}\" y=\"48\">{}</text>",
                path.join(" "),
                series.name
            );
            for ((x, y), (viewers, value)) in points.iter().zip(&series.points) {
                let _ = writeln!(
                    svg,
                    "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"><title>{viewers} viewers: {}</title></circle>",
                    thousands(*value)
                );
            }
            *svg += "</g>\n";
            // Wide enough for the font at its size.
            key_at += 7.0 * series.name.len() as f64 + 14.0;
        }
    }
}

/// A round distance between grid lines, so that there are four to eight of them.
fn nice_step(top: f64) -> f64 {
    let magnitude = 10_f64.powf((top.max(1e-9) / 4.0).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * magnitude);
    steps.into_iter().find(|step| top / step <= 8.0).unwrap_or(10.0 * magnitude)
}

/// With a comma in thousands, and decimals for small values only.
fn thousands(value: f64) -> String {
    match value {
        _ if value >= 1_000.0 => {
            let whole = value.round() as u64;
            format!("{},{:03}", whole / 1_000, whole % 1_000)
        }
        _ if value == value.round() => format!("{value:.0}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_are_round_and_neither_empty_nor_crowded() {
        for top in [0.9, 3.0, 9.4, 12_000.0, 47_000.0] {
            let lines = (top / nice_step(top)).ceil();
            assert!((3.0..=8.0).contains(&lines), "{lines} lines up to {top}");
        }
    }

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!([12_000.0, 4.0, 0.25].map(thousands), ["12,000", "4", "0.25"]);
    }
}
