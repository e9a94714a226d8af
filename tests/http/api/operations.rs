//! Every operation that is described is there, and answers a proper request as described.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use plenum_tests::http::Response;
use plenum_tests::peer::{Media, Peer};
use plenum_tests::room::{Joining, Member, Socket};
use plenum_tests::{Plenum, offers, wait_until};
use serde_json::{Value, json};

use super::ask;
use super::description::{Description, Operation};
use crate::Session;

/// A room with everything in it that can be listed: a member with media, a WHIP publisher, a WHEP viewer, somebody
/// who waits.
struct Stage {
    server: Plenum,
    session: Session,
    _member: Member,
    _publisher: Peer,
    _viewer: Peer,
    _waiting: Socket,
}

impl Stage {
    fn set() -> Self {
        let server = Plenum::dev();
        let member = Member::join(&server, "demo", Joining::named("ada").camera());
        let publisher = Peer::publish(&server, "demo", Media::default());
        let viewer = Peer::watch(&server, "demo");
        viewer.wait_for_video(10, Duration::from_secs(10));
        let session = Session::publish(&server, "elsewhere");
        ask(&server, "PATCH", "/v1/rooms/demo", json!({"lobby": true})).expect(200);
        let mut waiting = Socket::connect(&server, "demo");
        waiting.send(&json!({"type": "join", "protocol": 1, "identity": "eve"}));
        waiting.wait_for("lobby", Duration::from_secs(5));
        Self { server, session, _member: member, _publisher: publisher, _viewer: viewer, _waiting: waiting }
    }

    /// A proper request for each operation, and the status of its answer. Those that end something come last.
    fn requests(&self) -> Vec<(&'static str, u16, Response)> {
        let server = &self.server;
        let ask = |method: &str, path: &str, body: Value| ask(server, method, path, body);
        let get = |path: &str| ask("GET", path, Value::Null);
        let participants = "/v1/rooms/demo/participants";
        let ada = "/v1/rooms/demo/participants/ada";
        let trickle = offers::trickle(&self.session.offer, &[]);
        let patch = server.request("PATCH", &self.session.path).header("If-Match", &self.session.etag);
        let restart = server.request("PATCH", &self.session.path).header("If-Match", "*");
        let upgrade = server.request("GET", "/v1/rooms/demo/connect").header("Upgrade", "websocket");
        vec![
            ("describe", 200, get("/openapi.json")),
            ("listRooms", 200, get("/v1/rooms")),
            (
                "createRoom",
                201,
                ask("POST", "/v1/rooms", json!({"name": "new", "metadata": "x", "locked": true})),
            ),
            ("createRoom", 409, ask("POST", "/v1/rooms", json!({"name": "demo"}))),
            ("showRoom", 200, get("/v1/rooms/demo")),
            ("showRoom", 404, get("/v1/rooms/nowhere")),
            ("changeRoom", 200, ask("PATCH", "/v1/rooms/demo", json!({"max_participants": 50}))),
            ("listParticipants", 200, get(participants)),
            ("listParticipants", 200, get(&format!("{participants}?kind=whip"))),
            ("listParticipants", 200, get(&format!("{participants}?kind=whep"))),
            ("listParticipants", 200, get(&format!("{participants}?kind=waiting"))),
            ("listParticipants", 400, get(&format!("{participants}?kind=robot"))),
            ("showParticipant", 200, get(ada)),
            ("showParticipant", 404, get(&format!("{participants}/nobody"))),
            ("changeParticipant", 200, ask("PATCH", ada, json!({"muted": true, "name": "Ada L."}))),
            (
                "changeParticipant",
                204,
                ask("PATCH", &format!("{participants}/eve"), json!({"admitted": false})),
            ),
            ("connect", 400, get("/v1/rooms/demo/connect")),
            ("connect", 403, upgrade.header("Origin", "https://elsewhere.example").send()),
            ("listIceServers", 200, get("/v1/ice-servers")),
            ("publish", 201, server.request("POST", "/whip/more").sdp(&offers::whip()).send()),
            ("publish", 400, server.request("POST", "/whip/more").sdp("nonsense").send()),
            ("watchRoom", 201, server.request("POST", "/whep/elsewhere").sdp(&offers::whep()).send()),
            ("watchRoom", 409, server.request("POST", "/whep/nowhere").sdp(&offers::whep()).send()),
            (
                "watchParticipant",
                201,
                server.request("POST", "/whep/elsewhere/whip").sdp(&offers::whep()).send(),
            ),
            ("showSession", 204, get(&self.session.path)),
            ("changeSession", 204, patch.fragment(&trickle).send()),
            ("changeSession", 200, restart.fragment(&offers::restart()).send()),
            ("removeParticipant", 204, ask("DELETE", &format!("{ada}?ban=true"), Value::Null)),
            ("endSession", 200, ask("DELETE", &self.session.path, Value::Null)),
            ("endSession", 404, ask("DELETE", &self.session.path, Value::Null)),
            ("closeRoom", 204, ask("DELETE", "/v1/rooms/demo", Value::Null)),
            ("closeRoom", 404, ask("DELETE", "/v1/rooms/demo", Value::Null)),
        ]
    }
}

