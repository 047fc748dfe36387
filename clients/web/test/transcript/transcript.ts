import { readFileSync } from "node:fs";
import { basename } from "node:path";

import { type Line, parseLines } from "./line.js";
import { type Json, mentioned, namePattern } from "./value.js";

/** A conversation; see clients/testdata/README.md. */
export interface Transcript {
  readonly file: string;
  readonly lines: readonly Line[];
  /** The long texts: values of variables, by name. */
  readonly texts: ReadonlyMap<string, string>;
}

/** Reads a transcript, and refuses one that cannot be played. */
export function load(path: string): Transcript {
  return parse(basename(path), readFileSync(path, "utf8"));
}

/** Parses a transcript. */
export function parse(file: string, text: string): Transcript {
  const texts = new Map<string, string>();
  let lines: Line[] = [];
  // What stands before the first section is the story.
  const [story = "", ...rest] = text.split(/^(-- .+ --)\n/m);
  let number = 1 + count(story);
  try {
    for (let i = 0; i < rest.length; i += 2) {
      const name = (rest[i] as string).slice(3, -3).trim();
      const section = rest[i + 1] as string;
      if (name === "conversation") lines = parseLines(section, number + 1);
      else if (namePattern.test(name)) texts.set(name, section);
      else throw new Error(`${number}: section "${name}": want a name such as offer`);
      number += 1 + count(section);
    }
    if (lines.length === 0) throw new Error("1: no lines in a section conversation");
    check(lines, texts);
  } catch (error) {
    throw new Error(`${file}:${(error as Error).message}`);
  }
  return { file, lines, texts };
}

function count(text: string): number {
  return text.split("\n").length - 1;
}

/** Throws at the first line that cannot be played, or that nothing orders after what another participant did. */
function check(lines: readonly Line[], texts: ReadonlyMap<string, string>): void {
  const stages = new Map<string, "opened" | "half-closed" | "gone">();
  const values = new Set(texts.keys());
  const unused = new Set(texts.keys());
  let sender: string | undefined; // Whose sending nothing has shown an effect of.

  for (const { number, text, who, action } of lines) {
    const fail = (why: string): never => {
      throw new Error(`${number}: ${text}\n${why}`);
    };
    const needs = (value: Json): void => {
      for (const name of mentioned(value)) {
        unused.delete(name);
        if (!values.has(name)) fail(`$${name} has no value yet`);
      }
    };
    const stage = stages.get(who);
    if (stage === "gone") fail(`the stream of ${who} is gone; who comes back has another name`);
    if (action.kind === "see" || action.kind === "end") {
      sender = undefined;
      if (stage === undefined) fail(`${who} has sent nothing, so it has no stream to see anything on`);
      if (action.kind === "end") {
        stages.set(who, "gone");
        continue;
      }
      needs(action.room);
      for (const name of [...mentioned(action.body), ...mentioned(action.seq)]) {
        unused.delete(name);
        values.add(name);
      }
      continue;
    }
    if (stage === "half-closed") fail(`${who} is half-closed and sends no more`);
    if (sender !== undefined && sender !== who) fail(`nothing shows that what ${sender} sent was dealt with before`);
    sender = who;
    stages.set(who, "opened");
    if (action.kind === "send") needs(action.message);
    else if (action.kind === "half-close") stages.set(who, "half-closed");
    else if (action.kind === "cancel") {
      if (stage === undefined) fail(`${who} has no stream to lose`);
      stages.set(who, "gone");
      sender = undefined; // The loss may show in nothing.
    }
  }
  for (const [who, stage] of stages)
    if (stage === "half-closed") throw new Error(`${who} is half-closed and sees no end`);
  if (unused.size > 0) throw new Error(`nothing uses the sections ${[...unused].join(", ")}`);
}
