import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";

import { type ConnectRequest, ConnectRequestSchema, Signal } from "../gen/beckon/v1/signal_pb.js";
import type { SessionOptions } from "../options.js";
import { Queue } from "../queue.js";
import { createWebSocketTransport } from "../transport/websocket.js";
import { type Channel, openingId } from "./channel.js";

/** Opens a session with Connect, over a websocket. Its first message is a ping, the one that changes nothing. */
export function openStream(baseUrl: string, options: SessionOptions): Channel {
  const transport = createWebSocketTransport({
    baseUrl,
    webSocket: options.webSocket,
    openTimeout: options.openTimeout ?? 5000,
  });
  const life = new AbortController();
  const requests = new Queue<ConnectRequest>();
  requests.push(create(ConnectRequestSchema, { requestId: openingId, message: { case: "ping", value: {} } }));
  const responses = createClient(Signal, transport).connect(requests, {
    signal: life.signal,
    headers: options.headers,
  });
  return {
    name: "websocket",
    responses: responses[Symbol.asyncIterator](),
    send: (request) => requests.push(request),
    finish: () => requests.end(),
    abort: () => life.abort(),
  };
}
