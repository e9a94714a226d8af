//! `plenum serve`: everything brought up in order, kept running, and taken down in order.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use plenum_engine::{Command, DtlsIdentity, Event};
use plenum_model::CloseReason;
use plenum_net::{Endpoint, MediaSocket, ShardConfig, ShardHandle};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::app::{App, Shard};
use crate::conference::Halls;
use crate::config::{Config, ConfigError, Flags, Mode};
use crate::directory::{Directory, Placement, Seating};
use crate::drain::{Drain, Signals, until_end};
use crate::http::accept::{self, Bounds};
use crate::metrics::Recorder;
use crate::welcome::{Addresses, announce};
use crate::{admin, auth, config, events, http, logging, media};

/// Why the server did not start: one line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is refused.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// A TCP port cannot be had.
    #[error("{key}: cannot listen on {address}: {error}")]
    Listen {
        /// Whose port.
        key: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// A media port cannot be had.
    #[error("media.port: {0}")]
    Media(#[from] plenum_net::BindError),
    /// The system refused something else.
    #[error("{0}")]
    System(#[from] io::Error),
}

/// How long sessions that are closed at the end may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);
/// How often raw metric samples are folded, scraped or not.
const UPKEEP: Duration = Duration::from_secs(5);

/// A configuration that may start, and what follows from it.
pub struct Checked {
    /// The configuration.
    pub config: Config,
    /// Dev mode, open or not.
    pub mode: Mode,
    /// How many shards.
    pub shards: u16,
}

/// Reads the configuration and refuses what must not start.
pub fn check(flags: &Flags) -> Result<Checked, ConfigError> {
    let config = config::load(flags, std::env::vars_os().filter_map(as_text))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    config.check(cores)?;
    let mode = Mode::of(&config, flags)?;
    let shards = config.media.shards.count(cores);
    Ok(Checked { config, mode, shards })
}

/// Variables that are not Unicode are not ours.
fn as_text((name, value): (std::ffi::OsString, std::ffi::OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

/// Runs until a signal ends it.
pub fn run(flags: &Flags) -> Result<(), StartError> {
    let checked = check(flags)?;
    let _log = logging::start(&checked.config.log)?;
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("control").build()?;
    runtime.block_on(serve(checked))
}

/// Each connection is a descriptor; the soft limit is often 1,024.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, ..limit };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, "the limit of file descriptors stays at {:?}", limit.current);
        }
    }
}

async fn serve(checked: Checked) -> Result<(), StartError> {
    let Checked { config, mode, shards } = checked;
    // Signals first: whoever reads the ready line may send one at once.
    let mut signals = Signals::listen(mode.dev)?;
    let http = listen("http.port", config.http.bind, config.http.port).await?;
    let admin = listen("admin.port", config.admin.bind, config.admin.port).await?;
    let sockets = media::bind(&config.media, shards)?;
    let addresses = Addresses {
        http: http.local_addr()?,
        admin: admin.local_addr()?,
        media: sockets.iter().map(MediaSocket::local_addr).collect(),
    };
    let host = host_addresses();
    let (report, reports) = mpsc::unbounded_channel();
    let shards = spawn_shards(&config, sockets, &host, &report)?;
    drop(report);
    let app = Arc::new(new_app(&config, mode, shards)?);
    let recorder = Recorder::install();
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(events::run(app.directory.clone(), app.halls.clone(), reports));
    tokio::spawn(send_away(app.clone()));
    tokio::spawn(keep_up(recorder.clone()));
    let bounds = bounds(&config, mode);
    let doors = [
        tokio::spawn(accept::run(http, http::router(app.clone()), bounds.clone(), stopped.clone())),
        tokio::spawn(accept::run(admin, admin::router(app.clone(), recorder), bounds, stopped)),
    ];
    announce(&addresses, mode, config.log.format, &host)?;
    until_end(&app.drain, &mut signals, app.empty(), config.drain_timeout).await;
    take_down(&app, &stop, doors).await;
    Ok(())
}

async fn listen(key: &'static str, ip: IpAddr, port: u16) -> Result<TcpListener, StartError> {
    let address = SocketAddr::new(ip, port);
    TcpListener::bind(address).await.map_err(|error| StartError::Listen { key, address, error })
}

fn host_addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    interfaces.iter().map(if_addrs::Interface::ip).collect()
}

