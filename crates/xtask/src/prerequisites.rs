//! What the steps need beyond cargo: found, else installed, else named exactly.
//!
//! Debian packages are installed when we are root; npm and Python packages always, from
//! `tests/clients/package-lock.json` and `tests/clients/requirements.txt`, into `node_modules` beside
//! them and a virtual environment below `target/`. Nothing else on the machine is touched.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::steps::{Step, root, run_command};

/// Something that a step needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// `cargo fmt`
    Rustfmt,
    /// `cargo clippy`
    Clippy,
    /// Node 18.20 or later.
    Node,
    /// `npm`
    Npm,
    /// `python3` with `venv` and `pip`.
    Python,
    /// `chromium`
    Chromium,
    /// `firefox-esr`
    Firefox,
    /// `valgrind`
    Valgrind,
    /// The modules of `tests/clients/package-lock.json`.
    NpmPackages,
    /// The packages of `tests/clients/requirements.txt`.
    PythonPackages,
}

/// Makes sure of everything that `steps` need.
pub fn install(steps: &[&Step]) -> Result<(), String> {
    let mut needs: Vec<Need> = steps.iter().flat_map(|step| step.needs).copied().collect();
    needs.sort_unstable();
    needs.dedup();
    install_rust_components(&needs)?;
    install_debian_packages(&needs)?;
    if needs.contains(&Need::NpmPackages) {
        install_npm_packages()?;
    }
    if needs.contains(&Need::PythonPackages) {
        install_python_packages()?;
    }
    Ok(())
}

/// Installs what counting instructions takes if that can be done; a benchmark does without if it cannot.
pub fn offer_callgrind() -> Result<(), String> {
    if let Err(why) = install_debian_packages(&[Need::Valgrind]) {
        eprintln!("{why}");
    }
    Ok(())
}

fn install_rust_components(needs: &[Need]) -> Result<(), String> {
    for (need, subcommand, component) in
        [(Need::Rustfmt, "fmt", "rustfmt"), (Need::Clippy, "clippy", "clippy")]
    {
        if !needs.contains(&need) || runs("cargo", &[subcommand, "--version"]) {
            continue;
        }
        println!("== Installing {component}");
        run_command(Command::new("rustup").args(["component", "add", component]))
            .map_err(|why| format!("{component} is missing; install it with your Rust toolchain ({why})"))?;
    }
    Ok(())
}

fn install_debian_packages(needs: &[Need]) -> Result<(), String> {
    let packages = missing_packages(needs);
    if packages.is_empty() {
        return Ok(());
    }
    let by_hand = format!("apt-get install --no-install-recommends {}", packages.join(" "));
    if !runs("apt-get", &["--version"]) {
        return Err(format!("Missing; on Debian they are called: {}", packages.join(" ")));
    }
    if !is_root() {
        return Err(format!("Missing. Run this first:\n    sudo {by_hand}"));
    }
    println!("== {by_hand}");
    apt_get(&["update", "--quiet"])?;
    let mut arguments = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    arguments.extend(&packages);
    apt_get(&arguments)?;
    match missing_packages(needs) {
        still if still.is_empty() => Ok(()),
        still => Err(format!("Installed, and still not usable: {}", still.join(" "))),
    }
}

fn missing_packages(needs: &[Need]) -> Vec<&'static str> {
    needs.iter().filter(|need| !need.is_met()).flat_map(|need| need.debian_packages()).copied().collect()
}

fn install_npm_packages() -> Result<(), String> {
    let clients = root().join("tests/clients");
    let lock = clients.join("package-lock.json");
    let stamp = clients.join("node_modules/.plenum-installed");
    if is_stamped(&stamp, &lock) {
        return Ok(());
    }
    println!("== npm ci");
    run_command(
        Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&clients),
    )?;
    stamp_with(&stamp, &lock)
}

fn install_python_packages() -> Result<(), String> {
    let requirements = root().join("tests/clients/requirements.txt");
    let environment = target_directory().join("test-clients/python");
    let stamp = environment.join(".plenum-installed");
    if is_stamped(&stamp, &requirements) {
        return Ok(());
    }
    println!("== pip install into {}", environment.display());
    run_command(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
    run_command(
        Command::new(environment.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "-r"])
            .arg(&requirements),
    )?;
    stamp_with(&stamp, &requirements)
}

/// Whether the packages of exactly this `list` were installed completely.
fn is_stamped(stamp: &Path, list: &Path) -> bool {
    matches!((std::fs::read(stamp), std::fs::read(list)), (Ok(then), Ok(now)) if then == now)
}

fn stamp_with(stamp: &Path, list: &Path) -> Result<(), String> {
    std::fs::copy(list, stamp).map(|_| ()).map_err(|error| format!("{}: {error}", stamp.display()))
}

/// Where cargo builds.
pub fn target_directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

fn apt_get(arguments: &[&str]) -> Result<(), String> {
    run_command(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
}

impl Need {
    fn is_met(self) -> bool {
        match self {
            Self::Node => node_is_recent_enough(),
            Self::Npm => runs("npm", &["--version"]),
            Self::Python => runs("python3", &["-c", "import ensurepip, venv"]),
            Self::Chromium => runs("chromium", &["--version"]),
            Self::Firefox => runs("firefox-esr", &["--version"]),
            Self::Valgrind => runs("valgrind", &["--version"]),
            Self::Rustfmt | Self::Clippy | Self::NpmPackages | Self::PythonPackages => true,
        }
    }

    fn debian_packages(self) -> &'static [&'static str] {
        match self {
            Self::Node => &["nodejs"],
            Self::Npm => &["npm"],
            Self::Python => &["python3", "python3-venv"],
            // Without any font, screenshots show boxes for letters.
            Self::Chromium => &["chromium", "fonts-dejavu-core"],
            Self::Firefox => &["firefox-esr"],
            // Without the C library's symbols it does not start.
            Self::Valgrind => &["valgrind", "libc6-dbg"],
            Self::Rustfmt | Self::Clippy | Self::NpmPackages | Self::PythonPackages => &[],
        }
    }
}

fn node_is_recent_enough() -> bool {
    let check = "const [major, minor] = process.versions.node.split('.').map(Number);\
                 process.exit(major > 18 || (major === 18 && minor >= 20) ? 0 : 1)";
    runs("node", &["-e", check])
}
