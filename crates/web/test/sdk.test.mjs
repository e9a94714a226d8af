// The SDK as others get it: what plenum.d.ts promises is there, and its codecs are few.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import test from "node:test";
import { worthOffering } from "../sdk/codecs.js";
import * as sdk from "../sdk/plenum.js";

const read = (name) => readFileSync(new URL(`../sdk/${name}`, import.meta.url), "utf8");
const types = read("plenum.d.ts");

test("it exports exactly what its types say", () => {
  const promised = [...types.matchAll(/^export (?:class|function) (\w+)/gm)].map(([, name]) => name);
  assert.deepEqual(Object.keys(sdk).sort(), promised.sort());
});

/** Methods and properties that a class in the types has, by name. */
function membersOf(name) {
  const [, body] = new RegExp(`^export class ${name}\\b[^{]*\\{\\n([\\s\\S]*?)^\\}`, "m").exec(types);
  const members = [...body.matchAll(/^ {2}(static )?(?:readonly )?(\w+)\??(?:<[^(]*>)?[(:]/gm)];
  return members
    .map(([, isStatic, member]) => [Boolean(isStatic), member])
    .filter(([, member]) => member !== "constructor");
}

test("a room has every member that its type has", () => {
  const room = new sdk.Room("http://host", "demo");
  const members = membersOf("Room");
  assert.ok(members.length > 40);
  for (const [isStatic, member] of members)
    assert.ok(member in (isStatic ? sdk.Room : room), `Room.${member}`);
  for (const [, member] of membersOf("Topic")) assert.ok(member in room.topic("x"), `Topic.${member}`);
  for (const [, member] of membersOf("Chat")) assert.ok(member in room.chat, `Chat.${member}`);
  for (const [, member] of membersOf("DirectCall")) {
    assert.ok(
      member in sdk.DirectCall.prototype || ["state", "reason"].includes(member),
      `DirectCall.${member}`,
    );
  }
  for (const name of ["LocalTrack", "Participant"]) {
    const [, body] = new RegExp(`^export interface ${name} \\{\\n([\\s\\S]*?)^\\}`, "m").exec(types);
    const object = name === "Participant" ? room.me : room.localTracks.get("camera");
    for (const [, member] of body.matchAll(/readonly (\w+):/g))
      assert.ok(member in object, `${name}.${member}`);
  }
});

test("what is published to npm is what the server serves", () => {
  const { main, types: typed, exports, files, dependencies } = JSON.parse(read("package.json"));
  for (const path of [main, typed, exports["."].default, exports["."].types])
    assert.ok(read(path.slice(2)).length > 0);
  assert.deepEqual(files, ["*.js", "plenum.d.ts", "README.md"]);
  assert.equal(dependencies, undefined);
});

test("no module is a hall, says anything on the console, or leaves its folder", () => {
  for (const name of readdirSync(new URL("../sdk/", import.meta.url)).filter((file) =>
    file.endsWith(".js"),
  )) {
    const text = read(name);
    assert.ok(text.split("\n").length <= 400, name);
    // In examples within comments it may.
    assert.doesNotMatch(text.replace(/\/\*[\s\S]*?\*\//g, ""), /console\.|debugger/, name);
    assert.doesNotMatch(text, /from "\.\.\//, name);
  }
});

const video = (name, sdpFmtpLine = "") => ({ mimeType: `video/${name}`, clockRate: 90_000, sdpFmtpLine });

test("lines offer what the server forwards, with retransmission, and no more", () => {
  const all = [
    video("VP8"),
    video("rtx"),
    video("VP9", "profile-id=0"),
    video("VP9", "profile-id=2"),
    video("H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
    video("H264", "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f"),
    video("H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=f4001f"),
    video("AV1", "level-idx=5;profile=0;tier=0"),
    video("AV1", "level-idx=5;profile=1;tier=0"),
    video("red"),
    video("ulpfec"),
    video("H265"),
  ];
  const names = (codecs) => codecs.map(({ mimeType }) => mimeType.slice(6));
  assert.deepEqual(names(worthOffering(all)), ["VP8", "rtx", "VP9", "H264", "AV1"]);
  assert.equal(names(worthOffering(all, "av1"))[0], "AV1");
  const audio = ["opus", "red", "CN", "telephone-event", "PCMU"].map((name) => ({
    mimeType: `audio/${name}`,
  }));
  assert.deepEqual(names(worthOffering(audio)), ["opus"]);
});
