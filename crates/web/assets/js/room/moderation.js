/**
 * What a moderator can do to somebody, as items of a menu; what cannot be undone asks first.
 *
 * @module
 */

import { byId, setText } from "../ui.js";

/**
 * Asks a question that has a yes and a no.
 *
 * @param {{title: string, text: string, yes: string}} question
 * @returns {Promise<boolean>}
 */
export function confirm({ title, text, yes }) {
  const dialog = byId("confirm-dialog");
  setText(byId("confirm-heading"), title);
  setText(byId("confirm-text"), text);
  setText(byId("confirm-yes"), yes);
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

/**
 * @param {import("../../../sdk/plenum.js").Room} room
 * @param {import("../../../sdk/plenum.js").Participant} person
 * @param {(error: Error) => void} onError
 * @returns {import("./menu.js").Item[]} empty for those who are no moderators
 */
export function moderationItems(room, person, onError) {
  if (!room.me.permissions.admin || person.isLocal) return [];
  const name = person.name || person.identity;
  const voice = person.tracks.get("microphone");
  const picture = person.tracks.get("camera");
  const screen = person.tracks.get("screen");
  const run = (task) => () => task().catch(onError);
  const isOn = (track) => track && !track.muted;
  const end = async (ask, task) => {
    if (await confirm(ask)) await task();
  };
  return [
    isOn(voice) && {
      label: "Mute microphone",
      icon: "mic-off",
      run: run(() => room.muteParticipant(person.identity, voice.id)),
    },
    !isOn(voice) && {
      label: "Ask to unmute",
      icon: "mic",
      run: run(() => room.requestUnmute(person.identity, voice?.id)),
    },
    isOn(picture) && {
      label: "Stop camera",
      icon: "camera-off",
      run: run(() => room.muteParticipant(person.identity, picture.id)),
    },
    isOn(screen) && {
      label: "Stop screen share",
      icon: "screen",
      run: run(() => room.muteParticipant(person.identity, screen.id)),
    },
    {
      label: "Remove from the call",
      icon: "door",
      isDanger: true,
      run: run(() =>
        end(
          {
            title: `Remove ${name}?`,
            text: "They leave at once, and may come back by the link.",
            yes: "Remove",
          },
          () => room.kick(person.identity),
        ),
      ),
    },
    {
      label: "Remove and keep out",
      icon: "ban",
      isDanger: true,
      run: run(() =>
        end(
          {
            title: `Remove ${name} and keep them out?`,
            text: "They leave at once and cannot come back for as long as this room lives.",
            yes: "Keep out",
          },
          () => room.ban(person.identity),
        ),
      ),
    },
  ].filter(Boolean);
}
