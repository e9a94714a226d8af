//! The room protocol of the reflector: every track goes into a free slot of every other member, and stays.

use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use str0m::Input;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid};
use str0m::rtp::RtpPacket;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use super::{Peer, State};

/// What a peer is besides, when it came by WebSocket.
pub struct Member {
    identity: String,
    offered: Value,
    /// Media lines of the offer.
    lines: usize,
    has_entered: bool,
    tracks: Vec<Track>,
    /// Lines to send on, with what is in each.
    slots: Vec<(Mid, MediaKind, Option<Track>)>,
    outbox: Sender<Value>,
}

#[derive(Debug, Clone, PartialEq)]
struct Track {
    id: String,
    owner: usize,
    mid: Mid,
    kind: MediaKind,
}

impl Track {
    fn to_json(&self, identity: &str) -> Value {
        let kind = if self.kind == MediaKind::Video { "video" } else { "audio" };
        json!({"id": self.id, "participant": identity, "kind": kind})
    }
}

/// Speaks with one member until it leaves.
pub fn serve(stream: TcpStream, state: &Mutex<State>) {
    let mut head = [0; 256];
    let length = stream.peek(&mut head).unwrap();
    let room = std::str::from_utf8(&head[..length]).unwrap().split('/').nth(3).unwrap().to_owned();
    let Ok(mut socket) = tungstenite::accept(stream) else { return };
    let join = read(&mut socket).unwrap();
    let identity = join["identity"].as_str().unwrap().to_owned();
    if state.lock().unwrap().vices.wants_token.is_some_and(|wanted| join["token"] != wanted) {
        let error = json!({"type": "error", "status": 401, "title": "Unauthorized", "detail": "wrong token"});
        return write(&mut socket, &error);
    }
    write(&mut socket, &state.lock().unwrap().welcome(&room));
    let Some(offer) = read(&mut socket) else { return };
    let (outbox, inbox) = channel();
    let (member, answer) = state.lock().unwrap().open_member(&room, identity, &offer, outbox);
    write(&mut socket, &json!({"type": "answer", "sdp": answer}));
    listen(socket, &inbox);
    state.lock().unwrap().leave_room(member);
}

