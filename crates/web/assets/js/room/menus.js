/**
 * What the menus of a call hold: of a tile, and behind "More".
 *
 * @module
 */

import { DIRECT_LABEL } from "./bar.js";
import { openDevicesDialog } from "./devices-dialog.js";
import { MediaControls } from "./media-controls.js";
import { toggleMenu } from "./menu.js";
import { moderationItems } from "./moderation.js";
import { PictureInPicture } from "./pip.js";
import { tileId } from "./stage.js";

/** The bar of a narrow window leaves these buttons to the menu. */
const isNarrow = () => matchMedia("(max-width: 640px)").matches;

/**
 * @param {import("./call.js").Call} call
 * @param {import("./tile.js").Tile} tile
 * @param {HTMLElement} button
 */
export function openTileMenu(call, tile, button) {
  const { stage, stats, room } = call;
  const id = tile.isSelf ? "self" : tileId(tile.identity, tile.source);
  const person = tile.isSelf ? room.me : room.participants.get(tile.identity);
  if (!person) return;
  const items = [
    {
      label: stage.pinned === id ? "Unpin" : "Pin to the stage",
      icon: "pin",
      shortcut: "double click",
      run: () => stage.togglePin(id),
    },
    {
      label: "Statistics",
      icon: "chart",
      checked: stats.isShown(tile),
      run: () => stats.toggle(tile),
    },
    document.fullscreenEnabled && {
      label: document.fullscreenElement === tile.element ? "Leave full screen" : "Full screen",
      icon: "expand",
      run: () => toggleFullscreen(tile.element),
    },
    ...(tile.source === "camera" ? moderationItems(room, person, (error) => call.sayError(error)) : []),
  ];
  toggleMenu(button, items, button.title);
}

/**
 * @param {import("./call.js").Call} call
 * @param {HTMLElement} button
 */
export function openMoreMenu(call, button) {
  const { room, stage, media, direct, pip } = call;
  const narrow = isNarrow();
  const isAdmin = room.me.permissions.admin;
  const items = [
    narrow && {
      label: stage.mode === "grid" ? "Speaker layout" : "Grid layout",
      icon: stage.mode === "grid" ? "speaker-view" : "grid",
      run: () => call.toggleLayout(),
    },
    narrow &&
      MediaControls.canShare && {
        label: media.isOn("screen") ? "Stop sharing your screen" : "Share your screen",
        icon: "screen",
        run: () => media.toggleScreen(),
      },
    {
      label: "Invite others",
      icon: "share",
      run: () => call.invite(),
    },
    {
      label: "Devices and keys",
      icon: "settings",
      run: () => openDevicesDialog(room, (error, source) => media.report(error, source)),
    },
    narrow &&
      direct.state !== "hidden" && {
        label: DIRECT_LABEL,
        icon: "direct",
        checked: direct.state !== "off",
        run: () => direct.toggle(),
      },
    PictureInPicture.isSupported && {
      label: pip.isOn ? "End picture in picture" : "Picture in picture",
      icon: "pip",
      run: () => call.togglePictureInPicture(),
    },
    document.fullscreenEnabled && {
      label: document.fullscreenElement ? "Leave full screen" : "Full screen",
      icon: document.fullscreenElement ? "shrink" : "expand",
      run: () => toggleFullscreen(document.documentElement),
    },
    isAdmin && {
      label: room.info.locked ? "Unlock the room" : "Lock the room",
      icon: room.info.locked ? "unlock" : "lock",
      run: () => (room.info.locked ? room.unlock() : room.lock()).catch((error) => call.sayError(error)),
    },
  ];
  toggleMenu(button, items, "More");
}

function toggleFullscreen(element) {
  const task = document.fullscreenElement ? document.exitFullscreen() : element.requestFullscreen();
  task.catch(() => {});
}
