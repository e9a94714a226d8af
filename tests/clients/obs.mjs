// What OBS does, with the library it uses: `node obs.mjs WHIP_URL [TOKEN]`.
//
// One POST whose offer has no candidates, no PATCH ever, no RTX; RTP comes in on two UDP ports of loopback
// (ffmpeg feeds them) and goes out as it is. On the order `bye` it closes its PeerConnection first and sends
// DELETE then, and its answer is the status of that.

import { createSocket } from 'node:dgram';
import nodeDataChannel from 'node-datachannel';

import { obey, say } from './orders.mjs';

const [url, token] = process.argv.slice(2);
const VIDEO = { ssrc: 3_000_001, payloadType: 96 };
const AUDIO = { ssrc: 3_000_002, payloadType: 111 };

const connection = new nodeDataChannel.PeerConnection('obs', { iceServers: [] });

function addLine(media, addCodec, line, mid) {
  addCodec(media);
  media.addSSRC(line.ssrc, 'obs', 'stream', mid);
  return connection.addTrack(media);
}

const audio = addLine(
  new nodeDataChannel.Audio('0', 'SendOnly'),
  (media) => media.addOpusCodec(AUDIO.payloadType),
  AUDIO,
  'audio',
);
const video = addLine(
  new nodeDataChannel.Video('1', 'SendOnly'),
  (media) => media.addH264Codec(VIDEO.payloadType),
  VIDEO,
  'video',
);

/** A port for RTP; each packet leaves with the payload type and SSRC that were offered. */
async function forward(track, line) {
  const socket = createSocket('udp4');
  socket.on('message', (packet) => {
    const isRtcp = packet[1] >= 192 && packet[1] <= 223;
    if (isRtcp || !track.isOpen()) return;
    packet[1] = (packet[1] & 0x80) | line.payloadType;
    packet.writeUInt32BE(line.ssrc, 8);
    track.sendMessageBinary(packet);
  });
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return socket.address().port;
}

const state = new Promise((resolve, reject) => {
  connection.onStateChange((now) => {
    if (now === 'connected') resolve();
    if (now === 'failed' || now === 'closed') reject(new Error(now));
  });
});
const offered = new Promise((resolve) => connection.onLocalDescription((sdp) => resolve(sdp)));
connection.setLocalDescription('offer');

const offer = (await offered)
  .split('\r\n')
  .filter((line) => !line.startsWith('a=candidate') && line !== 'a=end-of-candidates')
  .join('\r\n');
const headers = { 'Content-Type': 'application/sdp' };
if (token) headers.Authorization = `Bearer ${token}`;
const response = await fetch(url, { method: 'POST', headers, body: offer, signal: AbortSignal.timeout(8_000) });
if (response.status !== 201) {
  say({ error: `${response.status}: ${await response.text()}` });
  process.exit(1);
}
const session = new URL(response.headers.get('location'), url);
connection.setRemoteDescription(await response.text(), 'answer');
await state;
say({ connected: true, video: await forward(video, VIDEO), audio: await forward(audio, AUDIO) });

const orders = {
  async bye() {
    connection.close();
    const { status } = await fetch(session, { method: 'DELETE' });
    return { status };
  },
};
await obey(orders, async () => connection.close());
