import { readdirSync } from "node:fs";
import { test } from "node:test";

import { startServer } from "./server.js";
import { isForListen, listenPeers, websocketPeers } from "./transcript/peers.js";
import { play, type PlayOptions } from "./transcript/play.js";
import { isForSession, sessionPeers } from "./transcript/session-peer.js";
import type { Peer } from "./transcript/stream.js";
import { load, type Transcript } from "./transcript/transcript.js";

const directory = new URL("../../../testdata/", import.meta.url).pathname;
const transcripts = readdirSync(directory)
  .filter((file) => file.endsWith(".txtar"))
  .map((file) => load(directory + file));

test("over a websocket", { concurrency: 2 }, async (t) => {
  await Promise.all(transcripts.map((each) => t.test(each.file, () => playFresh(each, websocketPeers))));
});

test("with sessions", { concurrency: 2 }, async (t) => {
  const playable = transcripts.filter(isForSession);
  await Promise.all(
    playable.map((each) => t.test(each.file, () => playFresh(each, sessionPeers, { roomlessOutcomes: true }))),
  );
});

test("over Listen and Send", { concurrency: 2 }, async (t) => {
  const playable = transcripts.filter(isForListen);
  await Promise.all(playable.map((each) => t.test(each.file, () => playFresh(each, listenPeers))));
});

/** Plays a transcript against a server of its own, such as the transcripts are written for. */
async function playFresh(
  transcript: Transcript,
  peers: (url: string) => () => Peer,
  options?: PlayOptions,
): Promise<void> {
  const server = await startServer("--resume-window=3s");
  try {
    await play(transcript, peers(server.url), options);
  } finally {
    await server.stop("SIGKILL");
  }
}
