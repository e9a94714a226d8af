// What an address says.
import assert from "node:assert/strict";
import test from "node:test";
import { flag, isName, roomOf, tokenOf, toName } from "../assets/js/options.js";

test("room names are what the server takes", () => {
  for (const good of ["demo", "A.b_c-9", "x".repeat(128)]) assert.ok(isName(good), good);
  for (const bad of ["", ".", "..", "a b", "é", "a/b", "x".repeat(129)]) assert.ok(!isName(bad), bad);
});

test("what somebody types becomes the nearest room name, or none", () => {
  assert.equal(toName("  My Café show! "), "My-Cafe-show");
  assert.equal(toName("a/../b"), "a..b");
  assert.equal(toName("🦀"), "");
  assert.equal(toName(".."), "");
});

test("the room is the second segment, if it is a name", () => {
  assert.equal(roomOf("/watch/demo"), "demo");
  assert.equal(roomOf("/watch/demo/"), "demo");
  for (const none of ["/watch", "/watch/", "/watch/%3Cscript%3E", "/watch/%", "/watch/%2e%2e"])
    assert.equal(roomOf(none), "", none);
});

test("flags work like HTML attributes, and can be switched off", () => {
  const query = new URLSearchParams("muted&controls=0&autoplay=true&a=FALSE");
  assert.equal(flag(query, "muted", false), true);
  assert.equal(flag(query, "controls", true), false);
  assert.equal(flag(query, "autoplay", false), true);
  assert.equal(flag(query, "a", true), false);
  assert.equal(flag(query, "missing", true), true);
});

test("the token comes from the fragment", () => {
  assert.equal(tokenOf("#access_token=a.b-c_d"), "a.b-c_d");
  assert.equal(tokenOf("#x=1&access_token=k%2B1"), "k+1");
  assert.equal(tokenOf(""), "");
});
