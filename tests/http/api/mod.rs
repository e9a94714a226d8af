//! The HTTP API: that it is what `/openapi.json` says, whatever is asked, and that rooms can be run with it.

mod description;
mod operations;
mod refusals;
mod rooms;
mod viewers;

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header, encode};
use plenum_tests::http::{Request, Response};
use plenum_tests::{Options, Plenum};
use serde_json::{Value, json};

const CONFIG: &str = "[auth]\nkeys = { devkey = \"a-secret-of-at-least-32-characters\" }\n";
const SECRET: &[u8] = b"a-secret-of-at-least-32-characters";

/// A server that asks for tokens.
fn guarded() -> Plenum {
    Plenum::start(Options::config(CONFIG))
}

/// A token with these grants.
fn token(video: Value) -> String {
    token_of("backend", video)
}

/// The same, of somebody.
fn token_of(identity: &str, video: Value) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
    let claims = json!({"iss": "devkey", "sub": identity, "exp": now + 600, "video": video});
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET)).expect("claims are JSON")
}

/// A request with a JSON body.
fn json_request(server: &Plenum, method: &str, path: &str, body: Value) -> Request {
    server.request(method, path).body("application/json", body.to_string())
}

/// Asks the API of a server in dev mode.
fn ask(server: &Plenum, method: &str, path: &str, body: Value) -> Response {
    match body {
        Value::Null => server.request(method, path).send(),
        body => json_request(server, method, path, body).send(),
    }
}

/// What kind of problem an answer is.
fn slug(problem: &Value) -> &str {
    problem["type"].as_str().unwrap_or_default().trim_start_matches("urn:plenum:problem:")
}
