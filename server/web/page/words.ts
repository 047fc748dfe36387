import { EndError, Failure, FailureCode, LeaveReason, type Peer, type Route } from "@beckon/client";

/** What to call somebody. */
export function nameOf({ name }: { name: string }): string {
  return name === "" ? "somebody without a name" : name;
}

/** How far the call with a peer has come. `route`: the way its media takes, once that is known. */
export function callInWords({ user, call, away }: Peer, route?: Route): string {
  const name = nameOf(user);
  const lost = away ? `; ${name} has lost the server` : "";
  switch (call?.state) {
    case undefined:
      return `waiting for ${name} to call${lost}`;
    case "calling":
      return `waiting for ${name} to answer${lost}`;
    case "ringing":
      return `${name} is calling`;
    case "connecting":
      return `looking for a way to ${name}`;
    case "connected":
      return routeInWords(route) + lost;
    case "reconnecting":
      return `the way to ${name} was lost, looking for another`;
    case "ended":
      return endInWords(name, call.end!.reason);
  }
}

/** What a screen reader says of a peer: only what matters of {@link callInWords}, or that they are here. */
export function peerInWords(peer: Peer): string {
  const name = nameOf(peer.user);
  switch (peer.call?.state) {
    case "connected":
      return `${name} is connected.`;
    case "reconnecting":
      return `The way to ${name} was lost.`;
    default:
      return `${name} is here.`;
  }
}

function routeInWords(route: Route | undefined): string {
  if (route === undefined) return "connected";
  const way = route.relayed ? "through a relay" : "direct";
  return route.roundTrip === undefined ? `connected, ${way}` : `connected, ${way}, ${route.roundTrip} ms`;
}

function endInWords(name: string, reason: NonNullable<NonNullable<Peer["call"]>["end"]>["reason"]): string {
  switch (reason) {
    case "hungUp":
    case "cancelled":
      return `the call with ${name} has ended`;
    case "declined":
      return `${name} declined the call`;
    case "busy":
      return `${name} is in another call`;
    case "noAnswer":
    case "timeout":
      return `${name} did not answer`;
    case "unsupported":
      return `${name} cannot take this kind of call`;
    case "failed":
      return `no way to ${name} was found, trying again`;
    case "unreachable":
      return `the server does not reach ${name}`;
    case "notAllowed":
      return `you are not allowed to call ${name}`;
    case "left":
      return `${name} has left`;
    case "lost":
      return "the connection to the server was lost";
  }
}

/** Why one is not in the room, and what to do. */
export function entryProblemInWords(error: unknown): string {
  if (error instanceof Failure) {
    switch (error.code) {
      case FailureCode.ROOM_FULL:
        return "The room is full. Try again when somebody has left, or choose another.";
      case FailureCode.PERMISSION_DENIED:
        return `You are not allowed in this room: ${error.detail}. Choose another, or ask who invited you.`;
      default:
        return `The server refused: ${error.detail}.`;
    }
  }
  if (error instanceof EndError) {
    switch (error.reason) {
      case "":
        return "The server cannot be reached. Check your connection to the network, then try again.";
      case "KICKED":
        return "An operator has taken you out of the room.";
      case "LIMIT":
        return "The server is busy. Try again in a minute.";
      case "NO_TOKEN":
        return "This server asks for an access token. Paste yours, then join again.";
      case "BAD_TOKEN":
        return `The server does not take this access token: ${error.detail}. Paste another, then join again.`;
      case "TOKEN_EXPIRED":
        return "Your access token has run out. Paste another, then join again.";
      case "NOT_ALLOWED":
        return `The server lets in only those whom it knows: ${error.detail}.`;
      default:
        return `The server ended the connection: ${error.detail}. Try again.`;
    }
  }
  return `Something went wrong: ${String(error)}.`;
}

/** Why one is no longer in the room, without having left it. */
export function removalInWords(reason: LeaveReason): string {
  switch (reason) {
    case LeaveReason.KICKED:
      return "An operator has taken you out of the room.";
    case LeaveReason.REPLACED:
      return "You have come into the room anew, from elsewhere.";
    case LeaveReason.EXPIRED:
      return "The time for which you were let in has run out.";
    default:
      return "You are no longer in the room. Join it again.";
  }
}

/** Why a camera, a microphone or a screen is not to be had, and what to do. */
export function deviceProblemInWords(device: string, error: unknown): string {
  switch (error instanceof DOMException ? error.name : "") {
    case "SecurityError":
      return `The browser keeps the ${device} from pages that come without encryption. Open it by https:// or on localhost.`;
    case "NotAllowedError":
      return `This page may not use the ${device}. Allow it in the browser's settings for this page, then switch it on below.`;
    case "NotFoundError":
      return `No ${device} was found. Connect one, then switch it on below.`;
    case "NotReadableError":
      return `Another program uses the ${device}. Close it, then switch the ${device} on below.`;
    default:
      return `The ${device} cannot be used: ${String(error)}.`;
  }
}
