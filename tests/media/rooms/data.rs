//! Data channels: topics that keep their order, addressees, and receivers that do not listen.

use std::time::{Duration, Instant};

use plenum_tests::room::{Joining, Member, Socket};
use plenum_tests::{Plenum, wait_until};
use serde_json::{Value, json};

use super::SOON;
use crate::{alone, together};

fn members(server: &Plenum, names: &[&str], topic: &str) -> Vec<Member> {
    let join = |name: &&str| Member::join(server, "desk", Joining::named(name).silent().topic(topic));
    let members: Vec<Member> = names.iter().map(join).collect();
    members.iter().for_each(|member| member.wait_for_topic(topic));
    members
}

fn heard(member: &Member, topic: &str) -> Vec<Value> {
    member.look(|account| account.texts(topic).to_vec())
}

#[test]
fn ten_thousand_messages_arrive_in_order_and_once() {
    let _guard = alone();
    let server = Plenum::dev();
    let members = members(&server, &["ada", "bob", "cleo", "dan", "eve", "finn"], "strokes");
    let count = 10_000;
    for number in 0..count {
        members[0].say("strokes", json!(number), None);
    }
    for member in &members[1..] {
        let what = format!("{} has all of them", member.identity);
        wait_until(&what, Duration::from_secs(60), || {
            member.look(|account| account.texts("strokes").len() >= count)
        });
    }
    for member in &members[1..] {
        let texts = heard(member, "strokes");
        let numbers: Vec<_> = texts.iter().map(|text| text["payload"].as_u64().unwrap()).collect();
        assert!(
            numbers.iter().copied().eq(0..count as u64),
            "{}: {} messages",
            member.identity,
            numbers.len()
        );
        assert!(texts.iter().all(|text| text["from"] == "ada"));
    }
    assert!(heard(&members[0], "strokes").is_empty(), "nobody hears themselves");
}

#[test]
fn who_is_named_hears_it_and_nobody_else() {
    let _guard = together();
    let server = Plenum::dev();
    let members = members(&server, &["ada", "bob", "cleo", "dan"], "notes");
    members[0].say("notes", json!("for bob and dan"), Some(&["bob", "dan"]));
    members[0].say("notes", json!("for all"), None);
    let said = |texts: &[Value]| texts.iter().map(|text| text["payload"].clone()).collect::<Vec<_>>();
    for (member, expected) in [(1, 2), (2, 1), (3, 2)] {
        wait_until("they heard", SOON, || heard(&members[member], "notes").len() == expected);
    }
    assert_eq!(said(&heard(&members[2], "notes")), [json!("for all")]);
    assert_eq!(said(&heard(&members[1], "notes")), [json!("for bob and dan"), json!("for all")]);
}

#[test]
fn binary_messages_and_lossy_topics_arrive_as_they_were() {
    let _guard = together();
    let server = Plenum::dev();
    let members = members(&server, &["ada", "bob"], "lossy:cursor");
    let bytes: Vec<u8> = (0..=255).collect();
    members[0].say_binary("lossy:cursor", &bytes);
    wait_until("they came", SOON, || {
        members[1].look(|account| !account.topics["lossy:cursor"].binaries.is_empty())
    });
    let (header, payload) = members[1].look(|account| account.topics["lossy:cursor"].binaries[0].clone());
    assert_eq!((&header["from"], payload), (&json!("ada"), bytes));
}

#[test]
fn only_who_opened_a_topic_receives_it() {
    let _guard = together();
    let server = Plenum::dev();
    let members = members(&server, &["ada", "bob"], "board");
    let cleo = Member::join(&server, "desk", Joining::named("cleo").silent());
    cleo.wait_for_topic("chat");
    members[0].say("board", json!(1), None);
    wait_until("bob has it", SOON, || heard(&members[1], "board").len() == 1);
    assert!(cleo.look(|account| !account.topics.contains_key("board")));
}

#[test]
fn a_stalled_receiver_does_not_slow_the_others_and_the_sender_is_told() {
    let _guard = alone();
    let server = Plenum::dev();
    let members = members(&server, &["ada", "bob", "cleo", "dan"], "flood");
    let (sender, stalled) = (&members[0], &members[3]);
    stalled.stall();
    // 1 MB a second: less than anybody can read, and in the end more than is kept for who does not.
    let (count, pause) = (4_000, Duration::from_millis(20));
    let filler = "x".repeat(1_000);
    let began = Instant::now();
    for number in 0..count {
        sender.say("flood", json!({"number": number, "filler": filler}), None);
        if number % 20 == 19 {
            std::thread::sleep(pause);
        }
    }
    for member in &members[1..3] {
        let what = format!("{} has all of them", member.identity);
        wait_until(&what, Duration::from_secs(30), || {
            member.look(|account| account.texts("flood").len() >= count)
        });
        let texts = heard(member, "flood");
        let numbers = texts.iter().map(|text| text["payload"]["number"].as_u64().unwrap());
        assert!(numbers.eq(0..count as u64), "{}: {} messages", member.identity, texts.len());
    }
    println!("{count} messages of 1 kB to two in {:?}, beside one who does not listen", began.elapsed());
    let is_notice = |message: &Value| {
        message["type"] == "data_dropped" && message["topic"] == "flood" && message["to"] == "dan"
    };
    wait_until("the sender is told", SOON, || sender.message(is_notice).is_some());
    let notice = sender.message(is_notice).unwrap();
    assert!(notice["messages"].as_u64().unwrap() > 0, "{notice}");
    assert!(members[1].message(is_notice).is_none(), "only who sent them");
}

/// What one parser refuses would make a `welcome` with it in its history unreadable.
#[test]
fn what_not_everybody_can_read_is_neither_passed_on_nor_kept() {
    let _guard = together();
    let server = Plenum::dev();
    let early = members(&server, &["ada", "bob"], "chat");
    let abyss = ["[".repeat(1_000), "]".repeat(1_000)].concat();
    for payload in [r#""\ud800""#, "1e999", &abyss, r#""readable""#] {
        let message = format!(r#"{{"payload":{payload}}}"#);
        early[0].say_bytes("chat", false, message.into_bytes());
    }
    wait_until("bob has one", SOON, || !heard(&early[1], "chat").is_empty());
    let welcome = Socket::connect(&server, "desk").join("late");
    let kept: Vec<_> = welcome["chat"].as_array().unwrap().iter().map(|kept| &kept["payload"]).collect();
    assert_eq!(kept, ["readable"]);
    assert_eq!(heard(&early[1], "chat").len(), 1);
    wait_until("the others are counted", SOON, || {
        server.scrape().sum_where("plenum_data_messages_total", &[("result", "dropped")]) == 3.0
    });
}

#[test]
fn chat_is_kept_for_who_comes_late() {
    let _guard = together();
    let server = Plenum::dev();
    let early = members(&server, &["ada", "bob"], "other");
    early[0].wait_for_topic("chat");
    early[0].say("chat", json!("first"), None);
    early[0].say("chat", json!("only for bob"), Some(&["bob"]));
    early[0].say("chat", json!("second"), None);
    wait_until("bob has them", SOON, || heard(&early[1], "chat").len() == 3);
    let late = Member::join(&server, "desk", Joining::named("late").silent());
    let welcome = late.message(|message| message["type"] == "welcome").unwrap();
    let chat: Vec<_> = welcome["chat"].as_array().unwrap().iter().map(|entry| &entry["payload"]).collect();
    assert_eq!(chat, [&json!("first"), &json!("second")], "{welcome}");
    assert_eq!(welcome["chat"][0]["from"], "ada");
}
