import assert from "node:assert/strict";
import { test } from "node:test";

import { startServer } from "./server.js";
import { websocketPeers } from "./transcript/peers.js";
import { play } from "./transcript/play.js";
import { parse } from "./transcript/transcript.js";

const conversation = (lines: string): string => `A story.\n\n-- conversation --\n${lines}\n`;

test("what cannot be played is refused", () => {
  for (const [lines, why] of [
    ["", "no lines"],
    ["ana joins", "want a line such as"],
    ["ana> knock {}", "want a message"],
    ["ana> join\nana< knock", "want an event"],
    ["ana> join\nana< end LATER", "want a status"],
    ["ana> raw 0", "hexadecimal"],
    ["ana> join in lobby {}", "want a request id"],
    ["ana< welcome *", "has no stream"],
    ["ana> cancel", "no stream to lose"],
    ["ana> join\nana< end OK\nana< end OK", "is gone"],
    ["ana> half-close", "sees no end"],
    ["ana> half-close\nana> join", "sends no more"],
    ['ana> join {"room":"$r"}', "no value yet"],
    ["ana> join\nbob> join", "nothing shows"],
    ["  ana> join", "nothing stands before"],
    ["ana> join\n-- text --\nunused", "nothing uses"],
    ["ana> join\n-- No! --", "want a name"],
  ] as const) {
    assert.throws(() => parse("test", conversation(lines)), { message: new RegExp(why) }, lines);
  }
});

test("what goes otherwise than written is told", async () => {
  const server = await startServer();
  const open = 'ana> join {"room":"lobby"}\nana< welcome *\n';
  try {
    for (const [lines, why] of [
      ['ana> join #1 {"room":""}\nana< welcome *\nana< ack #1', /test:6: ana< ack #1\ncame instead: ana< failure #1 /],
      [`${open}ana< joined_users in lobby {"users":[]}`, /came instead: ana< joined_users in lobby at \d+ /],
      [`${open}ana< joined_users in lobby {"users":[{"id":"*"}],"epoch":"e"}`, /want .*"epoch":"e"/],
      [open, /the end\nana has events left\nunread: ana< joined_users/],
      [`${open}ana< joined_users in lobby *\nana> half-close\nana< end NOT_FOUND`, /came instead: ana< end OK/],
      [`${open}ana> half-close\nana< end OK`, /ana has events left before the end/],
    ] as const) {
      await assert.rejects(
        play(parse("test", conversation(lines)), websocketPeers(server.url)),
        { message: why },
        lines,
      );
    }
  } finally {
    await server.stop("SIGKILL");
  }
});
