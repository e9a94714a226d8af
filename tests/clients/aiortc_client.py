"""aiortc as a WHIP publisher or a WHEP viewer: `aiortc_client.py publish|watch URL`.

Prints one JSON object when connected, then one each half second: frames and samples that were sent or
decoded so far.
"""

import asyncio
import fractions
import json
import signal
import sys
import urllib.parse
import urllib.request

from aiortc import (
    AudioStreamTrack,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.mediastreams import MediaStreamError
from av import VideoFrame

WIDTH, HEIGHT = 640, 360
seen = {"video": 0, "audio": 0}


def say(**fields):
    print(json.dumps(fields), flush=True)


class MovingBars(VideoStreamTrack):
    """Grey bars that move, so that every frame differs from the last."""

    async def recv(self):
        pts, time_base = await self.next_timestamp()
        frame = VideoFrame(width=WIDTH, height=HEIGHT, format="yuv420p")
        shift = seen["video"] * 4
        for number, plane in enumerate(frame.planes):
            if number == 0:
                row = bytes((x + shift) & 0xFF for x in range(plane.line_size))
                plane.update(row * plane.height)
            else:
                plane.update(bytes([128]) * plane.buffer_size)
        frame.pts, frame.time_base = pts, fractions.Fraction(time_base)
        seen["video"] += 1
        return frame


async def consume(track):
    try:
        while True:
            frame = await track.recv()
            seen[track.kind] += 1 if track.kind == "video" else frame.samples
    except MediaStreamError:
        pass


def request(method, url, body=None):
    call = urllib.request.Request(url, data=body, method=method)
    if body is not None:
        call.add_header("Content-Type", "application/sdp")
    with urllib.request.urlopen(call, timeout=8) as response:
        return response.headers.get("Location"), response.read().decode()


async def main(role, url):
    connection = RTCPeerConnection()
    connected = asyncio.Event()

    @connection.on("connectionstatechange")
    def on_state():
        if connection.connectionState == "connected":
            connected.set()

    consumers = []
    if role == "publish":
        connection.addTrack(AudioStreamTrack())
        connection.addTrack(MovingBars())
    else:
        connection.addTransceiver("audio", direction="recvonly")
        connection.addTransceiver("video", direction="recvonly")
        connection.on("track", lambda track: consumers.append(asyncio.ensure_future(consume(track))))

    await connection.setLocalDescription(await connection.createOffer())
    offer = connection.localDescription.sdp.encode()
    location, answer = await asyncio.to_thread(request, "POST", url, offer)
    await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await asyncio.wait_for(connected.wait(), 10)
    say(connected=True)

    leaving = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, leaving.set)
    while not leaving.is_set():
        say(**seen)
        try:
            await asyncio.wait_for(leaving.wait(), 0.5)
        except asyncio.TimeoutError:
            pass
    await connection.close()
    await asyncio.to_thread(request, "DELETE", urllib.parse.urljoin(url, location))


try:
    asyncio.run(main(*sys.argv[1:3]))
except Exception as error:  # the test wants to know, whatever it was
    say(error=repr(error))
    sys.exit(1)
