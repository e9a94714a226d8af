//! Who gets in, and who does not.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use plenum_model::{Identity, RoomName};
use serde_json::{Value, json};

use super::{Access, Grant, Issue, Keyring, KeyringError};
use crate::{Problem, Slug};

const KEY: &str = "devkey";
const SECRET: &str = "a-secret-of-at-least-32-characters";
const NOW: u64 = 1_790_000_000;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn ring() -> Keyring {
    let stream_keys = pairs(&[("demo", "key-for-obs"), ("other", "key-of-other")]);
    Keyring::new(pairs(&[(KEY, SECRET)]), stream_keys).unwrap()
}

/// A token for `demo` that allows everything, with some claims changed; `null` removes one.
fn claims(changes: Value) -> Value {
    let mut claims = json!({
        "iss": KEY, "sub": "ada", "exp": NOW + 60, "nbf": NOW - 60, "name": "Ada", "metadata": "{}",
        "video": {"room": "demo", "roomJoin": true},
    });
    for (name, value) in changes.as_object().unwrap() {
        match value.is_null() {
            true => drop(claims.as_object_mut().unwrap().remove(name)),
            false => claims[name] = value.clone(),
        }
    }
    claims
}

fn sign(algorithm: Algorithm, claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
}

fn token(changes: Value) -> String {
    sign(Algorithm::HS256, &claims(changes), SECRET)
}

fn publish(token: &str) -> Result<Grant, Problem> {
    ring().authorize(now(), Some(token), Access::Publish(&room("demo")))
}

fn refusal(token: &str) -> (Slug, String) {
    let problem = publish(token).expect_err("refused");
    (problem.slug(), problem.detail().to_owned())
}

fn challenge(problem: &Problem) -> String {
    let headers: HeaderMap = problem.respond().headers().clone();
    headers["www-authenticate"].to_str().unwrap().to_owned()
}

/// Base64url without padding, for tokens that no library would write.
fn encode(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, b| word << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for position in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(word >> (18 - 6 * position)) as usize & 63]));
        }
    }
    text
}

#[test]
fn a_good_token_becomes_a_grant() {
    let grant = publish(&token(json!({}))).unwrap();
    assert_eq!(grant.room, Some(room("demo")));
    assert_eq!(grant.identity.unwrap().as_str(), "ada");
    assert_eq!(grant.name.unwrap().as_str(), "Ada");
    assert_eq!(grant.metadata.unwrap(), "{}");
    assert!(grant.can_publish && grant.can_subscribe && grant.can_publish_data);
    assert!(!grant.admin && !grant.hidden);
}

#[test]
fn a_short_secret_is_no_key() {
    let short = pairs(&[("devkey", &"x".repeat(31))]);
    assert_eq!(Keyring::new(short, []).unwrap_err(), KeyringError::ShortSecret("devkey".into()));
    assert!(Keyring::new(pairs(&[("devkey", &"é".repeat(32))]), []).is_ok());
    assert_eq!(Keyring::new(pairs(&[("", SECRET)]), []).unwrap_err(), KeyringError::NamelessKey);
}

#[test]
fn a_stream_key_belongs_to_a_room_and_fits_a_header() {
    let refused = |name: &str, key: &str| Keyring::new([], pairs(&[(name, key)])).unwrap_err();
    assert!(matches!(refused("a/b", "key"), KeyringError::StreamKeyRoom(..)));
    for key in ["", "two words", "ключ", "line\n"] {
        assert_eq!(refused("demo", key), KeyringError::BadStreamKey("demo".into()), "{key:?}");
    }
}

#[test]
fn without_keys_everybody_may_do_everything() {
    let open = Keyring::default();
    assert!(open.is_open() && !ring().is_open());
    let demo = room("demo");
    for bearer in [None, Some("nonsense")] {
        for access in
            [Access::Publish(&demo), Access::Subscribe(&demo), Access::Admin(&demo), Access::ListRooms]
        {
            let grant = open.authorize(now(), bearer, access).unwrap();
            assert!(grant.admin && grant.can_publish && grant.identity.is_none());
        }
        assert!(open.authorize_session(bearer, &demo).is_ok());
    }
}

