import assert from "node:assert/strict";
import { mock, test, type TestContext } from "node:test";

import { Heartbeat } from "../src/heartbeat.js";

/** A heartbeat of 10 s, in a time that the test moves. */
class Hour {
  /** What happened, and when, in seconds. */
  readonly log: string[] = [];
  readonly heartbeat: Heartbeat;
  #now = 0;
  #frozen = false;

  constructor(t: TestContext) {
    mock.timers.enable({ apis: ["setTimeout"] });
    t.after(() => mock.timers.reset());
    this.heartbeat = new Heartbeat(10_000, {
      ping: () => this.log.push(`ping ${this.#now / 1000}`),
      silent: (ms) => this.log.push(`silent for ${ms} ms at ${this.#now / 1000}`),
      now: () => this.#now,
    });
  }

  /** Lets time pass. */
  pass(seconds: number): void {
    for (let i = 0; i < seconds; i++) {
      this.#now += 1000;
      if (!this.#frozen) mock.timers.tick(1000);
    }
  }

  /** From now on timers do not come. */
  freeze(): void {
    this.#frozen = true;
  }

  /** Timers come again; the one that is late, at once. */
  thaw(): void {
    this.#frozen = false;
    mock.timers.tick(10_000);
  }
}

test("pings every interval while the server answers", (t) => {
  const hour = new Hour(t);
  for (let i = 0; i < 3; i++) {
    hour.pass(10);
    hour.heartbeat.heard();
  }
  assert.deepEqual(hour.log, ["ping 10", "ping 20", "ping 30"]);
});

test("a busy session pings no more often", (t) => {
  const hour = new Hour(t);
  for (let i = 0; i < 30; i++) {
    hour.heartbeat.heard();
    hour.pass(1);
  }
  assert.deepEqual(hour.log, ["ping 9", "ping 18", "ping 27"]);
});

test("ends when the server is silent for three intervals, not before", (t) => {
  const hour = new Hour(t);
  hour.pass(15);
  hour.heartbeat.heard();
  hour.pass(100);
  assert.deepEqual(hour.log, ["ping 10", "ping 20", "ping 30", "ping 40", "silent for 30000 ms at 50"]);
});

test("what is heard is an occasion to ping when timers come late", (t) => {
  const hour = new Hour(t);
  // Something comes every 10 s; the page's timers, once a minute.
  hour.freeze();
  for (let i = 0; i < 6; i++) {
    hour.pass(10);
    hour.heartbeat.heard();
  }
  assert.deepEqual(hour.log, ["ping 10", "ping 20", "ping 30", "ping 40", "ping 50", "ping 60"]);
});

test("a machine that slept is no silent server", (t) => {
  const hour = new Hour(t);
  hour.pass(9);
  hour.freeze();
  hour.pass(3600);
  hour.thaw();
  assert.deepEqual(hour.log, ["ping 3609"]);
  hour.pass(29);
  hour.heartbeat.heard();
  hour.pass(29);
  assert.ok(!hour.log.some((line) => line.startsWith("silent")), String(hour.log));
  hour.pass(11);
  assert.match(hour.log.at(-1) as string, /^silent/);
});

test("does nothing after its end, or without an interval", (t) => {
  const hour = new Hour(t);
  hour.heartbeat.stop();
  hour.heartbeat.heard();
  hour.pass(100);
  assert.deepEqual(hour.log, []);
  const none = new Heartbeat(0, { ping: () => assert.fail(), silent: () => assert.fail(), now: () => 0 });
  none.heard();
  hour.pass(100);
  none.stop();
});
