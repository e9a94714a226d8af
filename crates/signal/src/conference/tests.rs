//! What a conference does, in sentences, and a random walk against its invariants.

mod chat;
mod door;
mod entry;
mod lobby;
mod media;
mod moderation;
mod publishers;
mod requests;
mod stage;
mod tracks;
mod walk;
