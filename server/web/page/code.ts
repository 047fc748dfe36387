import type { Call } from "@beckon/client";

/** What is shown of a call's security code. */
export interface Code {
  /** The code; or that there is none. */
  text: string;
  /** What to do with it; or why there is none. */
  title: string;
}

const instructions =
  "Read this to each other. If both see the same code, nobody sits between you and listens, not even this server.";

/** The codes, and the descriptions that they were made of, which may change while a call goes on. */
const codes = new WeakMap<Call, { of: string; code: Promise<Code> }>();

/** The code of a connected call. It is made anew only when what it is made of has changed. */
export function codeOf(call: Call): Promise<Code> {
  const of = `${call.pc.currentLocalDescription?.sdp}${call.pc.currentRemoteDescription?.sdp}`;
  const known = codes.get(call);
  if (known?.of === of) return known.code;
  const code = call.verify().then(
    (digits) => ({ text: `Security code ${digits}`, title: instructions }),
    (error: Error) => ({ text: "No security code", title: `Not known: ${error.message}.` }),
  );
  codes.set(call, { of, code });
  return code;
}
