//! Messages on data channels: to whom, in which order, and what a receiver that does not listen costs the others.

use plenum_engine::{Counters, Event};
use plenum_model::{Allowed, limits};
use plenum_sim::{Attendance, ClientId, Link, Wire, World};

use crate::{WIRE, ms, s};

/// People in room 0 with nothing to show, who have opened these topics. Lines turn bad only then: a client's first
/// SCTP packet is repeated by the clock on the wall, which no simulation moves.
fn talk(names: &[&str], topics: &[&'static str], wire: Wire) -> (World, Vec<ClientId>) {
    let mut world = World::new(plenum_sim::seed(1));
    let attendance = Attendance { topics: topics.to_vec(), ..Attendance::silent() };
    let people: Vec<ClientId> = names.iter().map(|name| world.attend(0, name, &attendance, WIRE)).collect();
    let all_open = |world: &World| people.iter().all(|id| world.member(*id).open_topics() == topics.len());
    assert!(world.run_until(s(10), all_open), "channels are not open after 10 s");
    world.run_for(s(1));
    people.iter().for_each(|id| world.rewire(*id, wire));
    (world, people)
}

/// What somebody heard on a topic, as text.
fn heard(world: &World, id: ClientId, topic: &str) -> Vec<String> {
    let heard = world.member(id).heard().iter().filter(|heard| heard.topic == topic);
    heard.map(|heard| String::from_utf8(heard.bytes.clone()).expect("text")).collect()
}

fn from(name: &str, payload: impl std::fmt::Display) -> String {
    format!(r#"{{"from":"{name}","payload":{payload}}}"#)
}

fn counters(world: &World) -> &Counters {
    world.engine().counters()
}

#[test]
fn a_message_reaches_everyone_else_who_has_opened_its_topic() {
    let (mut world, people) = talk(&["alice", "bob", "carol"], &["chat"], WIRE);
    world.open_topic(people[0], "game");
    world.open_topic(people[1], "game");
    world.run_for(s(1));
    world.say(people[0], "chat", r#"{"payload":"to all"}"#);
    world.say(people[0], "game", r#"{"payload":[1,2]}"#);
    world.run_for(s(1));
    assert_eq!(heard(&world, people[1], "chat"), [from("alice", r#""to all""#)]);
    assert_eq!(heard(&world, people[1], "game"), [from("alice", "[1,2]")]);
    assert_eq!(heard(&world, people[2], "chat"), [from("alice", r#""to all""#)]);
    assert_eq!(world.member(people[2]).heard().len(), 1, "it has not opened the game");
    assert_eq!(world.member(people[0]).heard(), [], "nobody hears itself");
    let Counters { data_messages_in, data_messages_out, data_messages_dropped, .. } = *counters(&world);
    assert_eq!((data_messages_in, data_messages_out, data_messages_dropped), (2, 3, 0));
    world.finish();
}

#[test]
fn a_message_to_somebody_reaches_nobody_else_and_chat_to_all_is_kept() {
    let (mut world, people) = talk(&["alice", "bob", "carol"], &["chat"], WIRE);
    world.say(people[0], "chat", r#"{"to":["carol","nobody"],"payload":"psst"}"#);
    world.say(people[0], "chat", r#"{"payload":"hello"}"#);
    world.run_for(s(1));
    assert_eq!(heard(&world, people[1], "chat"), [from("alice", r#""hello""#)]);
    assert_eq!(heard(&world, people[2], "chat"), [from("alice", r#""psst""#), from("alice", r#""hello""#)]);
    let kept = |event: &Event| match event {
        Event::Chat { place, payload } => Some((*place, payload.clone())),
        _ => None,
    };
    let kept: Vec<_> = world.events().iter().filter_map(|(_, event)| kept(event)).collect();
    assert_eq!(kept, [(world.place(people[0]), r#""hello""#.to_owned())]);
    world.finish();
}

#[test]
fn bytes_travel_behind_their_header() {
    let (mut world, people) = talk(&["alice", "bob"], &["files"], WIRE);
    let message = |header: &str, bytes: &[u8]| {
        let mut message = (header.len() as u16).to_be_bytes().to_vec();
        message.extend(header.as_bytes());
        message.extend(bytes);
        message
    };
    let bytes: Vec<u8> = (0..60_000).map(|n| n as u8).collect();
    world.say_bytes(people[0], "files", true, message("{}", &bytes));
    world.run_for(s(2));
    let [heard] = world.member(people[1]).heard() else {
        panic!("{:?}", world.member(people[1]).heard().len())
    };
    assert!(heard.binary);
    assert_eq!(heard.bytes, message(r#"{"from":"alice"}"#, &bytes));
    world.finish();
}

#[test]
fn two_thousand_messages_arrive_in_order_and_once_at_5_percent_loss() {
    let lossy = Wire::of(Link::delayed(10).with_loss(0.05));
    let (mut world, people) = talk(&["alice", "bob", "carol"], &["log"], lossy);
    for number in 0..2_000 {
        world.say(people[0], "log", &format!(r#"{{"payload":{number}}}"#));
    }
    let all = |world: &World| people[1..].iter().all(|id| world.member(*id).heard().len() >= 2_000);
    assert!(world.run_until(s(120), all), "{} of 2,000", world.member(people[1]).heard().len());
    println!("2,000 messages after {:?}", world.elapsed());
    world.run_for(s(5));
    let expected: Vec<String> = (0..2_000).map(|number| from("alice", number)).collect();
    assert_eq!(heard(&world, people[1], "log"), expected);
    assert_eq!(heard(&world, people[2], "log"), expected);
    assert_eq!(counters(&world).data_messages_dropped, 0);
    world.finish();
}

#[test]
fn one_who_does_not_listen_delays_nobody_and_its_losses_are_told_once_a_second() {
    let (mut world, people) = talk(&["alice", "bob", "carol"], &["log"], WIRE);
    let deaf = people[2];
    let nothing = Wire { down: WIRE.down.with_loss(1.0), ..WIRE };
    world.rewire(deaf, nothing);
    let payload = "x".repeat(2_000);
    let (mut said, started) = (0, world.now());
    while world.now() - started < s(10) {
        for _ in 0..30 {
            world.say(people[0], "log", &format!(r#"{{"payload":"{said} {payload}"}}"#));
            said += 1;
        }
        world.run_for(ms(100));
    }
    world.run_for(s(1));
    let got = heard(&world, people[1], "log");
    assert_eq!(got.len(), said, "the one who listens gets everything");
    assert!(got.iter().enumerate().all(|(number, text)| text.contains(&format!("\"{number} "))));
    let last = world.member(people[1]).heard().last().unwrap().at;
    assert!(world.now() - last < s(2), "and at once");

    let reports = |event: &Event| match event {
        Event::DataDropped { place, topic, to, messages } => Some((*place, topic.clone(), *to, *messages)),
        _ => None,
    };
    let told: Vec<_> = world.events().iter().filter_map(|(at, event)| Some((*at, reports(event)?))).collect();
    assert!(told.len() > 2, "{told:?}");
    let (alice, carol) = (world.place(people[0]), world.place(deaf));
    assert!(
        told.iter().all(|(_, (place, topic, to, _))| (*place, topic.as_str(), *to) == (alice, "log", carol))
    );
    assert!(told.windows(2).all(|pair| pair[1].0 - pair[0].0 >= s(1)), "{told:?}");
    world.run_for(s(2));
    let told: u64 = world.events().iter().filter_map(|(_, event)| Some(reports(event)?.3)).sum();
    assert_eq!(told, counters(&world).data_messages_dropped, "every loss is told");

    world.rewire(deaf, WIRE);
    world.run_for(s(30));
    let late = heard(&world, deaf, "log");
    assert!(late.len() as u64 + told >= said as u64, "{} heard, {told} dropped of {said}", late.len());
    assert!(late.last().unwrap().contains(&format!("\"{} ", said - 1)), "the latest are kept");
    world.finish();
}

#[test]
fn a_lossy_topic_loses_rather_than_waits() {
    let (mut world, people) = talk(&["alice", "bob"], &["lossy:cursor"], WIRE);
    world.rewire(people[1], Wire { down: WIRE.down.with_loss(0.2), ..WIRE });
    for number in 0..300 {
        world.say(people[0], "lossy:cursor", &format!(r#"{{"payload":{number}}}"#));
        world.run_for(ms(20));
    }
    world.run_for(s(1));
    let got = heard(&world, people[1], "lossy:cursor").len();
    assert!((150..300).contains(&got), "{got}");
    world.rewire(people[1], Wire { down: WIRE.down.with_loss(1.0), ..WIRE });
    for number in 0..4_000 {
        world.say(people[0], "lossy:cursor", &format!(r#"{{"payload":"{number} {}"}}"#, "x".repeat(80)));
        world.run_for(ms(1));
    }
    world.run_for(s(1));
    assert!(counters(&world).data_messages_dropped > 1_000, "{:?}", counters(&world));
    world.finish();
}

#[test]
fn who_may_not_send_messages_is_not_heard() {
    let (mut world, people) = talk(&["alice", "bob"], &["chat"], WIRE);
    world.allow(people[0], Allowed { data: false, ..Allowed::ALL });
    world.say(people[0], "chat", r#"{"payload":1}"#);
    world.say(people[1], "chat", r#"{"payload":2}"#);
    world.run_for(s(1));
    assert_eq!(heard(&world, people[1], "chat"), [] as [&str; 0]);
    assert_eq!(heard(&world, people[0], "chat"), [from("bob", 2)]);
    assert_eq!(counters(&world).data_messages_dropped, 1);
    assert!(
        world.events().iter().all(
            |(_, event)| !matches!(event, Event::Chat { place, .. } if *place == world.place(people[0]))
        )
    );
    world.finish();
}

#[test]
fn a_message_that_cannot_be_read_is_dropped_and_nothing_else_happens() {
    let (mut world, people) = talk(&["alice", "bob"], &["chat"], WIRE);
    for text in [" ", "hello", "{}", "[1]", r#"{"payload":}"#, r#"{"to":7,"payload":1}"#] {
        world.say(people[0], "chat", text);
    }
    world.say_bytes(people[0], "chat", true, vec![0xff, 0xff, 1]);
    world.say_bytes(people[0], "chat", false, vec![0xff, 0xfe]);
    world.say(people[0], "chat", r#"{"payload":"after"}"#);
    world.run_for(s(1));
    assert_eq!(heard(&world, people[1], "chat"), [from("alice", r#""after""#)]);
    assert_eq!(counters(&world).data_messages_dropped, 8);
    world.finish();
}

#[test]
fn channels_beyond_the_limit_and_without_a_proper_name_are_closed() {
    let (mut world, people) = talk(&["alice"], &["chat"], WIRE);
    for topic in ["no spaces", "", "lossy:", "../etc"] {
        world.open_topic(people[0], topic);
    }
    world.run_for(s(1));
    assert_eq!(world.member(people[0]).open_topics(), 1);
    for _ in 0..limits::DATA_CHANNELS + 4 {
        world.open_topic(people[0], "again");
    }
    world.run_for(s(2));
    assert_eq!(world.member(people[0]).open_topics(), limits::DATA_CHANNELS);
    world.finish();
}

#[test]
fn a_flood_of_chat_is_passed_on_and_not_kept() {
    let (mut world, people) = talk(&["alice", "bob"], &["chat"], WIRE);
    for number in 0..1_000 {
        world.say(people[0], "chat", &format!(r#"{{"payload":{number}}}"#));
    }
    world.run_for(ms(900));
    assert_eq!(heard(&world, people[1], "chat").len(), 1_000);
    let kept = world.events().iter().filter(|(_, event)| matches!(event, Event::Chat { .. })).count();
    assert!(kept <= 2 * limits::CHAT_KEPT_PER_SECOND as usize, "{kept}");
    world.finish();
}
