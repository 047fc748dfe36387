import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";

import { type ConnectRequest, ConnectRequestSchema, Signal } from "../gen/beckon/v1/signal_pb.js";
import { openTimeout, type SessionOptions } from "../options.js";
import { Queue } from "../queue.js";
import { createWebSocketTransport } from "../transport/websocket.js";
import { type Channel, openingId, type Resume } from "./channel.js";

/** Opens a stream with Connect, over a websocket. A new session begins with a ping, which changes nothing. */
export function openStream(baseUrl: string, options: SessionOptions, resume?: Resume): Channel {
  const transport = createWebSocketTransport({
    baseUrl,
    webSocket: options.webSocket,
    openTimeout: openTimeout(options),
  });
  const life = new AbortController();
  const requests = new Queue<ConnectRequest>();
  requests.push(
    create(
      ConnectRequestSchema,
      resume
        ? { message: { case: "resume", value: resume } }
        : { requestId: openingId, message: { case: "ping", value: {} } },
    ),
  );
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
