import { execFileSync } from "node:child_process";

/** Whether the tests have a network of their own, in which they may do what they like. */
export const ownNetwork = process.env.BECKON_OWN_NETWORK === "1";

const ip = (...args) => execFileSync("ip", args);

/** Lets no UDP through, so that calls are cut and the server is still there, until the returned function is called. */
export function blockUdp(t) {
  // Rules are tried in order. The first, for what is on this machine, makes room for one before it.
  ip("rule", "add", "pref", "1", "lookup", "local");
  ip("rule", "del", "pref", "0");
  ip("rule", "add", "pref", "0", "ipproto", "udp", "blackhole");
  let blocked = true;
  const unblock = () => {
    if (!blocked) return;
    blocked = false;
    ip("rule", "del", "pref", "0");
    ip("rule", "add", "pref", "0", "lookup", "local");
    ip("rule", "del", "pref", "1");
  };
  t.after(unblock);
  return unblock;
}
