import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { createMethodUrl } from "@connectrpc/connect/protocol";
import { requestHeader } from "@connectrpc/connect/protocol-grpc-web";

import { NotOpened, Socket, type WebSocketClass } from "./socket.js";

/** How {@link createWebSocketTransport} works. */
export interface WebSocketTransportOptions {
  /** Where the server is, with http or https. */
  baseUrl: string;
  /** Default: the global one. */
  webSocket?: WebSocketClass;
  /** How long the server may take to say something, in milliseconds. */
  openTimeout: number;
}

/**
 * A transport of Connect that carries streams in both directions through a browser: each in a websocket of its own, as
 * grpc-web's websocket transport does it. A stream ends for the server when the input ends (half-close) or when `signal`
 * is aborted (cancel).
 *
 * The error of a stream whose websocket did not open has a {@link NotOpened} as its cause. Unary calls need no
 * websocket, and get none.
 */
export function createWebSocketTransport(options: WebSocketTransportOptions): Transport {
  return {
    async unary(method) {
      throw new ConnectError(`${method.name}: this transport is for streams`, Code.Unimplemented);
    },
    async stream(method, signal, timeoutMs, header, input) {
      signal?.throwIfAborted();
      const url = createMethodUrl(options.baseUrl, method);
      const headers = requestHeader(true, timeoutMs, header, false);
      const socket = openSocket(options, url, headers);
      const cancel = (): void => socket.abort(ConnectError.from(signal?.reason, Code.Canceled));
      signal?.addEventListener("abort", cancel);
      const detach = (): void => signal?.removeEventListener("abort", cancel);

      const write = async (): Promise<void> => {
        for await (const message of input) socket.send(toBinary(method.input, create(method.input, message)));
        socket.finish();
      };
      write().catch((error: unknown) => socket.abort(ConnectError.from(error)));

      async function* read() {
        try {
          for await (const message of socket.messages) yield fromBinary(method.output, message);
        } finally {
          detach();
          socket.abort(new ConnectError("the response is no longer read", Code.Canceled));
        }
      }
      return {
        stream: true,
        service: method.parent,
        method,
        header: await socket.header.catch((error: unknown) => {
          detach(); // Nobody will read.
          throw error;
        }),
        message: read(),
        trailer: socket.trailer,
      };
    },
  };
}

/** Begins to open a websocket, which may be refused at once: none can be had, or not from a page such as this one. */
function openSocket({ webSocket, openTimeout }: WebSocketTransportOptions, url: string, headers: Headers): Socket {
  try {
    return new Socket(webSocket ?? globalThis.WebSocket, url, headers, openTimeout);
  } catch (error) {
    const why = new NotOpened(String(error));
    throw new ConnectError(`websocket: ${why.message}`, Code.Unavailable, undefined, undefined, why);
  }
}