fn spawn_shards(
    config: &Config,
    sockets: Vec<MediaSocket>,
    host: &[IpAddr],
    report: &UnboundedSender<(u16, Event)>,
) -> Result<Vec<Arc<Shard>>, StartError> {
    // A single shard is left to the scheduler: it may be one of many processes on the machine.
    let pinned = sockets.len() > 1;
    let endpoints = plenum_net::mesh(sockets.len() as u16)?;
    let spawn =
        |(shard, (socket, endpoint)): (u16, (MediaSocket, Endpoint))| -> Result<Arc<Shard>, StartError> {
            let mut seed = [0; 8];
            getrandom::fill(&mut seed).map_err(io::Error::other)?;
            let handle = plenum_net::spawn(
                ShardConfig {
                    shard,
                    seed: u64::from_ne_bytes(seed),
                    candidates: media::candidates(&config.media, shard, socket.local_addr(), host),
                    socket,
                    pin_to: pinned.then_some(usize::from(shard)),
                    endpoint,
                },
                report.clone(),
            )?;
            Ok(Arc::new(Shard::new(handle)))
        };
    (0..).zip(sockets.into_iter().zip(endpoints)).map(spawn).collect()
}

fn new_app(config: &Config, mode: Mode, shards: Vec<Arc<Shard>>) -> Result<App, StartError> {
    let keyring = auth::keyring(&config.auth).map_err(|error| ConfigError::new(error.to_string()))?;
    let seating = shards.iter().map(|shard| shard.clone() as Arc<dyn Seating>).collect();
    Ok(App {
        directory: Arc::new(Directory::new(Placement::new(seating, config.media.spill_after))),
        halls: Arc::new(Halls::new(&config.rooms)),
        shards,
        keyring,
        mode,
        trusted_proxies: config.http.trusted_proxies.clone(),
        allowed_origins: config.http.allowed_origins.clone(),
        drain: Arc::new(Drain::default()),
        dtls: DtlsIdentity::generate(),
    })
}

/// Proxies bring many people over one address; in dev mode so does loopback.
fn bounds(config: &Config, mode: Mode) -> Bounds {
    let mut exempt = config.http.trusted_proxies.clone();
    if mode.dev {
        let loopback: [IpNet; 2] = ["127.0.0.0/8", "::1/128"].map(|net| net.parse().expect("a network"));
        exempt.extend(loopback);
    }
    Bounds { exempt, ..Bounds::default() }
}

async fn keep_up(recorder: Recorder) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        recorder.run_upkeep();
    }
}

/// Draining, those in rooms are asked to go elsewhere.
async fn send_away(app: Arc<App>) {
    app.drain.begun().await;
    app.halls.send_away();
}

/// Closes what is left, lets the goodbyes out, then ends the listeners and the shards.
async fn take_down(app: &App, stop: &watch::Sender<bool>, doors: [JoinHandle<()>; 2]) {
    app.drain.begin();
    app.halls.close();
    for shard in &app.shards {
        let _ = shard.handle.call(Command::CloseAll { reason: CloseReason::Shutdown }).await;
    }
    let goodbyes = async { tokio::join!(app.directory.empty(), app.halls.silent()) };
    let _ = tokio::time::timeout(GOODBYE, goodbyes).await;
    stop.send_replace(true);
    for door in doors {
        let _ = door.await;
    }
    let handles: Vec<ShardHandle> = app.shards.iter().map(|shard| shard.handle.clone()).collect();
    let stopping = tokio::task::spawn_blocking(move || handles.iter().for_each(ShardHandle::stop));
    let _ = stopping.await;
    tracing::info!("stopped");
}
