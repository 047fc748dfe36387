// Other libraries for gRPC in browsers speak with the server as it is: over a websocket, both ways.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";

import { createChannel, createClient, WebsocketTransport } from "nice-grpc-web";
import { WebSocket } from "ws";

import { built, serve } from "./support/server.mjs";

const { ConnectRequestSchema, ConnectResponseSchema, create, fromBinary, toBinary } = await import(
  join(built, "messages.mjs")
);

const encode = (message) => toBinary(ConnectRequestSchema, create(ConnectRequestSchema, message));
const decode = (bytes) => fromBinary(ConnectResponseSchema, bytes).event;
const join_ = { requestId: 1n, message: { case: "join", value: { room: "lobby", name: "ana" } } };
const leave = { message: { case: "leave", value: {} } };

/** What the first events are, whatever the library: the welcome, the list with oneself, and the outcome. */
function assertJoined(events) {
  assert.equal(events[0].case, "welcome");
  const byCase = new Map(events.map(({ case: kind, value }) => [kind, value]));
  assert.deepEqual([...byCase.keys()].sort(), ["ack", "joinedUsers", "welcome"]);
  const [user] = byCase.get("joinedUsers").users;
  assert.equal(user.name, "ana");
  assert.equal(user.id, byCase.get("welcome").userId);
}

test("nice-grpc-web", async (t) => {
  const { web } = await serve(t);
  const connect = {
    path: "/beckon.v1.Signal/Connect",
    requestStream: true,
    responseStream: true,
    requestSerialize: encode,
    responseDeserialize: decode,
    options: {},
  };
  const client = createClient({ connect }, createChannel(web, WebsocketTransport()));

  const events = [];
  let next;
  async function* requests() {
    yield join_;
    await new Promise((resolve) => (next = resolve));
    yield leave;
  }
  for await (const event of client.connect(requests())) {
    events.push(event);
    if (events.length === 3) next();
  }
  assertJoined(events.slice(0, 3)); // And the stream has ended with OK.
});

test("@improbable-eng/grpc-web", async (t) => {
  globalThis.WebSocket ??= WebSocket;
  globalThis.self ??= globalThis;
  const { grpc } = createRequire(import.meta.url)("@improbable-eng/grpc-web");
  const { web } = await serve(t);

  const connect = {
    methodName: "Connect",
    service: { serviceName: "beckon.v1.Signal" },
    requestStream: true,
    responseStream: true,
    requestType: Object,
    responseType: { deserializeBinary: (bytes) => ({ event: decode(bytes), toObject: () => ({}) }) },
  };
  const message = (fields) => ({ serializeBinary: () => encode(fields), toObject: () => ({}) });
  const client = grpc.client(connect, { host: web, transport: grpc.WebsocketTransport() });

  const events = [];
  const ended = new Promise((resolve) => client.onEnd((code, detail) => resolve({ code, detail })));
  client.onMessage(({ event }) => {
    events.push(event);
    if (events.length === 3) client.finishSend();
  });
  client.start();
  client.send(message(join_));
  assert.deepEqual(await ended, { code: grpc.Code.OK, detail: "" });
  assertJoined(events);
});
