import { join } from "node:path";

import { launch, openTab } from "./chromium.mjs";
import { built, serve } from "./server.mjs";

const { startProxy } = await import(join(built, "proxy.mjs"));

/**
 * Two tabs in one room: `ana`, who has the smaller id, and `bob`. Each knows the other as `window.peer`. `networks` are
 * the proxies between each of them and the server: that of ana, that of bob.
 */
export async function twoTabs(t, room, ...flags) {
  const { web } = await serve(t, ...flags);
  const browser = await launch(t);
  const tabs = [];
  for (const name of ["first", "second"]) {
    const network = await startProxy(web);
    t.after(() => network.stop());
    const tab = await openTab(t, browser, network.url, { client: true });
    await tab.evaluate(
      async ({ room, name }) => {
        const { Session, until } = window.beckon;
        window.session = await Session.connect("/");
        window.room = room;
        window.events = [];
        session.subscribe((event) => {
          events.push(event);
          if (event.kind === "joinedUsers")
            window.peer = event.users.map(({ id }) => id).find((id) => id !== session.id);
        });
        await session.join({ room, name });
        await until("the list", () => events.length > 0);
        window.camera = () => navigator.mediaDevices.getUserMedia({ video: true, audio: true });
        window.inState = (state) =>
          until(`the call ${state}, it is ${window.call?.state}`, () => window.call?.state === state);
      },
      { room, name },
    );
    tabs.push({ tab, network, id: await tab.evaluate(() => session.id) });
  }
  for (const { tab } of tabs) await tab.evaluate(() => beckon.until("the other", () => window.peer));
  tabs.sort((a, b) => (a.id < b.id ? -1 : 1));
  const [ana, bob] = tabs.map(({ tab }) => tab);
  return { ana, bob, networks: tabs.map(({ network }) => network) };
}

export const both = ({ ana, bob }, what, argument) =>
  Promise.all([ana.evaluate(what, argument), bob.evaluate(what, argument)]);

/** Calls, with the camera. */
export async function call() {
  const stream = await camera();
  window.call = new beckon.Call(session, { room, peer });
  window.call.addStream(stream);
}

/** Takes calls, with the camera. */
export async function takeCalls() {
  const stream = await camera();
  beckon.onCall(session, room, (call) => {
    window.call = call;
    call.addStream(stream);
    call.accept();
  });
}

/** The ICE username fragment of this side, which an ICE restart changes. */
export const ufrag = () => /a=ice-ufrag:(\S+)/.exec(window.call.pc.currentLocalDescription.sdp)[1];
