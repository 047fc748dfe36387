import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import type { ConnectError } from "@connectrpc/connect";

/** Whose reasons are Beckon's own. */
const domain = "beckon";

/** The reason in the google.rpc.ErrorInfo of an error, if it is one of Beckon's; else empty. */
export function reasonOf(error: ConnectError): string {
  for (const detail of error.details) {
    if ("type" in detail && detail.type === "google.rpc.ErrorInfo") {
      const info = decode(detail.value);
      if (info.domain === domain) return info.reason;
    }
  }
  return "";
}

/** Reads a google.rpc.ErrorInfo: 1 is the reason, 2 the domain. */
function decode(bytes: Uint8Array): { reason: string; domain: string } {
  const info = { reason: "", domain: "" };
  try {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [field, type] = reader.tag();
      if (field === 1 && type === WireType.LengthDelimited) info.reason = reader.string();
      else if (field === 2 && type === WireType.LengthDelimited) info.domain = reader.string();
      else reader.skip(type, field);
    }
  } catch {
    // What cannot be read says nothing.
  }
  return info;
}
