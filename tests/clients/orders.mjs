// How a client script talks to the test that started it: one JSON object per line in, one out for each.

import { createInterface } from 'node:readline';

/** Says something to the test. */
export function say(object) {
  process.stdout.write(`${JSON.stringify(object)}\n`);
}

/**
 * Obeys orders `{do: name, ...}` one after the other, until the test closes the pipe or ends the process.
 * What an order returns is its answer; what it throws is `{error}`.
 */
export async function obey(orders, goodbye) {
  let leaving = false;
  const leave = async () => {
    if (leaving) return;
    leaving = true;
    await Promise.race([goodbye(), new Promise((resolve) => setTimeout(resolve, 1_500))]);
    process.exit(0);
  };
  process.once('SIGTERM', leave);
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    try {
      const answer = await orders[order.do](order);
      say(answer ?? {});
    } catch (error) {
      say({ error: `${order.do}: ${error.stack ?? error}` });
    }
  }
  await leave();
}