#[test]
fn rfc6750_3_a_missing_token_is_a_challenge_without_an_error() {
    let problem = ring().authorize(now(), None, Access::Subscribe(&room("demo"))).unwrap_err();
    assert_eq!(problem.status(), 401);
    assert_eq!(challenge(&problem), "Bearer");
}

#[test]
fn rfc6750_3_1_a_bad_token_is_invalid_and_a_weak_one_insufficient() {
    let problem = publish("nonsense").unwrap_err();
    assert_eq!((problem.status().as_u16(), &*challenge(&problem)), (401, "Bearer error=\"invalid_token\""));
    let elsewhere = token(json!({"video": {"room": "elsewhere", "roomJoin": true}}));
    let problem = publish(&elsewhere).unwrap_err();
    assert_eq!(
        (problem.status().as_u16(), &*challenge(&problem)),
        (403, "Bearer error=\"insufficient_scope\"")
    );
}

#[test]
fn what_cannot_be_verified_is_401() {
    let good = token(json!({}));
    let (head, signature) = good.rsplit_once('.').unwrap();
    let other_claims = token(json!({"sub": "eve"}));
    let forged = format!("{}.{signature}", other_claims.rsplit_once('.').unwrap().0);
    let none = format!(
        "{}.{}.",
        encode(br#"{"alg":"none","typ":"JWT"}"#),
        encode(claims(json!({})).to_string().as_bytes())
    );
    let none_signed = format!("{none}{signature}");
    let cases = [
        String::new(),
        ".".into(),
        "..".into(),
        "a.b.c".into(),
        good.clone() + "x",
        head.to_owned(),
        format!("{head}."),
        forged,
        none,
        none_signed,
        sign(Algorithm::HS256, &claims(json!({})), "another-secret-of-32-characters!"),
        sign(Algorithm::HS384, &claims(json!({})), SECRET),
        sign(Algorithm::HS512, &claims(json!({})), SECRET),
        token(json!({"iss": "unknown"})),
        token(json!({"iss": null})),
        token(json!({"iss": 7})),
        token(json!({"video": "all"})),
        token(json!({"metadata": {"a": 1}})),
    ];
    for case in cases {
        assert_eq!(refusal(&case), (Slug::Unauthorized, "the token cannot be verified".into()), "{case:?}");
    }
}

#[test]
fn the_encoder_of_these_tests_is_base64url() {
    let good = token(json!({}));
    let payload = encode(claims(json!({})).to_string().as_bytes());
    assert_eq!(good.split('.').nth(1).unwrap(), payload);
}

#[test]
fn exp_is_required_and_a_number() {
    for exp in [json!(null), json!("9999999999"), json!(true), json!([9_999_999_999u64]), json!({})] {
        let refused = refusal(&token(json!({"exp": exp})));
        assert_eq!(refused, (Slug::Unauthorized, "the token cannot be verified".into()), "{exp}");
    }
    assert_eq!(refusal(&token(json!({"exp": -1}))).1, "the token's exp is not a date");
    assert_eq!(refusal(&token(json!({"exp": 1e300}))).1, "the token's exp is not a date");
}

#[test]
fn exp_is_exact_and_measured_by_the_time_that_is_passed_in() {
    for (exp, fine) in [
        (json!(NOW + 1), true),
        (json!(NOW as f64 + 0.5), true),
        (json!(NOW), false),
        (json!(NOW - 1), false),
    ] {
        let token = token(json!({"exp": exp}));
        match fine {
            true => assert!(publish(&token).is_ok(), "{exp}"),
            false => assert_eq!(refusal(&token), (Slug::Unauthorized, "the token has expired".into())),
        }
    }
    // Long past for any real clock, fine for this one: no clock but `now` is asked.
    let then = UNIX_EPOCH + Duration::from_secs(1_000);
    let old = token(json!({"exp": 1_001, "nbf": 999}));
    assert!(ring().authorize(then, Some(&old), Access::Publish(&room("demo"))).is_ok());
}

#[test]
fn nbf_allows_for_clocks_that_differ_a_little() {
    assert!(publish(&token(json!({"nbf": NOW + 10}))).is_ok());
    assert!(publish(&token(json!({"nbf": null}))).is_ok());
    assert_eq!(
        refusal(&token(json!({"nbf": NOW + 11}))),
        (Slug::Unauthorized, "the token is not valid yet".into())
    );
    assert_eq!(
        refusal(&token(json!({"nbf": "0"}))),
        (Slug::Unauthorized, "the token cannot be verified".into())
    );
}

#[test]
fn grants_decide_what_a_token_is_good_for() {
    let demo = room("demo");
    let accesses = [
        Access::Publish(&demo),
        Access::Subscribe(&demo),
        Access::Join(&demo),
        Access::Admin(&demo),
        Access::CreateRoom,
        Access::ListRooms,
    ];
    for (video, allowed) in [
        (json!({"room": "demo", "roomJoin": true}), [true, true, true, false, false, false]),
        (json!({"room": "demo"}), [false; 6]),
        (
            json!({"room": "demo", "roomJoin": true, "canPublish": false}),
            [false, true, true, false, false, false],
        ),
        (
            json!({"room": "demo", "roomJoin": true, "canSubscribe": false}),
            [true, false, true, false, false, false],
        ),
        (json!({"room": "demo", "canPublish": true, "canSubscribe": true}), [false; 6]),
        (json!({"room": "demo", "roomAdmin": true}), [false, false, false, true, false, false]),
        (json!({"room": "Demo", "roomJoin": true, "roomAdmin": true}), [false; 6]),
        (json!({"roomJoin": true, "roomAdmin": true}), [false; 6]),
        (json!({"roomCreate": true, "roomList": true}), [false, false, false, false, true, true]),
        (json!({}), [false; 6]),
    ] {
        let token = token(json!({"video": video}));
        for (access, allowed) in accesses.into_iter().zip(allowed) {
            match ring().authorize(now(), Some(&token), access) {
                Ok(_) => assert!(allowed, "{video} {access:?}"),
                Err(problem) => {
                    assert!(!allowed, "{video} {access:?}");
                    assert_eq!(problem.status(), 403, "{video} {access:?}");
                }
            }
        }
    }
    let without_video = token(json!({"video": null}));
    assert_eq!(publish(&without_video).unwrap_err().status(), 403);
}

#[test]
fn a_token_of_any_room_is_good_for_what_all_rooms_share() {
    let authorize = |token: &str| ring().authorize(now(), Some(token), Access::JoinAny).map(|_| ());
    for room in ["demo", "other"] {
        assert_eq!(authorize(&token(json!({"video": {"room": room, "roomJoin": true}}))), Ok(()));
    }
    let without = token(json!({"video": {"room": "demo", "roomAdmin": true}}));
    assert_eq!(authorize(&without).unwrap_err().status(), 403);
    assert_eq!(authorize(&token(json!({"exp": NOW - 1}))).unwrap_err().status(), 401);
    assert_eq!(authorize("key-for-obs").unwrap_err().status(), 403, "a stream key");
}

#[test]
fn names_in_a_token_are_valid_or_absent() {
    assert_eq!(refusal(&token(json!({"sub": "../eve"}))).1, "the token's sub is not a valid identity");
    assert_eq!(refusal(&token(json!({"name": "a\nb"}))).1, "the token's name is not a valid display name");
    let grant = publish(&token(json!({"sub": "", "name": "", "metadata": ""}))).unwrap();
    assert_eq!((grant.identity, grant.name, grant.metadata), (None, None, None));
}

#[test]
fn a_stream_key_publishes_into_its_room_and_nothing_else() {
    let (demo, other) = (room("demo"), room("other"));
    let authorize = |key: &str, access| ring().authorize(now(), Some(key), access);
    let grant = authorize("key-for-obs", Access::Publish(&demo)).unwrap();
    assert_eq!((grant.room, grant.can_publish, grant.can_subscribe), (Some(demo.clone()), true, false));
    assert!(!grant.admin && !grant.can_publish_data);
    for (key, access) in [
        ("key-for-obs", Access::Subscribe(&demo)),
        ("key-for-obs", Access::Admin(&demo)),
        ("key-for-obs", Access::ListRooms),
        ("key-for-obs", Access::Publish(&other)),
        ("key-of-other", Access::Publish(&demo)),
    ] {
        assert_eq!(authorize(key, access).unwrap_err().status(), 403, "{key} {access:?}");
    }
    for key in ["key-for-ob", "key-for-obs2", "KEY-FOR-OBS", ""] {
        assert_eq!(authorize(key, Access::Publish(&demo)).unwrap_err().status(), 401, "{key}");
    }
}

#[test]
fn two_rooms_may_share_a_stream_key() {
    let ring = Keyring::new([], pairs(&[("a", "shared"), ("b", "shared")])).unwrap();
    for name in ["a", "b"] {
        assert!(ring.authorize(now(), Some("shared"), Access::Publish(&room(name))).is_ok());
    }
    assert_eq!(ring.authorize(now(), Some("shared"), Access::Publish(&room("c"))).unwrap_err().status(), 403);
}

#[test]
fn on_a_session_a_token_must_be_for_its_room_but_may_be_old() {
    let (demo, other) = (room("demo"), room("other"));
    let expired = token(json!({"exp": NOW - 86_400}));
    let status = |bearer, room| ring().authorize_session(bearer, room).err().map(|p| p.status().as_u16());
    assert_eq!(status(None, &demo), None);
    assert_eq!(status(Some(&*expired), &demo), None);
    assert_eq!(status(Some(&*expired), &other), Some(403));
    assert_eq!(status(Some("key-for-obs"), &demo), None);
    assert_eq!(status(Some("key-for-obs"), &other), Some(403));
    assert_eq!(status(Some("nonsense"), &demo), Some(401));
}

#[test]
fn an_issued_token_is_good_for_what_it_was_issued_for() {
    let (demo, ada) = (room("demo"), Identity::parse("ada").unwrap());
    let viewer = Issue {
        key: KEY,
        identity: &ada,
        room: &demo,
        publish: false,
        subscribe: true,
        admin: false,
        ttl: Duration::from_secs(3_600),
    };
    let token = ring().issue(now(), &viewer).unwrap();
    let at = |seconds| now() + Duration::from_secs(seconds);
    assert!(ring().authorize(now(), Some(&token), Access::Subscribe(&demo)).is_ok());
    assert!(ring().authorize(at(3_599), Some(&token), Access::Subscribe(&demo)).is_ok());
    assert_eq!(
        ring().authorize(at(3_600), Some(&token), Access::Subscribe(&demo)).unwrap_err().status(),
        401
    );
    assert_eq!(ring().authorize(now(), Some(&token), Access::Publish(&demo)).unwrap_err().status(), 403);
    assert_eq!(ring().authorize(now(), Some(&token), Access::Admin(&demo)).unwrap_err().status(), 403);
    let admin = Issue { publish: true, admin: true, ..viewer.clone() };
    let token = ring().issue(now(), &admin).unwrap();
    for access in [Access::Publish(&demo), Access::Admin(&demo), Access::CreateRoom, Access::ListRooms] {
        assert!(ring().authorize(now(), Some(&token), access).is_ok(), "{access:?}");
    }
    assert_eq!(ring().issue(now(), &Issue { key: "unknown", ..viewer }), None);
}

#[test]
fn secrets_stay_out_of_debug_output() {
    assert_eq!(format!("{:?}", ring()), "Keyring(1 keys, 2 stream keys)");
}
