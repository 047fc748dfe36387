import assert from "node:assert/strict";
import { test } from "node:test";

import { Audience } from "../src/audience.js";
import { EndError } from "../src/errors.js";
import { Code, type Event } from "../src/index.js";

const event = (n: number): Event => ({ kind: "draining", room: "", seq: BigInt(n) }) as Event;
const never = (): void => assert.fail("overflow");

/** Takes from a loop: seqs, then "end" or the error's reason. */
async function take(loop: AsyncIterableIterator<Event>, count: number): Promise<(number | string)[]> {
  const taken: (number | string)[] = [];
  while (taken.length < count) {
    try {
      const next = await loop.next();
      taken.push(next.done === true ? "end" : Number(next.value.seq));
    } catch (error) {
      taken.push((error as EndError).reason);
    }
  }
  return taken;
}

test("everybody hears every event, in order", async () => {
  const audience = new Audience(10, never);
  const heard: bigint[] = [];
  const remove = audience.add(({ seq }) => heard.push(seq));
  const loop = audience.loop();
  audience.tell(event(1));
  assert.deepEqual(heard, [1n], "at once");
  const late = audience.loop();
  audience.tell(event(2));
  remove();
  audience.tell(event(3));
  audience.end(undefined);
  assert.deepEqual(heard, [1n, 2n]);
  assert.deepEqual(await take(loop, 5), [1, 2, 3, "end", "end"]);
  assert.deepEqual(await take(late, 3), [2, 3, "end"]);
});

test("who has gone hears no more, not even of the event with which it went", () => {
  const audience = new Audience(10, never);
  const heard: string[] = [];
  const remove = [audience.add(() => (heard.push("first"), remove[1]?.())), audience.add(() => heard.push("second"))];
  audience.tell(event(1));
  remove[0]?.();
  assert.deepEqual(heard, ["first"]);
});

test("events wait for the first who comes", async () => {
  const audience = new Audience(10, never);
  audience.tell(event(1));
  const heard: number[] = [];
  audience.add(({ seq }) => heard.push(Number(seq)));
  audience.tell(event(2));
  await Promise.resolve();
  audience.tell(event(3));
  assert.deepEqual(heard, [1, 2, 3]);
  assert.deepEqual(await take((audience.end(undefined), audience.loop()), 1), ["end"]);
});

test("a loop takes what came before the end, then the error, once", async () => {
  const audience = new Audience(10, never);
  audience.tell(event(1));
  audience.end(new EndError(Code.Unavailable, "SHUTTING_DOWN", ""));
  const loop = audience.loop();
  assert.deepEqual(await take(loop, 3), [1, "SHUTTING_DOWN", "end"]);
});

test("a loop may be left and begun again", async () => {
  const audience = new Audience(10, never);
  for (const n of [1, 2, 3]) audience.tell(event(n));
  for await (const { seq } of audience.loop()) if (seq === 2n) break;
  audience.tell(event(4));
  const loop = audience.loop();
  assert.deepEqual(await take(loop, 2), [3, 4]);
  const waiting = take(loop, 1);
  await loop.return?.();
  assert.deepEqual(await waiting, ["end"]);
});

test("what a loop leaves is not told twice to those who listen", async () => {
  const audience = new Audience(10, never);
  const heard: number[] = [];
  const loop = audience.loop();
  audience.add(({ seq }) => heard.push(Number(seq)));
  audience.tell(event(1));
  await loop.return?.();
  audience.tell(event(2));
  assert.deepEqual(heard, [1, 2]);
});

test("what waits has a bound", () => {
  let overflows = 0;
  const early = new Audience(2, () => overflows++);
  for (const n of [1, 2]) early.tell(event(n));
  assert.equal(overflows, 0);
  early.tell(event(3));
  assert.equal(overflows, 1);

  const slow = new Audience(2, () => overflows++);
  slow.loop();
  slow.add(() => {});
  for (const n of [1, 2]) slow.tell(event(n));
  assert.equal(overflows, 1);
  slow.tell(event(3));
  assert.equal(overflows, 2);
});

test("a listener's mistake is its own", async (t) => {
  const audience = new Audience(2, never);
  const mistakes: unknown[] = [];
  t.mock.method(globalThis, "queueMicrotask", (report: () => void) => {
    try {
      report();
    } catch (error) {
      mistakes.push(error);
    }
  });
  const heard: number[] = [];
  audience.add(() => {
    throw new Error("mistake");
  });
  audience.add(({ seq }) => heard.push(Number(seq)));
  audience.tell(event(1));
  assert.deepEqual(heard, [1]);
  assert.equal(mistakes.length, 1);
});
