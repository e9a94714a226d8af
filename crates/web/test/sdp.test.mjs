// ICE fragments out, ICE fragments in, and stereo.
import assert from "node:assert/strict";
import test from "node:test";
import { iceCredentialsOf, iceFragment, restartedAnswer, withStereoOpus } from "../sdk/sdp.js";

const crlf = (...lines) => `${lines.join("\r\n")}\r\n`;

const OFFER = crlf(
  "v=0",
  "o=- 1 2 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "a=group:BUNDLE 0 1",
  "m=video 9 UDP/TLS/RTP/SAVPF 96",
  "c=IN IP4 0.0.0.0",
  "a=ice-ufrag:EsAw",
  "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
  "a=mid:0",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111",
  "a=ice-ufrag:EsAw",
  "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
  "a=mid:1",
);
const ANSWER = crlf(
  "v=0",
  "o=- 9 9 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "a=group:BUNDLE 0 1",
  "a=fingerprint:sha-256 AA",
  "m=video 9 UDP/TLS/RTP/SAVPF 96",
  "a=mid:0",
  "a=ice-ufrag:old",
  "a=ice-pwd:oldoldoldoldoldoldoldold",
  "a=candidate:1 1 udp 1 127.0.0.1 1 typ host",
  "a=end-of-candidates",
  "a=recvonly",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111",
  "a=mid:1",
  "a=ice-ufrag:old",
  "a=ice-pwd:oldoldoldoldoldoldoldold",
  "a=recvonly",
);

test("a fragment names the bundle's first line, the credentials and the candidates", () => {
  const candidate =
    "candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1";
  assert.equal(
    iceFragment(OFFER, [candidate, ""], true),
    crlf(
      "a=group:BUNDLE 0 1",
      "m=video 9 UDP/TLS/RTP/SAVPF 96",
      "a=mid:0",
      "a=ice-ufrag:EsAw",
      "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
      `a=${candidate}`,
      "a=end-of-candidates",
    ),
  );
});

test("credentials at session level are found, as Firefox puts some attributes there", () => {
  const sdp = crlf("v=0", "a=ice-ufrag:abcd", "a=ice-pwd:0123456789012345678901", "m=audio 9 X 0", "a=mid:0");
  assert.deepEqual(iceCredentialsOf(sdp), { ufrag: "abcd", pwd: "0123456789012345678901" });
  assert.equal(iceCredentialsOf("v=0\r\n"), null);
});

test("a restart replaces all credentials and candidates and leaves everything else alone", () => {
  const fragment = crlf(
    "a=ice-ufrag:new",
    "a=ice-pwd:newnewnewnewnewnewnewnew",
    "m=video 9 X 0",
    "a=mid:0",
    "a=candidate:2 1 udp 1 127.0.0.1 2 typ host",
    "a=end-of-candidates",
  );
  const answer = restartedAnswer(ANSWER, fragment);
  assert.equal(answer.match(/a=ice-ufrag:new/g).length, 2);
  assert.equal(answer.match(/a=ice-pwd:newnewnewnewnewnewnewnew/g).length, 2);
  assert.ok(!answer.includes("old"));
  const [, video, audio] = answer.split(/^m=/m);
  assert.ok(
    video.includes("a=candidate:2 1 udp") &&
      video.includes("a=end-of-candidates") &&
      video.includes("a=recvonly"),
  );
  assert.ok(!audio.includes("candidate"));
  assert.ok(answer.includes("a=fingerprint:sha-256 AA") && answer.endsWith("\r\n"));
});

test("a restart of an answer with one line appends the candidates at its end", () => {
  const one = ANSWER.slice(0, ANSWER.indexOf("m=audio"));
  assert.match(
    restartedAnswer(one, "a=ice-ufrag:u\na=ice-pwd:p\na=candidate:3 x"),
    /a=recvonly\r\na=candidate:3 x\r\n$/,
  );
});

test("a restart fragment without credentials is refused", () => {
  assert.throws(() => restartedAnswer(ANSWER, "a=candidate:1"), SyntaxError);
});

test("stereo is asked for once, for opus only", () => {
  const sdp = crlf(
    "m=audio 9 X 111 63",
    "a=rtpmap:111 opus/48000/2",
    "a=fmtp:111 minptime=10;useinbandfec=1",
    "a=rtpmap:63 red/48000/2",
    "a=fmtp:63 111/111",
  );
  const stereo = withStereoOpus(sdp);
  assert.ok(stereo.includes("a=fmtp:111 minptime=10;useinbandfec=1;stereo=1\r\n"));
  assert.ok(stereo.includes("a=fmtp:63 111/111\r\n"));
  assert.equal(withStereoOpus(stereo), stereo);
  assert.equal(withStereoOpus("m=video 9 X 96\r\n"), "m=video 9 X 96\r\n");
});
