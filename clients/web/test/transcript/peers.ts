import { create, fromBinary, toBinary, type UnknownField } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { WebSocket } from "ws";

import {
  type ConnectRequest,
  ConnectRequestSchema,
  type ConnectResponse,
  ConnectResponseSchema,
  ListenRequestSchema,
  SendRequestSchema,
  Signal,
} from "../../src/gen/beckon/v1/signal_pb.js";
import { createFetchTransport } from "../../src/transport/fetch.js";
import { Socket } from "../../src/transport/socket.js";
import type { Peer } from "./stream.js";
import type { Transcript } from "./transcript.js";

/** Opens streams of Connect over websockets. */
export function websocketPeers(url: string): () => Peer {
  return () => {
    const headers = new Headers({ "content-type": "application/grpc-web+proto", "x-grpc-web": "1" });
    const socket = new Socket(WebSocket, `${url}/beckon.v1.Signal/Connect`, headers, 5000);
    async function* responses(): AsyncGenerator<ConnectResponse> {
      for await (const message of socket.messages) yield fromBinary(ConnectResponseSchema, message);
    }
    return {
      send: (request) => socket.send(toBinary(ConnectRequestSchema, request)),
      sendRaw: (bytes) => socket.send(bytes),
      halfClose: () => socket.finish(),
      cancel: () => socket.abort(new ConnectError("cancelled", Code.Canceled)),
      responses: responses(),
    };
  };
}

/** Opens sessions with Listen; each later message is a Send of its own. */
export function listenPeers(url: string): () => Peer {
  const client = createClient(Signal, createFetchTransport({ baseUrl: url, fetch: globalThis.fetch }));
  return () => {
    const life = new AbortController();
    const { signal } = life;
    const headers = new Headers();
    let opened = (_first: Uint8Array): void => {};
    const opening = new Promise<Uint8Array>((resolve) => (opened = resolve));
    let welcomed = (): void => {};
    let sent: Promise<unknown> | undefined;

    async function* responses(): AsyncGenerator<ConnectResponse> {
      const request = Object.assign(create(ListenRequestSchema), field1(await opening));
      for await (const { event } of client.listen(request, { signal })) {
        if (event === undefined) continue;
        if (event.event.case === "welcome") {
          headers.set("beckon-session", event.event.value.resumeToken);
          welcomed();
        }
        yield event;
      }
    }
    const sendRaw = (bytes: Uint8Array): void => {
      if (sent === undefined) {
        opened(bytes);
        sent = new Promise<void>((resolve) => (welcomed = resolve));
        return;
      }
      const request = Object.assign(create(SendRequestSchema), field1(bytes));
      // Why one failed is seen in what does not come.
      sent = sent.then(() => client.send(request, { headers, signal })).catch(() => {});
    };
    const send = (request: ConnectRequest): void => sendRaw(toBinary(ConnectRequestSchema, request));
    return {
      send,
      sendRaw,
      halfClose: () => send(create(ConnectRequestSchema, { message: { case: "leave", value: {} } })),
      cancel: () => life.abort(),
      responses: responses(),
    };
  };
}

/** The field 1 of a message, encoded already. */
function field1(bytes: Uint8Array): { $unknown: UnknownField[] } {
  const data = new BinaryWriter().bytes(bytes).finish();
  return { $unknown: [{ no: 1, wireType: WireType.LengthDelimited, data }] };
}

/** Whether a transcript can be played with {@link listenPeers}: everybody begins with a join, a resume or raw bytes. */
export function isForListen({ lines }: Transcript): boolean {
  const begun = new Set<string>();
  return lines.every(({ who, action }) => {
    if (begun.has(who)) return true;
    begun.add(who);
    return (
      action.kind === "raw" || (action.kind === "send" && ("join" in action.message || "resume" in action.message))
    );
  });
}
