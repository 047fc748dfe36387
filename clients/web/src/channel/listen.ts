import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";

import { type ConnectRequest, ConnectRequestSchema, type ConnectResponse, Signal } from "../gen/beckon/v1/signal_pb.js";
import type { SessionOptions } from "../options.js";
import { Queue } from "../queue.js";
import { reasonOf } from "../transport/error-info.js";
import { createFetchTransport } from "../transport/fetch.js";
import { type Channel, openingId, type Resume } from "./channel.js";

/** How long to wait for a Send that is under way, in milliseconds: at the first time, the second, … */
const retries = [250, 500, 1000, 2000, 4000];

/** How long the response to Listen may take to tell why a Send cannot be, in milliseconds. */
const grace = 1000;

/** How many bytes of messages a request may have that outlives its page: fetch allows 64 KiB. */
const outliving = 60_000;

/** Opens a stream with Listen and Send, over fetch. */
export function openListen(baseUrl: string, options: SessionOptions, resume?: Resume): Channel {
  return new Listening(baseUrl, options, resume);
}

/**
 * A stream whose events come as the one long response to Listen, and whose messages go as a request of their own each,
 * or together while the one before is under way. A Send that is lost is the loss of the stream: what it carried is sent
 * again on the next.
 */
class Listening implements Channel {
  readonly name = "fetch";
  readonly responses: AsyncIterator<ConnectResponse>;

  readonly #client: Client<typeof Signal>;
  readonly #headers: Headers;
  readonly #life = new AbortController();
  /** Ends the Send that is under way. */
  #sending = new AbortController();
  readonly #requests = new Queue<ConnectRequest>();
  /** How many bytes go into one Send, but for a message that has more alone. Known once welcome. */
  #sendBytes = 0;
  /** Why the stream cannot go on, if a Send told it. */
  #broken: ConnectError | undefined;
  /** The page is about to go: what is sent has to outlive it. */
  #vanishing = false;

  constructor(baseUrl: string, options: SessionOptions, resume: Resume | undefined) {
    const fetch = options.fetch ?? globalThis.fetch;
    const transport = createFetchTransport({
      baseUrl,
      fetch: (input, init) => fetch(input, this.#vanishing ? { ...init, keepalive: true } : init),
    });
    this.#client = createClient(Signal, transport);
    this.#headers = new Headers(options.headers);
    this.responses = this.#listen(resume);
  }

  send(request: ConnectRequest): void {
    this.#requests.push(request);
  }

  finish(vanishing: boolean): void {
    const leave = create(ConnectRequestSchema, { message: { case: "leave", value: {} } });
    if (vanishing || this.#life.signal.aborted) {
      // There is no time left to wait for the Send before, and only so much may outlive the page: the last of it.
      this.#vanishing = true;
      this.#sending.abort();
      const last = cut([...this.#requests.drain(), leave], outliving).at(-1) ?? [];
      void this.#goodbye(last);
    } else this.#requests.push(leave);
    this.#requests.end();
  }

  abort(): void {
    this.#life.abort();
    this.#sending.abort();
    this.#requests.end();
  }

  async *#listen(resume: Resume | undefined): AsyncGenerator<ConnectResponse> {
    // Listen wants a join or a resume. A join without a room is refused, which changes nothing.
    const first: MessageInitShape<typeof ConnectRequestSchema> = resume
      ? { message: { case: "resume", value: resume } }
      : { requestId: openingId, message: { case: "join", value: {} } };
    try {
      for await (const { event } of this.#client.listen(
        { first },
        { signal: this.#life.signal, headers: this.#headers },
      )) {
        if (event === undefined || (event.event.case === "failure" && event.requestId === openingId)) continue;
        if (event.event.case === "welcome") {
          this.#headers.set("beckon-session", event.event.value.resumeToken);
          this.#sendBytes = event.event.value.limits?.maxMessageBytes ?? 0;
          void this.#write();
        }
        yield event;
      }
    } catch (error) {
      throw this.#broken ?? error;
    } finally {
      this.abort();
    }
  }

  /** Sends what is to be sent, one Send after the other. */
  async #write(): Promise<void> {
    try {
      for await (const first of this.#requests) {
        for (const messages of cut([first, ...this.#requests.drain()], this.#sendBytes)) await this.#deliver(messages);
      }
    } catch (error) {
      // If the stream has ended, the response to Listen tells better how.
      await pause(grace);
      if (this.#vanishing || this.#life.signal.aborted) return;
      this.#broken = ConnectError.from(error);
      // Perhaps it is the stream alone that the server no longer has. A resume will tell. And that a server which is
      // about to stop has answered all is known only by who has read its answers to the end.
      if (this.#broken.code === Code.NotFound || reasonOf(this.#broken) === "SHUTTING_DOWN")
        this.#broken = new ConnectError(this.#broken.rawMessage, Code.Unavailable);
      this.abort();
    }
  }

  /** Sends messages. The server may still have a Send that was lost: then, again. */
  async #deliver(messages: ConnectRequest[]): Promise<void> {
    for (const wait of [...retries, 0]) {
      if (this.#life.signal.aborted) return;
      try {
        return await this.#post(messages);
      } catch (error) {
        if (wait === 0 || !isUnderWay(error)) throw error;
      }
      await pause(wait);
    }
  }

  /** Sends the last messages; once again if that was lost, or the server does not know yet that what was before is. */
  async #goodbye(messages: ConnectRequest[]): Promise<void> {
    await this.#post(messages)
      .catch(() => this.#post(messages))
      .catch(() => {});
  }

  async #post(messages: ConnectRequest[]): Promise<void> {
    this.#sending = new AbortController();
    await this.#client.send({ messages }, { signal: this.#sending.signal, headers: this.#headers });
  }
}

/** Whether a Send was refused because the server still has the one before. */
function isUnderWay(error: unknown): boolean {
  return reasonOf(ConnectError.from(error)) === "SEND_UNDER_WAY";
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Cuts a list of messages where it is over so many bytes; 0 is no limit. */
function cut(messages: ConnectRequest[], limit: number): ConnectRequest[][] {
  const parts: ConnectRequest[][] = [];
  let size = 0;
  for (const message of messages) {
    const bytes = toBinary(ConnectRequestSchema, message).length;
    size += bytes;
    const last = parts.at(-1);
    if (last === undefined || (limit > 0 && size > limit)) {
      parts.push([message]);
      size = bytes;
    } else last.push(message);
  }
  return parts;
}
