/** What a page is told that makes it worth while to try the network. */
export interface Waking {
  /** The network came back, or is another. */
  changed(): void;
  /** The page is to be seen again, and its machine perhaps slept. */
  shown(): void;
}

/** Tells `waking` until the returned function is called. Where there is no page it tells nothing. */
export function watchPage(waking: Waking): () => void {
  const shown = (): void => {
    if (globalThis.document.visibilityState === "visible") waking.shown();
  };
  const { changed } = waking;
  // The Network Information API, which not every browser has.
  const connection = (globalThis.navigator as { connection?: EventTarget } | undefined)?.connection;
  globalThis.addEventListener?.("online", changed);
  connection?.addEventListener?.("change", changed);
  globalThis.document?.addEventListener("visibilitychange", shown);
  return () => {
    globalThis.removeEventListener?.("online", changed);
    connection?.removeEventListener?.("change", changed);
    globalThis.document?.removeEventListener("visibilitychange", shown);
  };
}
