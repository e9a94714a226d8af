//! Chat and topics between pages.

use std::time::Duration;

use plenum_tests::browser::Browser;
use plenum_tests::clients::{Client, turn};
use plenum_tests::{Plenum, wait_until};
use serde_json::{Value, json};

use super::{SOON, identity, join};

const MESSAGES: u64 = 10_000;

#[test]
fn what_is_said_in_the_chat_is_read_by_those_who_are_there_and_those_who_come_later() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::dev();
    let mut browser = Browser::launch(Client::Chromium);
    join(&mut browser, &server, "chat", "ada");
    join(&mut browser, &server, "chat", "ben");
    for page in ["ada", "ben"] {
        browser.press(page, "c");
    }
    browser.type_into("ada", "chat-input", "hello <b>ben</b> https://example.org/?a=1", true);
    browser.wait_for_text("ben", "chat-log", "hello <b>ben</b>", SOON);
    browser.type_into("ben", "chat-input", "hello ada", true);
    browser.wait_for_text("ada", "chat-log", "hello ada", SOON);
    browser.screenshot("ada", "call-chat");
    let links =
        "return [...document.querySelectorAll('[data-testid=\"chat-log\"] a')].map((a) => [a.href, a.rel]);";
    let links = browser.run("ben", links, Value::Null);
    assert_eq!(links[0][0], json!("https://example.org/?a=1"));
    assert!(links[0][1].as_str().is_some_and(|rel| rel.contains("noopener")), "{links}");

    join(&mut browser, &server, "chat", "cleo");
    browser.press("cleo", "c");
    browser.wait_for_text("cleo", "chat-log", "hello ada", SOON);
    let log = browser.text("cleo", "chat-log");
    let (first, second) = (log.find("hello <b>ben"), log.find("hello ada"));
    assert!(first.is_some() && first < second, "in order: {log}");
}

#[test]
fn ten_thousand_messages_on_a_reliable_topic_arrive_in_order_and_once() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::dev();
    let mut browser = Browser::launch(Client::Chromium);
    for name in ["ada", "ben", "cleo"] {
        join(&mut browser, &server, "topic", name);
    }
    let ada = identity(&mut browser, "ada");
    let listen = "
        window.heard = [];
        const topic = window.plenum.topic('numbers');
        topic.on('message', ({ from, payload }) => window.heard.push([from, payload.number]));
        window.numbers = topic;
    ";
    for page in ["ada", "ben", "cleo"] {
        browser.run(page, listen, Value::Null);
    }
    for page in ["ada", "ben", "cleo"] {
        wait_until("the topic is open", SOON, || {
            browser.run(page, "return window.numbers.isOpen;", Value::Null) == json!(true)
        });
    }
    let send = "
        window.sent = (async () => {
            for (let number = 0; number < input; number += 1) await window.numbers.send({ number });
        })();
    ";
    browser.run("ada", send, json!(MESSAGES));
    let count = |browser: &mut Browser, page: &str| {
        browser.run(page, "return window.heard.length;", Value::Null).as_u64().unwrap_or_default()
    };
    for page in ["ben", "cleo"] {
        wait_until(&format!("{page} has all"), Duration::from_secs(60), || {
            count(&mut browser, page) >= MESSAGES
        });
        let in_order =
            "return window.heard.every(([from, number], index) => from === input && number === index);";
        assert_eq!(browser.run(page, in_order, json!(ada)), json!(true), "{page}");
        assert_eq!(count(&mut browser, page), MESSAGES, "each once");
    }
    assert_eq!(count(&mut browser, "ada"), 0, "not to oneself");
}
