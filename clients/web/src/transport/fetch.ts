import { create, type DescMessage, type DescMethod, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { createMethodUrl } from "@connectrpc/connect/protocol";
import { requestHeader, trailerParse, validateResponse, validateTrailer } from "@connectrpc/connect/protocol-grpc-web";

import { encodeFrame, FrameReader } from "./frame.js";

/** How {@link createFetchTransport} works. */
export interface FetchTransportOptions {
  /** Where the server is, with http or https. */
  baseUrl: string;
  fetch: typeof globalThis.fetch;
}

/**
 * A transport of Connect for unary calls and for those with one request and a stream of responses: grpc-web, as `fetch`
 * can carry it. A connection that was lost, or could not be made, is UNAVAILABLE.
 */
export function createFetchTransport(options: FetchTransportOptions): Transport {
  return {
    async unary(method, signal, timeoutMs, header, input) {
      const headers = requestHeader(true, timeoutMs, header, false);
      const response = await post(options, method, signal, headers, create(method.input, input));
      const trailer = new Headers();
      let message: MessageShape<typeof method.output> | undefined;
      for await (const next of read(method.output, response, trailer, signal)) message = next;
      if (message === undefined) throw new ConnectError("a response without a message", Code.Internal);
      return { stream: false, service: method.parent, method, header: response.headers, message, trailer };
    },
    async stream(method, signal, timeoutMs, header, input) {
      const headers = requestHeader(true, timeoutMs, header, false);
      const first = await input[Symbol.asyncIterator]().next();
      const response = await post(options, method, signal, headers, create(method.input, first.value));
      const trailer = new Headers();
      const message = read(method.output, response, trailer, signal);
      return { stream: true, service: method.parent, method, header: response.headers, message, trailer };
    },
  };
}

async function post<I extends DescMessage>(
  { baseUrl, fetch }: FetchTransportOptions,
  method: DescMethod & { input: I },
  signal: AbortSignal | undefined,
  headers: Headers,
  message: MessageShape<I>,
): Promise<Response> {
  const body = encodeFrame(toBinary(method.input, message));
  const response = await fetch(createMethodUrl(baseUrl, method), {
    method: "POST",
    headers,
    body,
    redirect: "error",
    signal: signal ?? null,
  }).catch(lost);
  const { headerError } = validateResponse(response.status, response.headers);
  if (headerError !== undefined) throw headerError;
  return response;
}

/** Reads a response to its end, whose status is thrown unless it is OK. */
async function* read<O extends DescMessage>(
  output: O,
  response: Response,
  trailer: Headers,
  signal: AbortSignal | undefined,
) {
  const body = response.body?.getReader();
  const frames = new FrameReader();
  let ended = false;
  // Node.js forgets the signal when it has collected the request.
  const cancel = (): void => void body?.cancel().catch(() => {});
  signal?.addEventListener("abort", cancel);
  try {
    for (;;) {
      const chunk = await body?.read().catch(lost);
      if (chunk?.value === undefined) break;
      for (const frame of frames.push(chunk.value)) {
        if (frame.kind === "message") yield fromBinary(output, frame.data);
        else {
          const fields = trailerParse(frame.data);
          fields.forEach((value, name) => trailer.set(name, value));
          validateTrailer(fields, response.headers);
          ended = true;
        }
      }
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
    cancel();
  }
  if (!ended && !response.headers.has("grpc-status")) lost("it ended early");
}

/** Throws what `fetch` gave as a reason. */
function lost(reason: unknown): never {
  const error = ConnectError.from(reason, Code.Unavailable);
  if (error.code === Code.Canceled) throw error;
  throw new ConnectError(
    `the connection was lost: ${error.rawMessage}`,
    Code.Unavailable,
    undefined,
    undefined,
    reason,
  );
}