fn listen(mut socket: WebSocket<TcpStream>, inbox: &Receiver<Value>) {
    socket.get_ref().set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    loop {
        inbox.try_iter().for_each(|message| write(&mut socket, &message));
        match socket.read() {
            Ok(Message::Text(text)) if text.contains("leave") => break,
            Ok(_) => {}
            Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    let _ = socket.close(None);
}

fn read(socket: &mut WebSocket<TcpStream>) -> Option<Value> {
    serde_json::from_str(socket.read().ok()?.to_text().ok()?).ok()
}

fn write(socket: &mut WebSocket<TcpStream>, message: &Value) {
    let _ = socket.send(Message::text(message.to_string()));
}

impl State {
    fn members(&mut self, room: &str) -> Vec<(usize, &mut Member)> {
        let here = self.peers.iter_mut().enumerate().filter(|(_, peer)| peer.room == room);
        here.filter_map(|(i, peer)| Some((i, peer.member.as_mut()?))).collect()
    }

    fn welcome(&mut self, room: &str) -> Value {
        let tracks: Vec<Value> = self
            .members(room)
            .iter()
            .flat_map(|(_, member)| member.tracks.iter().map(|track| track.to_json(&member.identity)))
            .collect();
        json!({"type": "welcome", "tracks": tracks})
    }

    fn open_member(
        &mut self,
        room: &str,
        identity: String,
        offer: &Value,
        outbox: Sender<Value>,
    ) -> (usize, String) {
        let sdp = offer["sdp"].as_str().unwrap();
        let (lines, (rtc, answer)) = (sdp.matches("\nm=").count(), self.accept(sdp));
        let offered = offer["tracks"].clone();
        let member =
            Member { identity, offered, lines, has_entered: false, tracks: vec![], slots: vec![], outbox };
        let (room, member) = (room.to_owned(), Some(member));
        self.peers.push(Peer { room, publishes: true, rtc, mids: vec![], began: vec![], member });
        (self.peers.len() - 1, answer)
    }

    /// Once, as soon as all its lines are ready.
    pub fn enter_room(&mut self, i: usize) {
        let room = self.peers[i].room.clone();
        let peer = &mut self.peers[i];
        let Some(member) = &mut peer.member else { return };
        if member.has_entered || peer.mids.len() < member.lines {
            return;
        }
        member.has_entered = true;
        for (kind, mid) in &peer.mids {
            let mid = *mid;
            match peer.rtc.media(mid).unwrap().direction() {
                Direction::SendOnly => member.slots.push((mid, *kind, None)),
                _ if member.offered[mid.to_string()]["muted"] == false => {
                    member.tracks.push(Track { id: format!("TR_{i}_{mid}"), owner: i, mid, kind: *kind });
                }
                _ => {}
            }
        }
        let published: Vec<Value> =
            member.tracks.iter().map(|track| track.to_json(&member.identity)).collect();
        let answers_again = self.vices.answers_again;
        for (other, member) in self.members(&room) {
            for track in &published {
                let _ = member.outbox.send(json!({"type": "track_published", "track": track}));
            }
            if answers_again && other != i {
                let _ = member.outbox.send(json!({"type": "answer", "sdp": ""}));
            }
        }
        self.fill_slots(&room);
    }

    fn leave_room(&mut self, i: usize) {
        let room = std::mem::take(&mut self.peers[i].room);
        self.peers[i].rtc.disconnect();
        self.ended.push(i);
        for (_, member) in self.members(&room) {
            for slot in member.slots.iter_mut().filter(|slot| slot.2.as_ref().is_some_and(|t| t.owner == i)) {
                slot.2 = None;
            }
        }
        self.fill_slots(&room);
    }

    fn fill_slots(&mut self, room: &str) {
        let swaps = self.vices.swaps_slots;
        let tracks: Vec<Track> =
            self.members(room).iter().flat_map(|(_, member)| member.tracks.clone()).collect();
        for (i, member) in self.members(room) {
            for track in tracks.iter().filter(|track| track.owner != i) {
                let is_there = member.slots.iter().any(|(.., held)| held.as_ref() == Some(track));
                let mut free =
                    member.slots.iter_mut().filter(|(_, kind, held)| *kind == track.kind && held.is_none());
                if let Some(slot) = free.next().filter(|_| !is_there) {
                    slot.2 = Some(track.clone());
                }
            }
            member.tell_slots(swaps);
        }
        for track in tracks.iter().filter(|track| track.kind == MediaKind::Video) {
            if let Some(stream) = self.peers[track.owner].rtc.direct_api().stream_rx_by_mid(track.mid, None) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
        }
    }

    pub fn forward_to_slots(&mut self, from: usize, packet: &RtpPacket) {
        let publisher = &mut self.peers[from];
        let ssrc = packet.header.ssrc;
        let Some(line) = publisher.rtc.direct_api().stream_rx(&ssrc).map(|stream| stream.mid()) else {
            return;
        };
        if self.vices.starves_slots {
            return;
        }
        for to in 0..self.peers.len() {
            let peer = &mut self.peers[to];
            let Some(member) = &peer.member else { continue };
            let is_it = |track: &Track| track.owner == from && track.mid == line;
            let slot = member.slots.iter().find(|(.., held)| held.as_ref().is_some_and(is_it));
            if let Some((mid, kind, _)) = slot.cloned() {
                peer.write_on(mid, kind, packet, &packet.payload);
                peer.rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
                self.drain(to);
            }
        }
    }
}

impl Member {
    fn tell_slots(&self, swaps: bool) {
        let mut held: Vec<(Mid, Option<&str>)> =
            self.slots.iter().map(|(mid, _, track)| (*mid, track.as_ref().map(|t| t.id.as_str()))).collect();
        if swaps && let [(_, first), (_, second), ..] = &mut held[..] {
            std::mem::swap(first, second);
        }
        let slots: serde_json::Map<String, Value> =
            held.into_iter().map(|(mid, track)| (mid.to_string(), json!(track))).collect();
        let _ = self.outbox.send(json!({"type": "slots", "slots": slots}));
    }
}
