// A path of media that is lost: when it is mended, and when it is given up.
import assert from "node:assert/strict";
import test from "node:test";
import { Path } from "../sdk/path.js";
import { FakePeer, forget, furnish, settle, until } from "./fakes.mjs";

furnish();
const TIMES = { connectMs: 200, graceMs: 20, restartMs: 40 };

function scene(t, { restart = async () => {} } = {}) {
  forget();
  const pc = new FakePeer();
  const told = { changes: [], restarts: 0, lost: 0, hasSocket: true };
  const path = new Path(
    pc,
    {
      canRestart: () => told.hasSocket,
      restart: async () => {
        told.restarts += 1;
        await restart();
      },
      onChange: (isUp) => told.changes.push(isUp),
      onLost: () => (told.lost += 1),
    },
    TIMES,
  );
  t.after(() => path.close());
  return { pc, path, told };
}

test("a path that never comes up is lost after a while", async (t) => {
  const { pc, told } = scene(t);
  pc.become("connecting");
  await until("it is given up", () => told.lost === 1);
  assert.equal(told.restarts, 0);
});

test("a path that comes back by itself is left alone", async (t) => {
  const { pc, told } = scene(t);
  pc.become("connected");
  pc.become("disconnected");
  pc.become("connected");
  await new Promise((resolve) => setTimeout(resolve, 3 * TIMES.graceMs));
  assert.deepEqual([told.changes, told.restarts, told.lost], [[true], 0, 0]);
});

test("a lost path is restarted, and is up again when that helps", async (t) => {
  const { pc, told } = scene(t);
  pc.become("connected");
  pc.become("disconnected");
  await until("a restart", () => told.restarts === 1);
  pc.become("connected");
  assert.deepEqual(told.changes, [true, false, true]);
  await new Promise((resolve) => setTimeout(resolve, 2 * TIMES.restartMs));
  assert.deepEqual([told.restarts, told.lost], [1, 0]);
});

test("when restarts do not help, another session is needed, and it is asked for once", async (t) => {
  const { pc, told } = scene(t);
  pc.become("connected");
  pc.become("failed");
  await until("it is given up", () => told.lost === 1);
  assert.equal(told.restarts, 3);
  pc.become("failed");
  await settle();
  assert.equal(told.lost, 1);
});

test("without a socket a restart waits until there is one", async (t) => {
  const { pc, path, told } = scene(t);
  pc.become("connected");
  told.hasSocket = false;
  pc.become("failed");
  await new Promise((resolve) => setTimeout(resolve, 2 * TIMES.restartMs));
  assert.deepEqual([told.restarts, told.lost], [0, 0]);
  told.hasSocket = true;
  path.retry();
  assert.equal(told.restarts, 1);
});

test("a refused restart is tried again before it is given up", async (t) => {
  const { pc, told } = scene(t, { restart: () => Promise.reject(new Error("no answer")) });
  pc.become("connected");
  pc.become("failed");
  await until("another try", () => told.restarts === 2);
  pc.become("connected");
  assert.equal(told.lost, 0);
});