#[test]
fn every_operation_answers_as_described() {
    let stage = Stage::set();
    let description = Description::of(&stage.server);
    let mut unasked: BTreeSet<String> = description.operations().into_iter().map(|one| one.id).collect();
    for (id, status, response) in stage.requests() {
        assert_eq!(response.status, status, "{id}: {}", response.text());
        description.check(&description.operation(id), &response);
        unasked.remove(id);
    }
    assert!(unasked.is_empty(), "described, but not asked here: {unasked:?}");
}

/// Methods by path, as described.
fn methods(operations: Vec<Operation>) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut methods = BTreeMap::<String, (String, BTreeSet<String>)>::new();
    for operation in operations {
        let entry = methods.entry(operation.path.clone()).or_default();
        entry.0 = operation.example_path();
        entry.1.insert(operation.method);
    }
    methods
}

#[test]
fn a_path_takes_the_methods_that_are_described_and_says_so_to_any_other() {
    let server = Plenum::dev();
    let description = Description::of(&server);
    for (path, (example, described)) in methods(description.operations()) {
        let refused = server.request("PUT", &example).send();
        let allow = refused.header("allow").unwrap_or_else(|| panic!("{path}: no Allow")).to_owned();
        refused.expect_problem(405);
        let allowed: BTreeSet<String> = allow.split(", ").map(str::to_owned).collect();
        // The way of WHIP and WHEP to ask whether there is something, and of browsers to ask for permission.
        let is_usual = |method: &&String| matches!(&method[..], "HEAD" | "OPTIONS" | "GET");
        assert!(described.is_subset(&allowed), "{path}: {described:?}, allowed {allowed:?}");
        assert!(allowed.difference(&described).all(|method| is_usual(&method)), "{path}: {allowed:?}");
        for method in ["DELETE", "PATCH", "POST"].iter().filter(|method| !described.contains(**method)) {
            server.request(method, &example).send().expect_problem(405);
        }
    }
}

#[test]
fn a_head_request_is_answered_like_a_get_without_the_body() {
    let server = Plenum::dev();
    for path in ["/v1/rooms", "/openapi.json", "/v1/ice-servers"] {
        let response = server.request("HEAD", path).send().expect(200);
        assert_eq!(response.header("content-type"), Some("application/json"), "{path}");
    }
    server.request("HEAD", "/v1/rooms/demo").send().expect(404);
}

#[test]
fn what_really_is_sent_shows_in_the_list() {
    let server = Plenum::dev();
    let publisher = Peer::publish(&server, "demo", Media::default());
    let viewer = Peer::watch(&server, "demo");
    viewer.wait_for_video(10, Duration::from_secs(10));
    let listed = || ask(&server, "GET", "/v1/rooms/demo/participants", Value::Null).expect(200).json();
    wait_until("codecs are known", Duration::from_secs(5), || {
        let participants = listed();
        let tracks = participants["participants"][0]["tracks"].as_array().cloned().unwrap_or_default();
        tracks.len() == 2 && tracks.iter().all(|track| track["codec"].is_string())
    });
    let room = ask(&server, "GET", "/v1/rooms/demo", Value::Null).expect(200).json();
    assert_eq!([&room["participants"], &room["publishers"], &room["viewers"]], [1, 1, 1], "{room}");
    drop((publisher, viewer));
}

#[test]
fn the_page_of_the_api_is_there() {
    let server = Plenum::dev();
    let page = server.request("GET", "/docs").send().expect(200);
    assert!(page.header("content-type").unwrap_or_default().starts_with("text/html"));
    assert!(page.header("content-security-policy").unwrap_or_default().contains("frame-ancestors 'none'"));
}
