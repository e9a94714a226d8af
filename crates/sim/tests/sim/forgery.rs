//! Datagrams of strangers: counted, dropped, without effect.

use std::net::SocketAddr;

use plenum_model::DropReason;
use plenum_sim::{Media, World};

use crate::{WIRE, assert_receives, call, s};

const STRANGER: &str = "203.0.113.66:6666";

fn stranger() -> SocketAddr {
    STRANGER.parse().unwrap()
}

fn dropped(world: &World, reason: DropReason) -> u64 {
    world.engine().counters().dropped[reason as usize]
}

/// A binding request (RFC 8489) for a username, with a MESSAGE-INTEGRITY that is a guess.
fn forged_check(username: &str) -> Vec<u8> {
    let mut attributes = Vec::new();
    let mut attribute = |kind: u16, value: &[u8]| {
        attributes.extend(kind.to_be_bytes());
        attributes.extend((value.len() as u16).to_be_bytes());
        attributes.extend(value);
        attributes.resize(attributes.len().next_multiple_of(4), 0);
    };
    attribute(0x0006, username.as_bytes());
    attribute(0x0024, &[0x7e, 0, 1, 0xff]);
    attribute(0x802a, &[1; 8]);
    attribute(0x0025, &[]);
    attribute(0x0008, &[7; 20]);
    let mut message = vec![0, 1];
    message.extend((attributes.len() as u16).to_be_bytes());
    message.extend([0x21, 0x12, 0xa4, 0x42]);
    message.extend([9; 12]);
    message.extend(attributes);
    message
}

fn rtp(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 96, 0, 1, 0, 0, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    packet.resize(200, 0x55);
    packet
}

#[test]
fn a_strangers_datagrams_change_nothing() {
    let (mut world, publisher, viewers) = call(1, Media::camera(), WIRE);
    let ufrag = world.ufrag_of_shard(publisher).to_owned();
    world.forget_gaps(viewers[0]);
    let before = world.engine().counters().clone();
    for step in 0..200_u32 {
        world.inject(stranger(), forged_check(&format!("{ufrag}:abcd")));
        world.inject(stranger(), rtp(step));
        world.inject(stranger(), [&[22, 254, 255][..], &[0; 60]].concat());
        world.inject(stranger(), vec![step as u8; step as usize % 90]);
        world.run_for(crate::ms(20));
    }
    assert!(dropped(&world, DropReason::UnknownAddress) >= 400);
    assert!(dropped(&world, DropReason::BadIntegrity) > 0);
    assert!(world.engine().counters().handled_rtp - before.handled_rtp < 600, "only the publisher's");
    assert!(world.viewer(viewers[0]).longest_gap() < crate::ms(100));
    world.run_for(s(40));
    assert_eq!((world.end_of(publisher), world.end_of(viewers[0])), (None, None));
    assert_receives(&mut world, viewers[0]);
    world.finish();
}

#[test]
fn a_flood_of_forged_checks_does_not_cost_the_victim_its_consent() {
    let (mut world, publisher, viewers) = call(1, Media::camera(), WIRE);
    let ufrag = world.ufrag_of_shard(publisher).to_owned();
    for _ in 0..6_000 {
        world.inject(stranger(), forged_check(&format!("{ufrag}:abcd")));
        world.run_for(crate::ms(10));
    }
    assert_eq!(world.end_of(publisher), None);
    assert_receives(&mut world, viewers[0]);
    world.finish();
}

#[test]
fn a_forged_hello_cannot_touch_a_call_that_is_being_set_up() {
    let mut world = World::new(plenum_sim::seed(1));
    world.publish(0, "alice", Media::camera(), WIRE);
    let viewer = world.watch(0, None, WIRE);
    let hello = [&[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40, 1][..], &[0; 39]].concat();
    for _ in 0..50 {
        world.inject(stranger(), hello.clone());
        world.inject(stranger(), rtp(1));
        world.run_for(crate::ms(4));
    }
    assert!(world.run_until(s(2), |world| world.viewer(viewer).decoded() > 0));
    assert_receives(&mut world, viewer);
    world.finish();
}

#[test]
fn any_bytes_from_a_vouched_address_are_survived() {
    let (mut world, publisher, viewers) = call(1, Media::camera(), WIRE);
    let address = world.address(publisher);
    for first in [0_u8, 1, 20, 22, 23, 63, 64, 128, 129, 144, 191, 200, 255] {
        for length in 0..120 {
            let noise: Vec<u8> = (0..length).map(|_| world.random().u8(..)).collect();
            world.inject(address, [&[first][..], &noise].concat());
        }
        world.run_for(crate::ms(100));
    }
    assert_eq!(world.end_of(publisher), None);
    assert_receives(&mut world, viewers[0]);
    world.finish();
}
