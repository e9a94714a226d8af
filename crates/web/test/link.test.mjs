// What servers put into Link headers, and what browsers accept of it.
import assert from "node:assert/strict";
import test from "node:test";
import { iceServersFrom, parseLinks } from "../sdk/link.js";

test("the example of RFC 9725 gives its STUN and TURN servers", () => {
  const header =
    '<stun:stun.example.net>; rel="ice-server", ' +
    '<turn:turn.example.net?transport=udp>; rel="ice-server"; username="user"; credential="myPassword"; credential-type="password", ' +
    '<turns:turn.example.net?transport=tcp>; rel="ice-server"; username="user"; credential="myPassword"; credential-type="password"';
  assert.deepEqual(iceServersFrom(header), [
    { urls: ["stun:stun.example.net"] },
    { urls: ["turn:turn.example.net?transport=udp"], username: "user", credential: "myPassword" },
    { urls: ["turns:turn.example.net?transport=tcp"], username: "user", credential: "myPassword" },
  ]);
});

test("quoted credentials may hold commas, semicolons, angle brackets and escaped quotes", () => {
  const header = String.raw`<turn:a>; rel=ice-server; username="1700000000:al;ice, x"; credential="a\"b\\c,<d>;e=", <stun:b>; rel=ice-server`;
  assert.deepEqual(iceServersFrom(header), [
    { urls: ["turn:a"], username: "1700000000:al;ice, x", credential: 'a"b\\c,<d>;e=' },
    { urls: ["stun:b"] },
  ]);
});

test("names and relation types are found in any case, with and without spaces and quotes", () => {
  assert.deepEqual(parseLinks('<x> ;REL="Foo Ice-Server" ; Title = "t" ,<y>;rel=bar;flag'), [
    { target: "x", rels: ["foo", "ice-server"], parameters: { title: "t" } },
    { target: "y", rels: ["bar"], parameters: { flag: "" } },
  ]);
});

test("a TURN server without credentials is left out: the browser would refuse the whole list", () => {
  assert.deepEqual(iceServersFrom('<turn:a>; rel="ice-server", <stun:b>; rel="ice-server"'), [
    { urls: ["stun:b"] },
  ]);
});

test("other relations and other schemes are no ICE servers", () => {
  const header =
    '</session/1/layer>; rel="urn:ietf:params:whep:ext:core:layer", <https://a>; rel="ice-server"';
  assert.deepEqual(iceServersFrom(header), []);
});

test("nonsense gives nothing and never throws", () => {
  for (const header of [null, undefined, "", "x", "<", "<a", ",,,", '<a>; rel="', "<a>;;;<b>", ";rel=x"]) {
    assert.deepEqual(iceServersFrom(header), [], String(header));
  }
});
