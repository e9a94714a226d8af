// plenum.d.ts and the examples of the README, before a TypeScript compiler: what they promise fits together.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const compiler = join(here, "../../../tests/clients/node_modules/typescript/bin/tsc");
const isRequired = process.env.PLENUM_TEST_CLIENTS === "required";
const skip = !existsSync(compiler) && !isRequired && "there is no TypeScript; cargo xtask test installs it";
const types = join(here, "../sdk/plenum.d.ts");

/** What the compiler says of these files, empty if nothing. */
function check(t, files, options) {
  const folder = mkdtempSync(join(tmpdir(), "plenum-types-"));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const compilerOptions = {
    noEmit: true,
    target: "es2022",
    module: "esnext",
    moduleResolution: "bundler",
    lib: ["es2023", "dom", "dom.iterable"],
    types: [],
    paths: { "plenum-sdk": [types], "http://127.0.0.1:7880/sdk/plenum.js": [types] },
    ...options,
  };
  const config = join(folder, "tsconfig.json");
  writeFileSync(config, JSON.stringify({ compilerOptions, files: [types, ...Object.keys(files)] }));
  return spawnSync(process.execPath, [compiler, "-p", config], { encoding: "utf8" }).stdout;
}

const usage = `
import { Room, type RemoteTrack, type RoomEvents, PlenumError, WhepPlayer } from "plenum-sdk";
const room: Room = await Room.join(new URL("https://x"), "demo", {
  slots: { video: 4 },
  publish: { camera: { facingMode: "user" }, microphone: true },
  on: { lobby: ({ waiting }) => waiting.map(({ name }) => name.length) },
});
const stop: () => void = room.on("quality", ({ participant, quality }) => [participant.name, quality === "lost"]);
const track: RemoteTrack | undefined = [...room.participants.values()][0]?.tracks.get("screen");
const attachment = room.attach(track!, document.createElement("video"), { onState: (state) => state === "live" });
const id: string = attachment.trackId;
const error = new PlenumError({ detail: "x" });
const status: number = error.status;
room.topic("x").on("message", ({ payload, from }) => [payload.anything, from.length]);
await room.topic("x").send({ a: [1, "b", null] }, { to: "bob" });
type Names = keyof RoomEvents;
const player: EventTarget = new WhepPlayer("/whep/x");
export { stop, id, status, player, type Names };
`;

test("the types are sound by themselves, as strict as it gets", { skip }, (t) => {
  const strict = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
  };
  assert.equal(check(t, { "usage.ts": usage }, strict), "");
});

test("what is not in the types is an error", { skip }, (t) => {
  const wrong = [
    `import { Room } from "plenum-sdk"; new Room("x", "y", { mode: "peer" });`,
    `import { Room } from "plenum-sdk"; new Room("x", "y").on("nonsense", () => {});`,
    `import { Room } from "plenum-sdk"; new Room("x", "y").on("state", ({ colour }) => colour);`,
    `import { Room } from "plenum-sdk"; new Room("x", "y").state = "closed";`,
  ];
  const files = Object.fromEntries(wrong.map((text, n) => [`wrong${n}.ts`, text]));
  const said = check(t, files, { strict: true });
  for (const name of Object.keys(files)) assert.match(said, new RegExp(name));
});

test("the examples of the README fit the types", { skip }, (t) => {
  const readme = readFileSync(join(here, "../sdk/README.md"), "utf8");
  const examples = [...readme.matchAll(/^```js\n([\s\S]*?)^```/gm)].map(([, text]) => text);
  assert.ok(examples.length >= 7);
  const files = Object.fromEntries(examples.map((text, n) => [`example${n}.js`, text]));
  assert.equal(check(t, files, { allowJs: true, checkJs: true, strict: true, strictNullChecks: false }), "");
});
