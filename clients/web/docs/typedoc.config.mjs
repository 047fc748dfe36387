import { OptionDefaults } from "typedoc";

// `npm run docs` writes build/docs; `npm run check-docs` fails where it would warn.
export default {
  name: "@beckon/client",
  entryPoints: ["../src/index.ts"],
  tsconfig: "../tsconfig.json",
  readme: "../README.md",
  out: "../build/docs",
  sort: ["source-order"],
  disableSources: true,
  excludePrivate: true,
  excludeInternal: true,
  excludeExternals: true,
  // What the generator of src/gen/ writes for itself.
  blockTags: [...OptionDefaults.blockTags, "@generated"],
  excludeTags: ["@generated"],
  // What others are made of, and which says nothing by itself.
  intentionallyNotExported: ["hangupWords", "rejectWords", "Flat", "Happening", "Envelope", "GoingOn", "Kind"],
  intentionallyNotDocumented: ["EventOf.__type.kind"],
  validation: { notExported: true, invalidLink: true, notDocumented: true },
  treatValidationWarningsAsErrors: true,
};
