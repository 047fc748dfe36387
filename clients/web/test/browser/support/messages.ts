// The messages of the protocol, for tests that run in Node.js.
export { create, fromBinary, toBinary } from "@bufbuild/protobuf";

export * from "../../../src/gen/beckon/v1/signal_pb.js";
