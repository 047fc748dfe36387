import { EndError } from "@beckon/client";

import { byId, within } from "./dom.js";

/** Where the tab keeps the access token: a reload still has it, another tab or another day does not. */
const key = "beckon.token";

/** Why a server asks for an access token. */
const reasons = ["NO_TOKEN", "BAD_TOKEN", "TOKEN_EXPIRED"];

const label = byId("token");
const input = within<HTMLInputElement>(label, "input");

/** The token that is shown to the server; empty: none. */
let token = kept();
show(token !== "");
input.value = token;

/** The token at present; empty if there is none. */
export function presentToken(): string {
  return token;
}

/** Keeps a token in place of the former. */
export function useToken(another: string): void {
  token = another;
  input.value = another;
  if (token !== "") show(true);
  try {
    sessionStorage.setItem(key, token);
  } catch {
    // The browser lets the page keep nothing. It is known until the next reload.
  }
}

/** Keeps the token that was pasted, if one was asked for. */
export function readToken(): void {
  if (!label.hidden) useToken(input.value.trim());
}

/** Whether the server asks for an access token, or for another one. */
export function isAboutToken(error: unknown): boolean {
  return error instanceof EndError && reasons.includes(error.reason);
}

/** Asks for a token. The former was none that the server takes. */
export function askForToken(): void {
  useToken("");
  show(true);
  input.focus();
}

function show(visible: boolean): void {
  label.hidden = !visible;
}

function kept(): string {
  try {
    return sessionStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}
