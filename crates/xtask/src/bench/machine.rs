//! What the figures were measured on.

use std::process::Command;

use crate::steps::root;

/// Lines of `name: value`.
pub fn describe() -> Vec<(&'static str, String)> {
    vec![
        ("CPU", cpu_model().unwrap_or_else(unknown)),
        ("cores", std::thread::available_parallelism().map_or_else(|_| unknown(), |n| n.to_string())),
        ("kernel", first_line("uname", &["-sr"])),
        ("rustc", first_line("rustc", &["--version"])),
        ("commit", commit()),
        ("date", first_line("date", &["-u", "+%Y-%m-%d %H:%M UTC"])),
    ]
}

fn cpu_model() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let field = |name: &str| {
        let line = text.lines().find(|line| line.split(':').next().is_some_and(|key| key.trim() == name))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    // Virtual machines often hide the model's number; family and model still tell the generation.
    let generation = Some(format!("family {}, model {}", field("cpu family")?, field("model")?));
    Some(format!("{} ({})", field("model name")?, generation?))
}

/// The commit, and whether the tree differs from it.
fn commit() -> String {
    let hash = first_line("git", &["rev-parse", "--short=12", "HEAD"]);
    let changed =
        Command::new("git").args(["status", "--porcelain", "--", "crates"]).current_dir(root()).output();
    match changed {
        Ok(output) if !output.stdout.is_empty() => format!("{hash} with changes"),
        _ => hash,
    }
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(root()).output();
    let text = output.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
    text.and_then(|text| text.lines().next().map(str::to_owned)).unwrap_or_else(unknown)
}

fn unknown() -> String {
    "unknown".to_owned()
}
