//! The command line: what starts, what refuses to start and says why, and which setting wins.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Output;
use std::time::{Duration, Instant};

use plenum_tests::{ConfigFile, Options, Plenum, offers, run_binary, wait_until};

const DEADLINE: Duration = Duration::from_secs(10);
const PORTS: [&str; 3] = ["--http-port", "--admin-port", "--media-port"];

/// Panics unless the binary refused with one line on stderr that contains each of `words`.
#[track_caller]
fn assert_refused(output: &Output, words: &[&str]) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "it should not have started");
    assert_eq!(errors.trim().lines().count(), 1, "one clear line, not: {errors}");
    for word in words {
        assert!(errors.contains(word), "{word:?} in {errors}");
    }
    assert!(!String::from_utf8_lossy(&output.stdout).contains("ready"), "no ready line");
}

fn serve(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let free = PORTS.iter().filter(|port| !arguments.contains(*port)).flat_map(|port| [*port, "0"]);
    let all: Vec<&str> = ["serve"].into_iter().chain(free).chain(arguments.iter().copied()).collect();
    run_binary(&all, environment, DEADLINE)
}

#[test]
fn the_ready_line_names_ports_that_answer() {
    let server = Plenum::dev();
    server.request("GET", "/").send().expect(200);
    server.admin("/healthz").expect(200);
    assert_eq!(server.ready.media.len(), 1);
    assert!(UdpSocket::bind(server.ready.media[0]).is_err(), "the media port is taken");
}

#[test]
fn every_shard_has_a_port_of_its_own() {
    let server = Plenum::start(Options::default().argument("--shards").argument("3"));
    let mut ports: Vec<u16> = server.ready.media.iter().map(|address| address.port()).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 3, "{:?}", server.ready.media);
}

#[test]
fn dev_mode_prints_what_to_open_and_where_to_point_obs() {
    let server = Plenum::dev();
    for path in ["/watch/", "/publish/", "/whip/"] {
        let url = format!("{}{path}", server.url());
        wait_until(&format!("{url} is printed"), DEADLINE, || server.log().join("\n").contains(&url));
    }
}

#[test]
fn an_unknown_key_is_one_clear_line() {
    let file = ConfigFile::create("[http]\nport = 7880\nprot = 7881\n");
    assert_refused(&serve(&["--config", file.path(), "--dev"], &[]), &["prot"]);
    assert_refused(&serve(&[], &[("PLENUM_HTTP__PROT", "7881")]), &["prot"]);
}

#[test]
fn a_value_of_the_wrong_type_is_one_clear_line() {
    let file = ConfigFile::create("[http]\nport = \"many\"\n");
    assert_refused(&serve(&["--config", file.path(), "--dev"], &[]), &["port"]);
    assert_refused(&serve(&["--config", "/nowhere/plenum.toml"], &[]), &["/nowhere/plenum.toml"]);
}

#[test]
fn a_port_in_use_is_one_clear_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    assert_refused(&serve(&["--http-port", &port], &[]), &[&port]);
    assert_refused(&serve(&["--admin-port", &port], &[]), &[&port]);
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    assert_refused(&serve(&["--media-port", &port], &[]), &[&port]);
}

#[test]
fn a_configured_server_without_keys_refuses_to_start() {
    let file = ConfigFile::create("[http]\nport = 7880\n");
    assert_refused(&serve(&["--config", file.path()], &[]), &["auth.keys"]);
}

#[test]
fn an_open_server_on_a_public_address_refuses_to_start_without_dev() {
    assert_refused(&serve(&["--bind", "0.0.0.0"], &[]), &["--dev"]);
}

#[test]
fn a_short_secret_is_refused() {
    let output = serve(&[], &[("PLENUM_AUTH__KEYS__devkey", "short")]);
    assert_refused(&output, &["32"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("short\""), "the secret is not repeated");
}

#[test]
fn check_config_says_whether_a_file_would_do() {
    let check = |file: &ConfigFile| run_binary(&["check-config", "--config", file.path()], &[], DEADLINE);
    let good = ConfigFile::create(crate::auth::CONFIG);
    let output = check(&good);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let overlap = format!("{}\n[admin]\nport = 7880\n", crate::auth::CONFIG);
    assert_refused(&check(&ConfigFile::create(&overlap)), &["7880"]);
}

#[test]
fn check_config_never_shows_a_secret() {
    let file = ConfigFile::create(crate::auth::CONFIG);
    let output = run_binary(&["check-config", "--config", file.path()], &[], DEADLINE);
    let shown = [output.stdout, output.stderr].concat();
    assert!(!String::from_utf8_lossy(&shown).contains("a-secret-of-at-least"));
}

#[test]
fn flags_win_over_environment_and_environment_over_the_file() {
    // A server that finds its port taken says which one it tried.
    let taken: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let [file, variable, flag] =
        [0, 1, 2].map(|number: usize| taken[number].local_addr().unwrap().port().to_string());
    let config = ConfigFile::create(&format!("{}\n[http]\nport = {file}\n", crate::auth::CONFIG));
    let arguments = ["serve", "--config", config.path(), "--admin-port", "0", "--media-port", "0"];
    let environment = [("PLENUM_HTTP__PORT", variable.as_str())];
    assert_refused(&run_binary(&arguments, &[], DEADLINE), &[&file]);
    assert_refused(&run_binary(&arguments, &environment, DEADLINE), &[&variable]);
    let flagged = [&arguments[..], &["--http-port", &flag]].concat();
    assert_refused(&run_binary(&flagged, &environment, DEADLINE), &[&flag]);
}

#[test]
fn an_unknown_flag_is_an_error() {
    assert!(!run_binary(&["serve", "--prot", "1"], &[], DEADLINE).status.success());
}

#[test]
fn killed_and_restarted_on_the_same_ports_it_is_ready_within_two_seconds() {
    let first = Plenum::dev();
    let ports = [first.ready.http.port(), first.ready.admin.port(), first.ready.media[0].port()];
    first.request("POST", "/whip/studio").sdp(&offers::whip()).send().expect(201);
    let _held_open = TcpStream::connect(first.ready.http).unwrap();
    drop(first);
    let mut options = Options::default();
    for (flag, port) in ["--http-port", "--admin-port", "--media-port"].iter().zip(ports) {
        options = options.argument(*flag).argument(port.to_string());
    }
    let started = Instant::now();
    let second = Plenum::start(options);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(second.ready.http.port(), ports[0]);
    second.request("POST", "/whip/studio").sdp(&offers::whip()).send().expect(201);
}
