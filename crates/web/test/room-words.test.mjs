// Names, links, captions and shortcuts: what people read, write and press in a call.
import assert from "node:assert/strict";
import test from "node:test";
import { Captions } from "../assets/js/room/captions.js";
import { linkOf } from "../assets/js/room/invite.js";
import { splitLinks } from "../assets/js/room/links.js";
import { recall, remember } from "../assets/js/room/memory.js";
import { hueOf, initialsOf, sayNames } from "../assets/js/room/names.js";
import { Keys } from "../assets/js/room/shortcuts.js";

test("initials are of the first and the last word, whatever the script", () => {
  const cases = {
    "Ada Lovelace": "AL",
    ada: "A",
    "Jan de Vries": "JV",
    "guest-x1f9": "GX",
    ديانا: "د",
    "👩‍🚀 Kim": "👩‍🚀K",
    "(Bo)": "B",
    "élan vital": "ÉV",
    "   ": "?",
    "": "?",
    "---": "?",
  };
  for (const [name, initials] of Object.entries(cases)) assert.equal(initialsOf(name), initials, name);
});

test("a tint is the same for the same identity, and they differ", () => {
  assert.equal(hueOf("ada"), hueOf("ada"));
  const hues = new Set(Array.from({ length: 50 }, (_, index) => hueOf(`guest-${index}`)));
  assert.ok(hues.size > 10 && [...hues].every((hue) => hue >= 0 && hue < 360));
});

test("long lists of names are shortened, and right-to-left names do not turn the others", () => {
  assert.equal(sayNames(["Ada"]), "Ada");
  assert.equal(sayNames(["Ada", "Bo"]), "Ada and Bo");
  assert.equal(sayNames(["A", "B", "C", "D", "E"]), "A, B, and 3 more");
  assert.equal(sayNames(["ديانا", "Bo"]), "\u2068ديانا\u2069 and Bo");
});

const linksIn = (text) => splitLinks(text).filter(({ href }) => href);

test("the parts of a message are the message", () => {
  for (const text of [
    "",
    "hello",
    "a https://x.org b http://y.org/c. d",
    "https://x.org",
    "(https://x.org/(a)) !",
  ]) {
    assert.equal(
      splitLinks(text)
        .map((part) => part.text)
        .join(""),
      text,
    );
  }
});

test("punctuation around an address is not part of it", () => {
  const found = linksIn("See https://example.org/a, (https://example.org/b) or https://example.org/c(d).");
  assert.deepEqual(
    found.map(({ text }) => text),
    ["https://example.org/a", "https://example.org/b", "https://example.org/c(d)"],
  );
});

test("only addresses of the web become links, and none that hides its host", () => {
  for (const text of [
    "javascript:alert(1)",
    "data:text/html,x",
    "ftp://example.org",
    "https://",
    "https://bank.example@evil.example/",
    "https://user:secret@evil.example/",
    "<script>alert(1)</script>",
    "file:///etc/passwd",
  ]) {
    assert.deepEqual(linksIn(text), [], text);
  }
});

test("a message of nothing but brackets or addresses is split in no time", () => {
  const started = performance.now();
  splitLinks(`https://x.org/${")".repeat(4_000)}`);
  splitLinks("https://x.org ".repeat(300));
  assert.ok(performance.now() - started < 500);
});

test("who comes and goes at once is said in one sentence", () => {
  const said = [];
  const captions = new Captions((text) => said.push(text));
  captions.came("Ada");
  captions.came("Bo");
  captions.went("Cy");
  captions.say("You are back in the call.");
  captions.flush();
  captions.stop();
  captions.flush();
  assert.deepEqual(said, ["Ada and Bo joined. Cy left. You are back in the call."]);
});

test("who is back at once was never gone", () => {
  const said = [];
  const captions = new Captions((text) => said.push(text));
  captions.went("Ada");
  captions.went("Bo");
  captions.came("Ada");
  captions.flush();
  captions.stop();
  assert.deepEqual(said, ["Bo left."]);
});

test("the link to give away holds no token", () => {
  const address = new URL("https://meet.example.org/r/standup?name=Ada#access_token=secret");
  assert.equal(linkOf(address), "https://meet.example.org/r/standup");
});

const storageOf = (text) => {
  let kept = text;
  return { getItem: () => kept, setItem: (_, value) => (kept = value) };
};

test("what is remembered comes back, and nonsense does not", () => {
  const storage = storageOf(null);
  assert.deepEqual(
    [recall(storage).name, recall(storage).camera, recall(storage).layout],
    ["", true, "grid"],
  );
  remember({ name: "Ada", camera: false, layout: "speaker" }, storage);
  remember({ cameraId: "c1" }, storage);
  const { name, camera, layout, cameraId, microphone } = recall(storage);
  assert.deepEqual([name, camera, layout, cameraId, microphone], ["Ada", false, "speaker", "c1", true]);
  for (const text of ["{", "null", '"x"', "[]", '{"name": 5, "camera": "yes", "layout": "none"}']) {
    const found = recall(storageOf(text));
    assert.deepEqual([found.name, found.camera, found.layout], ["", true, "grid"], text);
  }
});

test("a storage that throws is no reason to fail", () => {
  const broken = {
    getItem() {
      throw new Error("forbidden");
    },
    setItem() {
      throw new Error("full");
    },
  };
  assert.doesNotThrow(() => remember({ name: "Ada" }, broken));
  assert.equal(recall(broken).name, "");
});

const press = (keys, key, more = {}) => keys.press({ key, focus: "elsewhere", ...more });

test("single keys work, in either case, but not while typing or with a modifier", () => {
  const keys = new Keys();
  for (const [key, action] of Object.entries({
    m: "microphone",
    V: "camera",
    s: "screen",
    C: "chat",
    l: "layout",
    Escape: "close",
  })) {
    assert.equal(press(keys, key), action);
  }
  assert.equal(press(keys, "m", { focus: "typing" }), null);
  assert.equal(press(keys, "m", { focus: "menu" }), null);
  assert.equal(press(keys, "c", { hasModifier: true }), null);
  assert.equal(press(keys, "m", { repeat: true }), null);
  assert.equal(press(keys, "x"), null);
  assert.equal(press(keys, "m", { focus: "control" }), "microphone");
});

test("the held space bar talks once and hushes once", () => {
  const keys = new Keys();
  assert.equal(press(keys, " "), "talk");
  assert.equal(press(keys, " ", { repeat: true }), null);
  assert.ok(keys.isTalking);
  assert.equal(keys.release({ key: "m" }), null);
  assert.equal(keys.release({ key: " " }), "hush");
  assert.equal(keys.release({ key: " " }), null);
});

test("the space bar belongs to a focused button or field", () => {
  const keys = new Keys();
  for (const focus of ["typing", "control", "menu"]) assert.equal(press(keys, " ", { focus }), null);
  assert.equal(keys.release({ key: " " }), null);
});

test("a window that loses the focus stops talking", () => {
  const keys = new Keys();
  press(keys, " ");
  assert.equal(keys.lose(), "hush");
  assert.equal(keys.lose(), null);
});
