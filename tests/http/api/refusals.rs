//! Who may not, and what is not taken.

use plenum_tests::Plenum;
use plenum_tests::http::Request;
use serde_json::{Value, json};

use super::description::{Description, Operation};
use super::{ask, guarded, json_request, slug, token};

/// A request of this operation that only lacks the right to make it.
fn request(server: &Plenum, operation: &Operation) -> Request {
    let request = server.request(&operation.method, &operation.example_path());
    match operation.body_type() {
        Some("application/json") => request.body("application/json", r#"{"name": "demo"}"#),
        Some(other) => request.body(other, "whatever"),
        None => request,
    }
}

#[test]
fn where_a_token_is_needed_none_is_401_and_a_wrong_one_401_or_403() {
    let server = guarded();
    let description = Description::of(&server);
    let elsewhere =
        token(json!({"room": "elsewhere", "roomJoin": true, "roomAdmin": true, "roomCreate": true}));
    let idle = token(json!({"room": "demo"}));
    for operation in description.operations().into_iter().filter(Operation::needs_token) {
        let request = request(&server, &operation);
        let without = request.send();
        let challenge = without.header("www-authenticate").unwrap_or_default().to_owned();
        assert!(challenge.starts_with("Bearer"), "{}: {challenge}", operation.id);
        for response in [without, request.clone().bearer("nonsense").send()] {
            description.check(&operation, &response);
            response.expect_problem(401);
        }
        // ICE servers are the same for all rooms.
        let tokens = [&elsewhere, &idle].into_iter().skip(usize::from(operation.id == "listIceServers"));
        for token in tokens {
            let response = request.clone().bearer(token).send();
            description.check(&operation, &response);
            assert_eq!(response.status, 403, "{}: {}", operation.id, response.text());
        }
    }
}

#[test]
fn each_grant_opens_its_own_doors() {
    let server = guarded();
    let with = |token: &str, method: &str, path: &str, body: Value| {
        let request = match body {
            Value::Null => server.request(method, path),
            body => json_request(&server, method, path, body),
        };
        request.bearer(token).send().status
    };
    let maker = token(json!({"roomCreate": true}));
    let lister = token(json!({"roomList": true}));
    let guest = token(json!({"room": "demo", "roomJoin": true}));
    let boss = token(json!({"room": "demo", "roomAdmin": true}));
    let demo = "/v1/rooms/demo";
    let make = || json!({"name": "demo"});
    let lock = || json!({"locked": true});
    assert_eq!([&guest, &boss, &lister].map(|one| with(one, "POST", "/v1/rooms", make())), [403; 3]);
    assert_eq!(with(&maker, "POST", "/v1/rooms", make()), 201);
    assert_eq!([&maker, &guest, &boss].map(|one| with(one, "GET", "/v1/rooms", Value::Null)), [403; 3]);
    assert_eq!(with(&lister, "GET", "/v1/rooms", Value::Null), 200);
    assert_eq!([&lister, &guest, &boss].map(|one| with(one, "GET", demo, Value::Null)), [200; 3]);
    assert_eq!(with(&maker, "GET", demo, Value::Null), 403);
    assert_eq!([&maker, &lister, &guest].map(|one| with(one, "PATCH", demo, lock())), [403; 3]);
    assert_eq!(with(&boss, "PATCH", demo, lock()), 200);
    let waiting = "/v1/rooms/demo/participants?kind=waiting";
    assert_eq!([&lister, &guest].map(|one| with(one, "GET", waiting, Value::Null)), [403; 2]);
    assert_eq!(with(&boss, "GET", waiting, Value::Null), 200);
    assert_eq!([&lister, &guest].map(|one| with(one, "DELETE", demo, Value::Null)), [403; 2]);
    assert_eq!(with(&boss, "DELETE", demo, Value::Null), 204);
    assert_eq!(with(&maker, "POST", "/v1/rooms", make()), 201);
    assert_eq!(with(&maker, "DELETE", demo, Value::Null), 204);
}

#[test]
fn a_token_that_names_a_room_makes_and_closes_only_that_room() {
    let server = guarded();
    let owner = token(json!({"room": "mine", "roomCreate": true}));
    let make =
        |name: &str| json_request(&server, "POST", "/v1/rooms", json!({"name": name})).bearer(&owner).send();
    assert_eq!(slug(&make("yours").expect_problem(403)), "forbidden");
    make("mine").expect(201);
    let all = token(json!({"roomCreate": true}));
    json_request(&server, "POST", "/v1/rooms", json!({"name": "yours"})).bearer(&all).send().expect(201);
    server.request("DELETE", "/v1/rooms/yours").bearer(&owner).send().expect_problem(403);
    server.request("DELETE", "/v1/rooms/mine").bearer(&owner).send().expect(204);
}

#[test]
fn a_body_is_json_of_at_most_64_kib_and_holds_what_is_known() {
    let server = Plenum::dev();
    ask(&server, "POST", "/v1/rooms", json!({"name": "demo"})).expect(201);
    let description = Description::of(&server);
    let is_json = |operation: &Operation| operation.body_type() == Some("application/json");
    for operation in description.operations().into_iter().filter(is_json) {
        let path = operation.example_path();
        let send = |content_type: &str, body: String| {
            let response = server.request(&operation.method, &path).body(content_type, body).send();
            description.check(&operation, &response);
            response
        };
        send("text/plain", "{}".to_owned()).expect_problem(415);
        server.request(&operation.method, &path).send().expect_problem(415);
        let long = format!("{{\"metadata\": {:?}}}", "x".repeat(64 * 1024));
        send("application/json", long.clone()).expect_problem(413);
        let chunked = server.request(&operation.method, &path).body("application/json", long).chunked();
        chunked.send().expect_problem(413);
        for broken in ["", "{", "[]", "null", "\"x\"", "{} {}", "\u{feff}{}"] {
            send("application/json", broken.to_owned()).expect_problem(400);
        }
        let problem =
            send("application/json", r#"{"name": "x", "surprise": 1}"#.to_owned()).expect_problem(400);
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.contains("`surprise`") || detail.contains("`name`"), "{}: {detail}", operation.id);
    }
}

#[test]
fn a_value_that_is_out_of_bounds_is_a_400_that_names_its_field() {
    let server = Plenum::dev();
    let refusal = |body: Value| {
        let problem = ask(&server, "POST", "/v1/rooms", body).expect_problem(400);
        format!("{} {}", slug(&problem), problem["detail"].as_str().unwrap_or_default())
    };
    assert!(refusal(json!({"name": "a/b"})).starts_with("invalid-name room"));
    assert!(refusal(json!({})).contains("`name`"));
    for (field, value) in [
        ("max_participants", json!(-1)),
        ("max_participants", json!("many")),
        ("empty_timeout", json!(2_592_001)),
        ("departure_timeout", json!(1.5)),
        ("lobby", json!("yes")),
        ("metadata", json!("x".repeat(16 * 1024 + 1))),
    ] {
        let mut body = json!({"name": "demo"});
        body[field] = value;
        assert!(refusal(body).contains(&format!(" {field}:")), "{field}");
    }
    ask(&server, "GET", "/v1/rooms/demo", Value::Null).expect_problem(404);
}

#[test]
fn names_that_are_none_are_400_on_every_path() {
    let server = Plenum::dev();
    for operation in Description::of(&server).operations() {
        for (name, bad) in [("{room}", "a%2fb"), ("{room}", "%2e%2e"), ("{participant}", "%1b")] {
            let path =
                operation.path.replace(name, bad).replace("{room}", "demo").replace("{participant}", "ada");
            if operation.path.contains(name) {
                let response = server.request(&operation.method, &path).send();
                assert_eq!(slug(&response.expect_problem(400)), "invalid-name", "{path}");
            }
        }
    }
}
