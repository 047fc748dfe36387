import { execFileSync } from "node:child_process";

/** Whether the tests have a network of their own, in which they may do what they like. */
export const ownNetwork = process.env.BECKON_OWN_NETWORK === "1";

/** Where there can be none, BECKON_NO_NAMESPACE=1 leaves out what needs one, instead of failing. */
const without = !ownNetwork && process.env.BECKON_NO_NAMESPACE === "1";

/** The options of a test that uses {@link blockUdp}. */
export const needsNetwork = { skip: without && "BECKON_NO_NAMESPACE=1: there is no network to cut" };

/** What to do where no network namespace can be made. */
export const howToAllow =
  "Run as root (in a container: with --cap-add SYS_ADMIN --cap-add NET_ADMIN), or allow user namespaces " +
  "(sysctl kernel.unprivileged_userns_clone=1, or kernel.apparmor_restrict_unprivileged_userns=0), with iproute2 " +
  "installed; or leave these tests out by BECKON_NO_NAMESPACE=1.";

const ip = (...args) => execFileSync("ip", args);

/** Lets no UDP through, so that calls are cut and the server is still there, until the returned function is called. */
export function blockUdp(t) {
  if (!ownNetwork) throw new Error(`it takes a network namespace, and none can be made here. ${howToAllow}`);
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
