/** A decoded JSON value. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** What the names of participants, variables and sections look like. */
export const namePattern = /^[a-z][a-z0-9]*$/;

/** Values of variables, by their names without `$`. */
export class Variables {
  readonly #values: Map<string, string>;

  constructor(values: Iterable<[string, string]>) {
    this.#values = new Map(values);
  }

  /** What a string stands for; undefined if it is a variable that has no value yet. */
  text(s: string): string | undefined {
    const name = variable(s);
    if (name !== undefined) return this.#values.get(name);
    const [, character, times] = /^(.)\*(\d{1,7})$/su.exec(s) ?? [];
    return character === undefined ? s : character.repeat(Number(times));
  }

  /**
   * Returns `want` with the values put in and with all that it leaves open taken over from `got`, so that it is met if
   * the result equals `got`. Variables that had no value have one then.
   */
  fill(want: Json, got: Json | undefined): Json {
    if (typeof want === "string") return this.#fillString(want, got);
    if (Array.isArray(want))
      return want.map((element, i) => this.fill(element, Array.isArray(got) ? got[i] : undefined));
    if (typeof want !== "object" || want === null) return want;
    const from = typeof got === "object" && got !== null && !Array.isArray(got) ? got : {};
    const open = want["*"] === "*";
    const filled: { [key: string]: Json } = open ? { ...from } : {};
    for (const key of Object.keys(want).sort()) {
      if (key === "*" && open) continue;
      const name = this.text(key) ?? key;
      filled[name] = this.fill(want[key] as Json, from[name]);
    }
    return filled;
  }

  #fillString(want: string, got: Json | undefined): Json {
    if (want === "*" && got !== undefined) return got;
    const value = this.text(want);
    if (value !== undefined) return value;
    if (typeof got !== "string" || got === "") return want;
    this.#values.set(variable(want) as string, got);
    return got;
  }
}

/** The name of the variable that a string is, if it is one. */
function variable(s: string): string | undefined {
  return s.startsWith("$") && namePattern.test(s.slice(1)) ? s.slice(1) : undefined;
}

/** The variables in a value, keys included. */
export function mentioned(value: Json): string[] {
  if (typeof value === "string") return [variable(value) ?? []].flat();
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(mentioned);
  return Object.entries(value).flatMap(([key, element]) => [...mentioned(key), ...mentioned(element)]);
}
