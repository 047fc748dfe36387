// Beckon introduces WebRTC peers to each other: it carries their offers, answers and ICE candidates, and nothing of
// their media. This file is the specification; where a server or a client differs from it, that one is wrong.
//
// # The flow
//
// 1. Open. A client opens Connect and sends a first message, usually `join`. The server answers with `welcome`, which
//    names the client (`user_id`), then with the outcome of that first message. A stream is one session; a session has
//    one user id.
// 2. Meet. A session may be in several rooms at once. For each it receives `joined_users`, the list of who is there,
//    and hears of changes in the way that it asked for (Presence).
// 3. Call. `offer`, `answer`, `candidate`, `reject`, `hangup` and `data` go to one user (`to`) or, with `to` empty, to
//    everybody else in `room`. They arrive as `call_made`, `answer_made`, `candidate_received`, `call_rejected`,
//    `call_ended` and `data_received`, with the `sender` that the server knows; nobody can speak as another.
// 4. Keep. Both sides send something at least every `heartbeat_interval`: the client a `ping`, the server a `pong`. A
//    client that never pings is held to the transport's own keepalive alone.
// 5. Resume. A client whose stream ended in any other way than by half-close or by a `leave` without a room may open
//    another within `resume_window` and send `resume` first. It receives what it missed, then one `joined_users` per
//    room. Nobody saw it leave; after two seconds others may have seen it AWAY. A client that does not come back in time
//    is LOST to its rooms, and what was sent to it and not received comes back to its senders as `failure` UNDELIVERED.
// 6. Drain. A server about to stop sends `draining`, then ends each stream with UNAVAILABLE; the clients resume.
// 7. End. Half-close, or `leave` with an empty room: what was sent before is answered, queued events are delivered, all
//    rooms are left, and the stream ends with OK.
//
// # Order
//
// In a room, what one user sends to another arrives in the order in which it was sent. Everybody sees changes of
// presence in the same order. Nothing is promised between rooms, nor between an outcome and other events.
//
// # The fate of a bad message
//
// A mistake in one message is answered with a `failure` event and harms nothing else: the stream goes on. What a stream
// cannot survive ends it with a gRPC status, whose google.rpc.ErrorInfo (domain "beckon") has a `reason` for programs:
//
//   status               reason              when                                              a client should
//   OK                   -                   the session was ended as asked                    stop
//   INVALID_ARGUMENT     UNDECODABLE         the bytes are no ConnectRequest, or have several  not retry
//                                            times as many cursors or rooms as there can be
//   INVALID_ARGUMENT     RESUME_NOT_FIRST    `resume` came after another message               not retry
//   INVALID_ARGUMENT     BAD_FIRST_MESSAGE   a Listen began with another message than `join`   not retry
//                                            or `resume`
//   UNIMPLEMENTED        -                   a message is compressed                           not retry
//   UNAUTHENTICATED      NO_TOKEN, BAD_TOKEN, TOKEN_EXPIRED
//                                            no, a bad or an expired access token              not retry with it
//   PERMISSION_DENIED    NOT_ALLOWED, KICKED the access does not allow it, or an operator      not retry with it
//                                            ended the session
//   RESOURCE_EXHAUSTED   SLOW_CONSUMER       the client does not read what it is sent          resume
//   RESOURCE_EXHAUSTED   MESSAGE_TOO_LARGE   a message beyond twice `max_message_bytes` (far   not send it again
//                                            beyond, the transport itself ends the stream:
//                                            gRPC with the status alone, a websocket with
//                                            the close code 1009)
//   RESOURCE_EXHAUSTED   LIMIT               too many sessions, on the server or from one      back off
//                                            address, far over the rate for long, or too many
//                                            tries from one address have failed
//   ABORTED              TAKEN_OVER          the session was resumed on another stream         stop, if that was not it
//   NOT_FOUND            NO_SUCH_SESSION     the resume token is none, or its session ended    connect anew
//   UNAVAILABLE          SILENT              a client that used to ping was not heard of for   resume
//                                            three heartbeat intervals, or one that began a
//                                            stream said nothing for one, or while too many
//                                            did the same
//   UNAVAILABLE          SHUTTING_DOWN, NO_LOG, UNAVAILABLE
//                                            the server stops, has lost its store, or cannot   resume, with jitter
//                                            tell at present who may do what
//
// # Rules that hold for every message
//
// A room, a name, a call id, a user id and a data type are at most 128 bytes of UTF-8 without control characters
// (U+0000 to U+001F, U+007F to U+009F). A string that is not UTF-8 makes the message undecodable, as in all of protobuf.
// Unknown fields are dropped. Unknown enum values are passed on and count as the zero value. Of a field that may not be
// empty a message says so.

// @generated by protoc-gen-es v2.13.0 with parameter "target=ts,import_extension=js"
// @generated from file beckon/v1/signal.proto (package beckon.v1, syntax proto3)
/* eslint-disable */

import type { GenEnum, GenFile, GenMessage, GenService } from "@bufbuild/protobuf/codegenv2";
import { enumDesc, fileDesc, messageDesc, serviceDesc } from "@bufbuild/protobuf/codegenv2";
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { file_google_protobuf_duration, file_google_protobuf_timestamp } from "@bufbuild/protobuf/wkt";
import type { Message } from "@bufbuild/protobuf";

/**
 * Describes the file beckon/v1/signal.proto.
 */
export const file_beckon_v1_signal: GenFile = /*@__PURE__*/
  fileDesc("ChZiZWNrb24vdjEvc2lnbmFsLnByb3RvEgliZWNrb24udjEi5QMKDkNvbm5lY3RSZXF1ZXN0EhIKCnJlcXVlc3RfaWQYASABKAQSHwoEam9pbhgCIAEoCzIPLmJlY2tvbi52MS5Kb2luSAASIQoFbGVhdmUYAyABKAsyEC5iZWNrb24udjEuTGVhdmVIABIhCgVvZmZlchgEIAEoCzIQLmJlY2tvbi52MS5PZmZlckgAEiMKBmFuc3dlchgFIAEoCzIRLmJlY2tvbi52MS5BbnN3ZXJIABIpCgljYW5kaWRhdGUYBiABKAsyFC5iZWNrb24udjEuQ2FuZGlkYXRlSAASIwoGcmVqZWN0GAcgASgLMhEuYmVja29uLnYxLlJlamVjdEgAEiMKBmhhbmd1cBgIIAEoCzIRLmJlY2tvbi52MS5IYW5ndXBIABIfCgRkYXRhGAkgASgLMg8uYmVja29uLnYxLkRhdGFIABIjCgZ1cGRhdGUYCiABKAsyES5iZWNrb24udjEuVXBkYXRlSAASIwoGcmVzdW1lGAsgASgLMhEuYmVja29uLnYxLlJlc3VtZUgAEicKCHJlY2VpdmVkGAwgASgLMhMuYmVja29uLnYxLlJlY2VpdmVkSAASHwoEcGluZxgNIAEoCzIPLmJlY2tvbi52MS5QaW5nSABCCQoHbWVzc2FnZSKZBgoPQ29ubmVjdFJlc3BvbnNlEgwKBHJvb20YASABKAkSCwoDc2VxGAIgASgEEhIKCnJlcXVlc3RfaWQYAyABKAQSJQoHd2VsY29tZRgEIAEoCzISLmJlY2tvbi52MS5XZWxjb21lSAASLgoMam9pbmVkX3VzZXJzGAUgASgLMhYuYmVja29uLnYxLkpvaW5lZFVzZXJzSAASLAoLdXNlcl9qb2luZWQYBiABKAsyFS5iZWNrb24udjEuVXNlckpvaW5lZEgAEi4KDHVzZXJfdXBkYXRlZBgHIAEoCzIWLmJlY2tvbi52MS5Vc2VyVXBkYXRlZEgAEigKCXVzZXJfbGVmdBgIIAEoCzITLmJlY2tvbi52MS5Vc2VyTGVmdEgAEigKCWNhbGxfbWFkZRgJIAEoCzITLmJlY2tvbi52MS5DYWxsTWFkZUgAEiwKC2Fuc3dlcl9tYWRlGAogASgLMhUuYmVja29uLnYxLkFuc3dlck1hZGVIABI6ChJjYW5kaWRhdGVfcmVjZWl2ZWQYCyABKAsyHC5iZWNrb24udjEuQ2FuZGlkYXRlUmVjZWl2ZWRIABIwCg1jYWxsX3JlamVjdGVkGAwgASgLMhcuYmVja29uLnYxLkNhbGxSZWplY3RlZEgAEioKCmNhbGxfZW5kZWQYDSABKAsyFC5iZWNrb24udjEuQ2FsbEVuZGVkSAASMAoNZGF0YV9yZWNlaXZlZBgOIAEoCzIXLmJlY2tvbi52MS5EYXRhUmVjZWl2ZWRIABIdCgNhY2sYDyABKAsyDi5iZWNrb24udjEuQWNrSAASJQoHZmFpbHVyZRgQIAEoCzISLmJlY2tvbi52MS5GYWlsdXJlSAASHwoEcG9uZxgRIAEoCzIPLmJlY2tvbi52MS5Qb25nSAASOwoTaWNlX3NlcnZlcnNfY2hhbmdlZBgSIAEoCzIcLmJlY2tvbi52MS5JY2VTZXJ2ZXJzQ2hhbmdlZEgAEicKCGRyYWluaW5nGBMgASgLMhMuYmVja29uLnYxLkRyYWluaW5nSABCBwoFZXZlbnQivwEKBEpvaW4SDAoEcm9vbRgBIAEoCRIRCgRuYW1lGAIgASgJSACIAQESMwoKYXR0cmlidXRlcxgDIAMoCzIfLmJlY2tvbi52MS5Kb2luLkF0dHJpYnV0ZXNFbnRyeRIlCghwcmVzZW5jZRgEIAEoDjITLmJlY2tvbi52MS5QcmVzZW5jZRoxCg9BdHRyaWJ1dGVzRW50cnkSCwoDa2V5GAEgASgJEg0KBXZhbHVlGAIgASgJOgI4AUIHCgVfbmFtZSIVCgVMZWF2ZRIMCgRyb29tGAEgASgJIj8KBU9mZmVyEgoKAnRvGAEgASgJEgwKBHJvb20YAiABKAkSDwoHY2FsbF9pZBgDIAEoCRILCgNzZHAYBCABKAkiVQoGQW5zd2VyEgoKAnRvGAEgASgJEgwKBHJvb20YAiABKAkSDwoHY2FsbF9pZBgDIAEoCRILCgNzZHAYBCABKAkSEwoLcHJvdmlzaW9uYWwYBSABKAgiYwoJQ2FuZGlkYXRlEgoKAnRvGAEgASgJEgwKBHJvb20YAiABKAkSDwoHY2FsbF9pZBgDIAEoCRIrCgpjYW5kaWRhdGVzGAQgAygLMhcuYmVja29uLnYxLkljZUNhbmRpZGF0ZSKtAQoMSWNlQ2FuZGlkYXRlEhEKCWNhbmRpZGF0ZRgBIAEoCRIUCgdzZHBfbWlkGAIgASgJSACIAQESHQoQc2RwX21fbGluZV9pbmRleBgDIAEoDUgBiAEBEh4KEXVzZXJuYW1lX2ZyYWdtZW50GAQgASgJSAKIAQFCCgoIX3NkcF9taWRCEwoRX3NkcF9tX2xpbmVfaW5kZXhCFAoSX3VzZXJuYW1lX2ZyYWdtZW50ImwKBlJlamVjdBIKCgJ0bxgBIAEoCRIMCgRyb29tGAIgASgJEg8KB2NhbGxfaWQYAyABKAkSJwoGcmVhc29uGAQgASgOMhcuYmVja29uLnYxLlJlamVjdFJlYXNvbhIOCgZkZXRhaWwYBSABKAkibAoGSGFuZ3VwEgoKAnRvGAEgASgJEgwKBHJvb20YAiABKAkSDwoHY2FsbF9pZBgDIAEoCRInCgZyZWFzb24YBCABKA4yFy5iZWNrb24udjEuSGFuZ3VwUmVhc29uEg4KBmRldGFpbBgFIAEoCSI/CgREYXRhEgoKAnRvGAEgASgJEgwKBHJvb20YAiABKAkSDAoEdHlwZRgDIAEoCRIPCgdwYXlsb2FkGAQgASgMIpwBCgZVcGRhdGUSDAoEcm9vbRgBIAEoCRIRCgRuYW1lGAIgASgJSACIAQESNQoKYXR0cmlidXRlcxgDIAMoCzIhLmJlY2tvbi52MS5VcGRhdGUuQXR0cmlidXRlc0VudHJ5GjEKD0F0dHJpYnV0ZXNFbnRyeRILCgNrZXkYASABKAkSDQoFdmFsdWUYAiABKAk6AjgBQgcKBV9uYW1lImMKBlJlc3VtZRIUCgxyZXN1bWVfdG9rZW4YASABKAkSIgoHY3Vyc29ycxgCIAMoCzIRLmJlY2tvbi52MS5DdXJzb3ISHwoGcmVqb2luGAMgAygLMg8uYmVja29uLnYxLkpvaW4iMgoGQ3Vyc29yEgwKBHJvb20YASABKAkSDQoFZXBvY2gYAiABKAkSCwoDc2VxGAMgASgEIi4KCFJlY2VpdmVkEiIKB2N1cnNvcnMYASADKAsyES5iZWNrb24udjEuQ3Vyc29yIjwKBFBpbmcSDwoHcGF5bG9hZBgBIAEoDBIjCghyZWNlaXZlZBgCIAMoCzIRLmJlY2tvbi52MS5DdXJzb3IiuQIKB1dlbGNvbWUSDwoHdXNlcl9pZBgBIAEoCRIUCgxyZXN1bWVfdG9rZW4YAiABKAkSMAoNcmVzdW1lX3dpbmRvdxgDIAEoCzIZLmdvb2dsZS5wcm90b2J1Zi5EdXJhdGlvbhI1ChJoZWFydGJlYXRfaW50ZXJ2YWwYBCABKAsyGS5nb29nbGUucHJvdG9idWYuRHVyYXRpb24SKQoLaWNlX3NlcnZlcnMYBSADKAsyFC5iZWNrb24udjEuSWNlU2VydmVyEiEKBmxpbWl0cxgGIAEoCzIRLmJlY2tvbi52MS5MaW1pdHMSFgoOc2VydmVyX3ZlcnNpb24YByABKAkSKQoKcmVzdW1wdGlvbhgIIAEoDjIVLmJlY2tvbi52MS5SZXN1bXB0aW9uEg0KBWVwb2NoGAkgASgJImwKCUljZVNlcnZlchIMCgR1cmxzGAEgAygJEhAKCHVzZXJuYW1lGAIgASgJEhIKCmNyZWRlbnRpYWwYAyABKAkSKwoHZXhwaXJlcxgEIAEoCzIaLmdvb2dsZS5wcm90b2J1Zi5UaW1lc3RhbXAiVwoGTGltaXRzEhkKEW1heF9tZXNzYWdlX2J5dGVzGAEgASgNEhEKCW1heF9yb29tcxgCIAEoDRIfChdtYXhfbWVzc2FnZXNfcGVyX3NlY29uZBgDIAEoDSJKCgtKb2luZWRVc2VycxIeCgV1c2VycxgBIAMoCzIPLmJlY2tvbi52MS5Vc2VyEg0KBWVwb2NoGAIgASgJEgwKBG1vcmUYAyABKAgiwQEKBFVzZXISCgoCaWQYASABKAkSDAoEbmFtZRgCIAEoCRIQCghpZGVudGl0eRgDIAEoCRIzCgphdHRyaWJ1dGVzGAQgAygLMh8uYmVja29uLnYxLlVzZXIuQXR0cmlidXRlc0VudHJ5EiUKBnN0YXR1cxgFIAEoDjIVLmJlY2tvbi52MS5Vc2VyU3RhdHVzGjEKD0F0dHJpYnV0ZXNFbnRyeRILCgNrZXkYASABKAkSDQoFdmFsdWUYAiABKAk6AjgBIisKClVzZXJKb2luZWQSHQoEdXNlchgBIAEoCzIPLmJlY2tvbi52MS5Vc2VyIiwKC1VzZXJVcGRhdGVkEh0KBHVzZXIYASABKAsyDy5iZWNrb24udjEuVXNlciJRCghVc2VyTGVmdBIdCgR1c2VyGAEgASgLMg8uYmVja29uLnYxLlVzZXISJgoGcmVhc29uGAIgASgOMhYuYmVja29uLnYxLkxlYXZlUmVhc29uIiIKBlNlbmRlchIKCgJpZBgBIAEoCRIMCgRuYW1lGAIgASgJIlsKCENhbGxNYWRlEiEKBnNlbmRlchgBIAEoCzIRLmJlY2tvbi52MS5TZW5kZXISDgoGYWdlX21zGAIgASgNEg8KB2NhbGxfaWQYAyABKAkSCwoDc2RwGAQgASgJImIKCkFuc3dlck1hZGUSIQoGc2VuZGVyGAEgASgLMhEuYmVja29uLnYxLlNlbmRlchIPCgdjYWxsX2lkGAMgASgJEgsKA3NkcBgEIAEoCRITCgtwcm92aXNpb25hbBgFIAEoCCJ0ChFDYW5kaWRhdGVSZWNlaXZlZBIhCgZzZW5kZXIYASABKAsyES5iZWNrb24udjEuU2VuZGVyEg8KB2NhbGxfaWQYAyABKAkSKwoKY2FuZGlkYXRlcxgEIAMoCzIXLmJlY2tvbi52MS5JY2VDYW5kaWRhdGUiewoMQ2FsbFJlamVjdGVkEiEKBnNlbmRlchgBIAEoCzIRLmJlY2tvbi52MS5TZW5kZXISDwoHY2FsbF9pZBgDIAEoCRInCgZyZWFzb24YBCABKA4yFy5iZWNrb24udjEuUmVqZWN0UmVhc29uEg4KBmRldGFpbBgFIAEoCSJ4CglDYWxsRW5kZWQSIQoGc2VuZGVyGAEgASgLMhEuYmVja29uLnYxLlNlbmRlchIPCgdjYWxsX2lkGAMgASgJEicKBnJlYXNvbhgEIAEoDjIXLmJlY2tvbi52MS5IYW5ndXBSZWFzb24SDgoGZGV0YWlsGAUgASgJIlAKDERhdGFSZWNlaXZlZBIhCgZzZW5kZXIYASABKAsyES5iZWNrb24udjEuU2VuZGVyEgwKBHR5cGUYAyABKAkSDwoHcGF5bG9hZBgEIAEoDCI+ChFJY2VTZXJ2ZXJzQ2hhbmdlZBIpCgtpY2Vfc2VydmVycxgBIAMoCzIULmJlY2tvbi52MS5JY2VTZXJ2ZXIiPgoIRHJhaW5pbmcSMgoPcmVjb25uZWN0X2FmdGVyGAEgASgLMhkuZ29vZ2xlLnByb3RvYnVmLkR1cmF0aW9uIhIKA0FjaxILCgNzZXEYASABKAQiawoHRmFpbHVyZRIkCgRjb2RlGAEgASgOMhYuYmVja29uLnYxLkZhaWx1cmVDb2RlEg4KBmRldGFpbBgCIAEoCRINCgVmaWVsZBgDIAEoCRIKCgJ0bxgEIAEoCRIPCgdjYWxsX2lkGAUgASgJIhcKBFBvbmcSDwoHcGF5bG9hZBgBIAEoDCI5Cg1MaXN0ZW5SZXF1ZXN0EigKBWZpcnN0GAEgASgLMhkuYmVja29uLnYxLkNvbm5lY3RSZXF1ZXN0IjsKDkxpc3RlblJlc3BvbnNlEikKBWV2ZW50GAEgASgLMhouYmVja29uLnYxLkNvbm5lY3RSZXNwb25zZSI6CgtTZW5kUmVxdWVzdBIrCghtZXNzYWdlcxgBIAMoCzIZLmJlY2tvbi52MS5Db25uZWN0UmVxdWVzdCIOCgxTZW5kUmVzcG9uc2UqXgoIUHJlc2VuY2USGAoUUFJFU0VOQ0VfVU5TUEVDSUZJRUQQABIRCg1QUkVTRU5DRV9GVUxMEAESEgoOUFJFU0VOQ0VfREVMVEEQAhIRCg1QUkVTRU5DRV9OT05FEAMqgQEKDFJlamVjdFJlYXNvbhIdChlSRUpFQ1RfUkVBU09OX1VOU1BFQ0lGSUVEEAASFgoSUkVKRUNUX1JFQVNPTl9CVVNZEAESGwoXUkVKRUNUX1JFQVNPTl9OT19BTlNXRVIQAhIdChlSRUpFQ1RfUkVBU09OX1VOU1VQUE9SVEVEEAMqfwoMSGFuZ3VwUmVhc29uEh0KGUhBTkdVUF9SRUFTT05fVU5TUEVDSUZJRUQQABIbChdIQU5HVVBfUkVBU09OX0NBTkNFTExFRBABEhkKFUhBTkdVUF9SRUFTT05fVElNRU9VVBACEhgKFEhBTkdVUF9SRUFTT05fRkFJTEVEEAMqbQoKUmVzdW1wdGlvbhIaChZSRVNVTVBUSU9OX1VOU1BFQ0lGSUVEEAASEgoOUkVTVU1QVElPTl9ORVcQARIWChJSRVNVTVBUSU9OX1JFU1VNRUQQAhIXChNSRVNVTVBUSU9OX1JFU1lOQ0VEEAMqPwoKVXNlclN0YXR1cxIbChdVU0VSX1NUQVRVU19VTlNQRUNJRklFRBAAEhQKEFVTRVJfU1RBVFVTX0FXQVkQASqnAQoLTGVhdmVSZWFzb24SHAoYTEVBVkVfUkVBU09OX1VOU1BFQ0lGSUVEEAASFQoRTEVBVkVfUkVBU09OX0xFRlQQARIVChFMRUFWRV9SRUFTT05fTE9TVBACEhcKE0xFQVZFX1JFQVNPTl9LSUNLRUQQAxIZChVMRUFWRV9SRUFTT05fUkVQTEFDRUQQBBIYChRMRUFWRV9SRUFTT05fRVhQSVJFRBAFKtoCCgtGYWlsdXJlQ29kZRIcChhGQUlMVVJFX0NPREVfVU5TUEVDSUZJRUQQABIYChRGQUlMVVJFX0NPREVfSU5WQUxJRBABEhwKGEZBSUxVUkVfQ09ERV9OT1RfSU5fUk9PTRACEh0KGUZBSUxVUkVfQ09ERV9OT19TVUNIX1VTRVIQAxIiCh5GQUlMVVJFX0NPREVfUEVSTUlTU0lPTl9ERU5JRUQQBBIdChlGQUlMVVJFX0NPREVfUkFURV9MSU1JVEVEEAUSGgoWRkFJTFVSRV9DT0RFX1RPT19MQVJHRRAGEhoKFkZBSUxVUkVfQ09ERV9ST09NX0ZVTEwQBxIcChhGQUlMVVJFX0NPREVfVU5ERUxJVkVSRUQQCBIcChhGQUlMVVJFX0NPREVfVU5BVkFJTEFCTEUQCRIfChtGQUlMVVJFX0NPREVfVE9LRU5fRVhQSVJJTkcQCjLIAQoGU2lnbmFsEkQKB0Nvbm5lY3QSGS5iZWNrb24udjEuQ29ubmVjdFJlcXVlc3QaGi5iZWNrb24udjEuQ29ubmVjdFJlc3BvbnNlKAEwARI/CgZMaXN0ZW4SGC5iZWNrb24udjEuTGlzdGVuUmVxdWVzdBoZLmJlY2tvbi52MS5MaXN0ZW5SZXNwb25zZTABEjcKBFNlbmQSFi5iZWNrb24udjEuU2VuZFJlcXVlc3QaFy5iZWNrb24udjEuU2VuZFJlc3BvbnNlQmsKFmlvLmdpdGh1Yi5iZWNrb25ydGMudjFCC1NpZ25hbFByb3RvUAFaMmdpdGh1Yi5jb20vYmVja29ucnRjL2JlY2tvbi9nZW4vYmVja29uL3YxO2JlY2tvbnYxogIDQktOugIHQmVja29uX2IGcHJvdG8z", [file_google_protobuf_duration, file_google_protobuf_timestamp]);

/**
 * A message from a client.
 *
 * @generated from message beckon.v1.ConnectRequest
 */
export type ConnectRequest = Message<"beckon.v1.ConnectRequest"> & {
  /**
   * Other than 0: asks for an outcome of this message, which is exactly one `ack` (it was recorded) or one `failure` (it
   * was not). Strictly increasing within a session; numbers may be left out. A repeated id is answered with its first
   * outcome and has no second effect, as long as the server remembers it (the last 64). One that is older, or was left
   * out, is refused as INVALID. So a client that lost its connection can safely send again, in the order of their ids,
   * what has had no outcome, as long as that is no more than 64 messages.
   *
   * With 0 a success is silent; a failure is still sent, with `request_id` 0.
   *
   * @generated from field: uint64 request_id = 1;
   */
  requestId: bigint;

  /**
   * Exactly one. None: `failure` INVALID, field `message`.
   *
   * @generated from oneof beckon.v1.ConnectRequest.message
   */
  message: {
    /**
     * Enter a room, or change how one is in it.
     *
     * @generated from field: beckon.v1.Join join = 2;
     */
    value: Join;
    case: "join";
  } | {
    /**
     * Leave a room, or end the session.
     *
     * @generated from field: beckon.v1.Leave leave = 3;
     */
    value: Leave;
    case: "leave";
  } | {
    /**
     * Call, or renegotiate.
     *
     * @generated from field: beckon.v1.Offer offer = 4;
     */
    value: Offer;
    case: "offer";
  } | {
    /**
     * Accept a call.
     *
     * @generated from field: beckon.v1.Answer answer = 5;
     */
    value: Answer;
    case: "answer";
  } | {
    /**
     * Tell of ICE candidates.
     *
     * @generated from field: beckon.v1.Candidate candidate = 6;
     */
    value: Candidate;
    case: "candidate";
  } | {
    /**
     * Decline a call.
     *
     * @generated from field: beckon.v1.Reject reject = 7;
     */
    value: Reject;
    case: "reject";
  } | {
    /**
     * End a call.
     *
     * @generated from field: beckon.v1.Hangup hangup = 8;
     */
    value: Hangup;
    case: "hangup";
  } | {
    /**
     * Carry a message of the application's own.
     *
     * @generated from field: beckon.v1.Data data = 9;
     */
    value: Data;
    case: "data";
  } | {
    /**
     * Change what others see of oneself.
     *
     * @generated from field: beckon.v1.Update update = 10;
     */
    value: Update;
    case: "update";
  } | {
    /**
     * Take up a session again; only as the first message.
     *
     * @generated from field: beckon.v1.Resume resume = 11;
     */
    value: Resume;
    case: "resume";
  } | {
    /**
     * Tell what has arrived.
     *
     * @generated from field: beckon.v1.Received received = 12;
     */
    value: Received;
    case: "received";
  } | {
    /**
     * Show that one is there.
     *
     * @generated from field: beckon.v1.Ping ping = 13;
     */
    value: Ping;
    case: "ping";
  } | { case: undefined; value?: undefined };
};

/**
 * Describes the message beckon.v1.ConnectRequest.
 * Use `create(ConnectRequestSchema)` to create a new message.
 */
export const ConnectRequestSchema: GenMessage<ConnectRequest> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 0);

/**
 * An event for a client.
 *
 * @generated from message beckon.v1.ConnectResponse
 */
export type ConnectResponse = Message<"beckon.v1.ConnectResponse"> & {
  /**
   * The room that the event is about. Empty: the session itself.
   *
   * @generated from field: string room = 1;
   */
  room: string;

  /**
   * The event's number in the log of `room` (empty `room`: in the session's own log, which has what came back). Within
   * one room it never falls on a stream; gaps are normal. 0: the event is in no log and is not sent again on resume.
   *
   * @generated from field: uint64 seq = 2;
   */
  seq: bigint;

  /**
   * Of `ack`, `failure` and `pong`: the message that it answers, 0 if that had no id.
   *
   * @generated from field: uint64 request_id = 3;
   */
  requestId: bigint;

  /**
   * @generated from oneof beckon.v1.ConnectResponse.event
   */
  event: {
    /**
     * The first event of every stream.
     *
     * @generated from field: beckon.v1.Welcome welcome = 4;
     */
    value: Welcome;
    case: "welcome";
  } | {
    /**
     * Who is in the room.
     *
     * @generated from field: beckon.v1.JoinedUsers joined_users = 5;
     */
    value: JoinedUsers;
    case: "joinedUsers";
  } | {
    /**
     * Somebody came.
     *
     * @generated from field: beckon.v1.UserJoined user_joined = 6;
     */
    value: UserJoined;
    case: "userJoined";
  } | {
    /**
     * Somebody changed.
     *
     * @generated from field: beckon.v1.UserUpdated user_updated = 7;
     */
    value: UserUpdated;
    case: "userUpdated";
  } | {
    /**
     * Somebody went.
     *
     * @generated from field: beckon.v1.UserLeft user_left = 8;
     */
    value: UserLeft;
    case: "userLeft";
  } | {
    /**
     * From an `offer`.
     *
     * @generated from field: beckon.v1.CallMade call_made = 9;
     */
    value: CallMade;
    case: "callMade";
  } | {
    /**
     * From an `answer`.
     *
     * @generated from field: beckon.v1.AnswerMade answer_made = 10;
     */
    value: AnswerMade;
    case: "answerMade";
  } | {
    /**
     * From a `candidate`.
     *
     * @generated from field: beckon.v1.CandidateReceived candidate_received = 11;
     */
    value: CandidateReceived;
    case: "candidateReceived";
  } | {
    /**
     * From a `reject`.
     *
     * @generated from field: beckon.v1.CallRejected call_rejected = 12;
     */
    value: CallRejected;
    case: "callRejected";
  } | {
    /**
     * From a `hangup`.
     *
     * @generated from field: beckon.v1.CallEnded call_ended = 13;
     */
    value: CallEnded;
    case: "callEnded";
  } | {
    /**
     * From a `data`.
     *
     * @generated from field: beckon.v1.DataReceived data_received = 14;
     */
    value: DataReceived;
    case: "dataReceived";
  } | {
    /**
     * A message was recorded.
     *
     * @generated from field: beckon.v1.Ack ack = 15;
     */
    value: Ack;
    case: "ack";
  } | {
    /**
     * A message was not recorded, or came back.
     *
     * @generated from field: beckon.v1.Failure failure = 16;
     */
    value: Failure;
    case: "failure";
  } | {
    /**
     * The answer to a `ping`, or a heartbeat.
     *
     * @generated from field: beckon.v1.Pong pong = 17;
     */
    value: Pong;
    case: "pong";
  } | {
    /**
     * New servers or credentials for ICE.
     *
     * @generated from field: beckon.v1.IceServersChanged ice_servers_changed = 18;
     */
    value: IceServersChanged;
    case: "iceServersChanged";
  } | {
    /**
     * The server is about to stop.
     *
     * @generated from field: beckon.v1.Draining draining = 19;
     */
    value: Draining;
    case: "draining";
  } | { case: undefined; value?: undefined };
};

/**
 * Describes the message beckon.v1.ConnectResponse.
 * Use `create(ConnectResponseSchema)` to create a new message.
 */
export const ConnectResponseSchema: GenMessage<ConnectResponse> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 1);

/**
 * Join enters a room; a room exists while somebody is in it. The answer is `joined_users`.
 *
 * Joining a room that one is in is an update: name and attributes as in Update, `presence` replaces the mode, and the
 * list comes again.
 *
 * INVALID: bad or empty `room`, bad or empty `name`, bad `attributes`, more rooms than `max_rooms`. PERMISSION_DENIED:
 * not allowed in this room. ROOM_FULL.
 *
 * @generated from message beckon.v1.Join
 */
export type Join = Message<"beckon.v1.Join"> & {
  /**
   * Not empty.
   *
   * @generated from field: string room = 1;
   */
  room: string;

  /**
   * What others see. Absent: the name that comes with the access, else none.
   *
   * @generated from field: optional string name = 2;
   */
  name?: string | undefined;

  /**
   * What else others see, as they like to use it. At most 32 entries and 4 KiB, keys and values together; keys are 1 to
   * 128 bytes without control characters.
   *
   * @generated from field: map<string, string> attributes = 3;
   */
  attributes: { [key: string]: string };

  /**
   * How much of the room to hear.
   *
   * @generated from field: beckon.v1.Presence presence = 4;
   */
  presence: Presence;
};

/**
 * Describes the message beckon.v1.Join.
 * Use `create(JoinSchema)` to create a new message.
 */
export const JoinSchema: GenMessage<Join> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 2);

/**
 * Leave leaves a room: everybody else hears that the user LEFT. With an empty room it ends the session as a half-close
 * does.
 *
 * NOT_IN_ROOM: not a member of `room`.
 *
 * @generated from message beckon.v1.Leave
 */
export type Leave = Message<"beckon.v1.Leave"> & {
  /**
   * Empty: every room, and the session.
   *
   * @generated from field: string room = 1;
   */
  room: string;
};

/**
 * Describes the message beckon.v1.Leave.
 * Use `create(LeaveSchema)` to create a new message.
 */
export const LeaveSchema: GenMessage<Leave> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 3);

/**
 * Offer calls somebody, or renegotiates within a call (same `call_id`). Arrives as `call_made`.
 *
 * @generated from message beckon.v1.Offer
 */
export type Offer = Message<"beckon.v1.Offer"> & {
  /**
   * The user to call; empty: everybody else in `room`.
   *
   * @generated from field: string to = 1;
   */
  to: string;

  /**
   * The room to call in.
   *
   * @generated from field: string room = 2;
   */
  room: string;

  /**
   * The call, chosen by the caller, unique between the two; not empty.
   *
   * @generated from field: string call_id = 3;
   */
  callId: string;

  /**
   * A session description (RFC 8866) of type offer; not empty, otherwise carried unread.
   *
   * @generated from field: string sdp = 4;
   */
  sdp: string;
};

/**
 * Describes the message beckon.v1.Offer.
 * Use `create(OfferSchema)` to create a new message.
 */
export const OfferSchema: GenMessage<Offer> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 4);

/**
 * Answer accepts an offer. Arrives as `answer_made`.
 *
 * @generated from message beckon.v1.Answer
 */
export type Answer = Message<"beckon.v1.Answer"> & {
  /**
   * The user who called; empty: everybody else in `room`.
   *
   * @generated from field: string to = 1;
   */
  to: string;

  /**
   * The room of the call.
   *
   * @generated from field: string room = 2;
   */
  room: string;

  /**
   * The call that is answered; not empty.
   *
   * @generated from field: string call_id = 3;
   */
  callId: string;

  /**
   * A session description of type answer; not empty, otherwise carried unread.
   *
   * @generated from field: string sdp = 4;
   */
  sdp: string;

  /**
   * The description is of type pranswer: more answers will follow.
   *
   * @generated from field: bool provisional = 5;
   */
  provisional: boolean;
};

/**
 * Describes the message beckon.v1.Answer.
 * Use `create(AnswerSchema)` to create a new message.
 */
export const AnswerSchema: GenMessage<Answer> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 5);

/**
 * Candidate tells of ICE candidates as they are found (trickle ICE, RFC 8838). Arrives as `candidate_received`, never
 * before the offer or answer that was sent before it.
 *
 * @generated from message beckon.v1.Candidate
 */
export type Candidate = Message<"beckon.v1.Candidate"> & {
  /**
   * The other side of the call; empty: everybody else in `room`.
   *
   * @generated from field: string to = 1;
   */
  to: string;

  /**
   * The room of the call.
   *
   * @generated from field: string room = 2;
   */
  room: string;

  /**
   * The call; not empty.
   *
   * @generated from field: string call_id = 3;
   */
  callId: string;

  /**
   * At least one. Those found within some milliseconds of each other may travel together.
   *
   * @generated from field: repeated beckon.v1.IceCandidate candidates = 4;
   */
  candidates: IceCandidate[];
};

/**
 * Describes the message beckon.v1.Candidate.
 * Use `create(CandidateSchema)` to create a new message.
 */
export const CandidateSchema: GenMessage<Candidate> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 6);

/**
 * An ICE candidate: the dictionary RTCIceCandidateInit of W3C WebRTC 1.0, field for field.
 *
 * @generated from message beckon.v1.IceCandidate
 */
export type IceCandidate = Message<"beckon.v1.IceCandidate"> & {
  /**
   * The candidate-attribute of RFC 8839, section 5.1. Empty: there will be no more for this ufrag. (Native libraries
   * have no such candidate; they drop it.)
   *
   * @generated from field: string candidate = 1;
   */
  candidate: string;

  /**
   * The media stream identification (RFC 5888) of the m-line.
   *
   * @generated from field: optional string sdp_mid = 2;
   */
  sdpMid?: string | undefined;

  /**
   * The m-line's index, from 0.
   *
   * @generated from field: optional uint32 sdp_m_line_index = 3;
   */
  sdpMLineIndex?: number | undefined;

  /**
   * The ICE ufrag that tells ICE generations apart.
   *
   * @generated from field: optional string username_fragment = 4;
   */
  usernameFragment?: string | undefined;
};

/**
 * Describes the message beckon.v1.IceCandidate.
 * Use `create(IceCandidateSchema)` to create a new message.
 */
export const IceCandidateSchema: GenMessage<IceCandidate> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 7);

/**
 * Reject declines a call. Arrives as `call_rejected`.
 *
 * @generated from message beckon.v1.Reject
 */
export type Reject = Message<"beckon.v1.Reject"> & {
  /**
   * The user who called; empty: everybody else in `room`.
   *
   * @generated from field: string to = 1;
   */
  to: string;

  /**
   * The room of the call.
   *
   * @generated from field: string room = 2;
   */
  room: string;

  /**
   * The call that is declined; not empty.
   *
   * @generated from field: string call_id = 3;
   */
  callId: string;

  /**
   * Why, for a program.
   *
   * @generated from field: beckon.v1.RejectReason reason = 4;
   */
  reason: RejectReason;

  /**
   * Why, for a person; at most 1 KiB.
   *
   * @generated from field: string detail = 5;
   */
  detail: string;
};

/**
 * Describes the message beckon.v1.Reject.
 * Use `create(RejectSchema)` to create a new message.
 */
export const RejectSchema: GenMessage<Reject> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 8);

/**
 * Hangup ends a call, before or after it was answered. Arrives as `call_ended`.
 *
 * @generated from message beckon.v1.Hangup
 */
export type Hangup = Message<"beckon.v1.Hangup"> & {
  /**
   * The other side of the call; empty: everybody else in `room`.
   *
   * @generated from field: string to = 1;
   */
  to: string;

  /**
   * The room of the call.
   *
   * @generated from field: string room = 2;
   */
  room: string;

  /**
   * The call that ends; not empty.
   *
   * @generated from field: string call_id = 3;
   */
  callId: string;

  /**
   * Why, for a program.
   *
   * @generated from field: beckon.v1.HangupReason reason = 4;
   */
  reason: HangupReason;

  /**
   * Why, for a person; at most 1 KiB.
   *
   * @generated from field: string detail = 5;
   */
  detail: string;
};

/**
 * Describes the message beckon.v1.Hangup.
 * Use `create(HangupSchema)` to create a new message.
 */
export const HangupSchema: GenMessage<Hangup> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 9);

/**
 * Data carries a message of the application's own: chat, "muted", "hand raised". Arrives as `data_received`.
 *
 * @generated from message beckon.v1.Data
 */
export type Data = Message<"beckon.v1.Data"> & {
  /**
   * The user it is for; empty: everybody else in `room`.
   *
   * @generated from field: string to = 1;
   */
  to: string;

  /**
   * The room to speak in.
   *
   * @generated from field: string room = 2;
   */
  room: string;

  /**
   * What `payload` is, in the application's words; may be empty.
   *
   * @generated from field: string type = 3;
   */
  type: string;

  /**
   * Anything.
   *
   * @generated from field: bytes payload = 4;
   */
  payload: Uint8Array;
};

/**
 * Describes the message beckon.v1.Data.
 * Use `create(DataSchema)` to create a new message.
 */
export const DataSchema: GenMessage<Data> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 10);

/**
 * Update changes what others see of the sender in one room. They hear it as Presence says.
 *
 * NOT_IN_ROOM. INVALID: bad or empty `name`, or `attributes` that would break their bounds once merged.
 * PERMISSION_DENIED: the access does not let the user choose a name, or fixes an attribute.
 *
 * @generated from message beckon.v1.Update
 */
export type Update = Message<"beckon.v1.Update"> & {
  /**
   * Not empty.
   *
   * @generated from field: string room = 1;
   */
  room: string;

  /**
   * The new name. Absent: as before.
   *
   * @generated from field: optional string name = 2;
   */
  name?: string | undefined;

  /**
   * Merged into the present ones; an empty value removes its key.
   *
   * @generated from field: map<string, string> attributes = 3;
   */
  attributes: { [key: string]: string };
};

/**
 * Describes the message beckon.v1.Update.
 * Use `create(UpdateSchema)` to create a new message.
 */
export const UpdateSchema: GenMessage<Update> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 11);

/**
 * Resume takes up the session of a stream that was lost. The newest stream wins: an older one, if the server still has
 * it, ends with ABORTED. The stream ends with NOT_FOUND if the session is not to be had.
 *
 * A server that was started anew knows no sessions. If it has kept the key that its tokens are made with, it takes one up
 * for as long as `resume_window` after its start: under the same `user_id`, in the rooms of `rejoin`, RESYNCED.
 *
 * After `welcome` come the messages of the session's own log and of each room that were not received, in order, and then
 * one `joined_users` per room. A room of `rejoin` that cannot be joined anew is a `failure` with `request_id` 0.
 *
 * @generated from message beckon.v1.Resume
 */
export type Resume = Message<"beckon.v1.Resume"> & {
  /**
   * From `welcome`.
   *
   * @generated from field: string resume_token = 1;
   */
  resumeToken: string;

  /**
   * Per room how far the client has read; a room left out is read from the join. The session's own log has an empty
   * `room`. (A room whose first `joined_users` has not arrived has no epoch and so no cursor, though messages may have
   * arrived: they come again, and the client knows them by their `seq`, as long as `welcome` has the same `epoch`.)
   *
   * @generated from field: repeated beckon.v1.Cursor cursors = 2;
   */
  cursors: Cursor[];

  /**
   * Rooms that the client was in, each as it would be joined now. One that the server no longer knows it to be in is
   * joined anew, permissions checked; of the others nothing changes.
   *
   * @generated from field: repeated beckon.v1.Join rejoin = 3;
   */
  rejoin: Join[];
};

/**
 * Describes the message beckon.v1.Resume.
 * Use `create(ResumeSchema)` to create a new message.
 */
export const ResumeSchema: GenMessage<Resume> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 12);

/**
 * A place in a log.
 *
 * @generated from message beckon.v1.Cursor
 */
export type Cursor = Message<"beckon.v1.Cursor"> & {
  /**
   * Empty: the session's own log.
   *
   * @generated from field: string room = 1;
   */
  room: string;

  /**
   * From the room's last `joined_users`; of the session's own log, from `welcome`. A cursor of another epoch does not
   * count.
   *
   * @generated from field: string epoch = 2;
   */
  epoch: string;

  /**
   * The number of the last event that arrived.
   *
   * @generated from field: uint64 seq = 3;
   */
  seq: bigint;
};

/**
 * Describes the message beckon.v1.Cursor.
 * Use `create(CursorSchema)` to create a new message.
 */
export const CursorSchema: GenMessage<Cursor> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 13);

/**
 * Received tells which events have arrived, so that the server can forget them. Optional: without it events are kept
 * until their time or space is used up, and a message counts as received once it was written to the transport; so it
 * does when a client on a stream leaves the room or ends the session. A client that says it once should go on, with
 * every `ping` and after every 64 KiB: what was not received when its time or space is used up comes back to its sender.
 * Cursors for rooms that one is not in, or of another epoch, are ignored.
 *
 * @generated from message beckon.v1.Received
 */
export type Received = Message<"beckon.v1.Received"> & {
  /**
   * Everything up to each has arrived.
   *
   * @generated from field: repeated beckon.v1.Cursor cursors = 1;
   */
  cursors: Cursor[];
};

/**
 * Describes the message beckon.v1.Received.
 * Use `create(ReceivedSchema)` to create a new message.
 */
export const ReceivedSchema: GenMessage<Received> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 14);

/**
 * Ping shows that the client is there. Answered by `pong`, never by `ack`. A client that has sent one promises to send
 * one every `heartbeat_interval`. Its `request_id` may be any: it is only echoed.
 *
 * INVALID: `payload` of more than 64 bytes.
 *
 * @generated from message beckon.v1.Ping
 */
export type Ping = Message<"beckon.v1.Ping"> & {
  /**
   * Comes back in `pong`; at most 64 bytes.
   *
   * @generated from field: bytes payload = 1;
   */
  payload: Uint8Array;

  /**
   * As in Received.
   *
   * @generated from field: repeated beckon.v1.Cursor received = 2;
   */
  received: Cursor[];
};

/**
 * Describes the message beckon.v1.Ping.
 * Use `create(PingSchema)` to create a new message.
 */
export const PingSchema: GenMessage<Ping> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 15);

/**
 * Welcome is the first event of every stream: who the client is and what the server allows.
 *
 * @generated from message beckon.v1.Welcome
 */
export type Welcome = Message<"beckon.v1.Welcome"> & {
  /**
   * The client, for as long as the session lives. What others put into `to`.
   *
   * @generated from field: string user_id = 1;
   */
  userId: string;

  /**
   * What `resume` and Send need; a secret, the same for the whole session.
   *
   * @generated from field: string resume_token = 2;
   */
  resumeToken: string;

  /**
   * How long the server keeps a session whose stream was lost.
   *
   * @generated from field: google.protobuf.Duration resume_window = 3;
   */
  resumeWindow?: Duration | undefined;

  /**
   * How often each side shows that it is there.
   *
   * @generated from field: google.protobuf.Duration heartbeat_interval = 4;
   */
  heartbeatInterval?: Duration | undefined;

  /**
   * For RTCConfiguration.iceServers.
   *
   * @generated from field: repeated beckon.v1.IceServer ice_servers = 5;
   */
  iceServers: IceServer[];

  /**
   * What the server allows this session.
   *
   * @generated from field: beckon.v1.Limits limits = 6;
   */
  limits?: Limits | undefined;

  /**
   * For people and logs; not to be parsed.
   *
   * @generated from field: string server_version = 7;
   */
  serverVersion: string;

  /**
   * Whether this is the session that the client asked for.
   *
   * @generated from field: beckon.v1.Resumption resumption = 8;
   */
  resumption: Resumption;

  /**
   * Which life of the session's own log `seq` counts in; for Cursor. If it changes on resume, the server was started anew
   * and has forgotten the outcomes of messages, too.
   *
   * @generated from field: string epoch = 9;
   */
  epoch: string;
};

/**
 * Describes the message beckon.v1.Welcome.
 * Use `create(WelcomeSchema)` to create a new message.
 */
export const WelcomeSchema: GenMessage<Welcome> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 16);

/**
 * A STUN or TURN server: the dictionary RTCIceServer of W3C WebRTC 1.0, and an expiry.
 *
 * @generated from message beckon.v1.IceServer
 */
export type IceServer = Message<"beckon.v1.IceServer"> & {
  /**
   * Such as "stun:stun.example.org" or "turns:turn.example.org:5349?transport=tcp" (RFC 7064, RFC 7065).
   *
   * @generated from field: repeated string urls = 1;
   */
  urls: string[];

  /**
   * For TURN.
   *
   * @generated from field: string username = 2;
   */
  username: string;

  /**
   * For TURN: a password.
   *
   * @generated from field: string credential = 3;
   */
  credential: string;

  /**
   * When `credential` ends to be valid. Absent: never.
   *
   * @generated from field: google.protobuf.Timestamp expires = 4;
   */
  expires?: Timestamp | undefined;
};

/**
 * Describes the message beckon.v1.IceServer.
 * Use `create(IceServerSchema)` to create a new message.
 */
export const IceServerSchema: GenMessage<IceServer> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 17);

/**
 * What a session may use. 0: no limit.
 *
 * @generated from message beckon.v1.Limits
 */
export type Limits = Message<"beckon.v1.Limits"> & {
  /**
   * The size of one ConnectRequest, in bytes. Over it: `failure` TOO_LARGE; beyond twice it, the stream ends.
   *
   * @generated from field: uint32 max_message_bytes = 1;
   */
  maxMessageBytes: number;

  /**
   * Rooms at one time.
   *
   * @generated from field: uint32 max_rooms = 2;
   */
  maxRooms: number;

  /**
   * The rate of ConnectRequests that can be kept up.
   *
   * @generated from field: uint32 max_messages_per_second = 3;
   */
  maxMessagesPerSecond: number;
};

/**
 * Describes the message beckon.v1.Limits.
 * Use `create(LimitsSchema)` to create a new message.
 */
export const LimitsSchema: GenMessage<Limits> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 18);

/**
 * JoinedUsers is the list of who is in the room, oneself included, in the order in which they came; with PRESENCE_NONE,
 * oneself alone.
 *
 * @generated from message beckon.v1.JoinedUsers
 */
export type JoinedUsers = Message<"beckon.v1.JoinedUsers"> & {
  /**
   * The list, or a part of it.
   *
   * @generated from field: repeated beckon.v1.User users = 1;
   */
  users: User[];

  /**
   * Which life of the room's log `seq` counts in; for Cursor.
   *
   * @generated from field: string epoch = 2;
   */
  epoch: string;

  /**
   * The list goes on in the next `joined_users` of this room. A list over 128 KiB comes in parts.
   *
   * @generated from field: bool more = 3;
   */
  more: boolean;
};

/**
 * Describes the message beckon.v1.JoinedUsers.
 * Use `create(JoinedUsersSchema)` to create a new message.
 */
export const JoinedUsersSchema: GenMessage<JoinedUsers> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 19);

/**
 * A user in a room.
 *
 * @generated from message beckon.v1.User
 */
export type User = Message<"beckon.v1.User"> & {
  /**
   * Given by the server, unique.
   *
   * @generated from field: string id = 1;
   */
  id: string;

  /**
   * Chosen by the user, or fixed by the access; not unique; may be empty.
   *
   * @generated from field: string name = 2;
   */
  name: string;

  /**
   * Who this is, as the access token (its subject), the certificate or the webhook says. Empty without one.
   *
   * @generated from field: string identity = 3;
   */
  identity: string;

  /**
   * Chosen by the user; some may be fixed by the access.
   *
   * @generated from field: map<string, string> attributes = 4;
   */
  attributes: { [key: string]: string };

  /**
   * Whether the user's connection is up.
   *
   * @generated from field: beckon.v1.UserStatus status = 5;
   */
  status: UserStatus;
};

/**
 * Describes the message beckon.v1.User.
 * Use `create(UserSchema)` to create a new message.
 */
export const UserSchema: GenMessage<User> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 20);

/**
 * UserJoined tells a PRESENCE_DELTA member that somebody came.
 *
 * @generated from message beckon.v1.UserJoined
 */
export type UserJoined = Message<"beckon.v1.UserJoined"> & {
  /**
   * Who.
   *
   * @generated from field: beckon.v1.User user = 1;
   */
  user?: User | undefined;
};

/**
 * Describes the message beckon.v1.UserJoined.
 * Use `create(UserJoinedSchema)` to create a new message.
 */
export const UserJoinedSchema: GenMessage<UserJoined> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 21);

/**
 * UserUpdated tells a PRESENCE_DELTA member that somebody changed, perhaps itself.
 *
 * @generated from message beckon.v1.UserUpdated
 */
export type UserUpdated = Message<"beckon.v1.UserUpdated"> & {
  /**
   * The user as it is now, whole.
   *
   * @generated from field: beckon.v1.User user = 1;
   */
  user?: User | undefined;
};

/**
 * Describes the message beckon.v1.UserUpdated.
 * Use `create(UserUpdatedSchema)` to create a new message.
 */
export const UserUpdatedSchema: GenMessage<UserUpdated> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 22);

/**
 * UserLeft tells a PRESENCE_DELTA member that somebody went. It tells any member of itself if it did not ask to go.
 *
 * @generated from message beckon.v1.UserLeft
 */
export type UserLeft = Message<"beckon.v1.UserLeft"> & {
  /**
   * The user as it last was.
   *
   * @generated from field: beckon.v1.User user = 1;
   */
  user?: User | undefined;

  /**
   * Why.
   *
   * @generated from field: beckon.v1.LeaveReason reason = 2;
   */
  reason: LeaveReason;
};

/**
 * Describes the message beckon.v1.UserLeft.
 * Use `create(UserLeftSchema)` to create a new message.
 */
export const UserLeftSchema: GenMessage<UserLeft> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 23);

/**
 * Who sent an event, as the server knows it.
 *
 * @generated from message beckon.v1.Sender
 */
export type Sender = Message<"beckon.v1.Sender"> & {
  /**
   * The user's id; goes into `to` of an answer.
   *
   * @generated from field: string id = 1;
   */
  id: string;

  /**
   * The user's name in the room when it sent this.
   *
   * @generated from field: string name = 2;
   */
  name: string;
};

/**
 * Describes the message beckon.v1.Sender.
 * Use `create(SenderSchema)` to create a new message.
 */
export const SenderSchema: GenMessage<Sender> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 24);

/**
 * CallMade is an Offer as it arrives. In this and the next five messages, fields 1 and 2 are the server's; those from 3
 * on are the sender's own.
 *
 * @generated from message beckon.v1.CallMade
 */
export type CallMade = Message<"beckon.v1.CallMade"> & {
  /**
   * Who calls.
   *
   * @generated from field: beckon.v1.Sender sender = 1;
   */
  sender?: Sender | undefined;

  /**
   * On resume: how long ago the offer was made, in milliseconds. Otherwise 0.
   *
   * @generated from field: uint32 age_ms = 2;
   */
  ageMs: number;

  /**
   * The call.
   *
   * @generated from field: string call_id = 3;
   */
  callId: string;

  /**
   * The offer.
   *
   * @generated from field: string sdp = 4;
   */
  sdp: string;
};

/**
 * Describes the message beckon.v1.CallMade.
 * Use `create(CallMadeSchema)` to create a new message.
 */
export const CallMadeSchema: GenMessage<CallMade> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 25);

/**
 * AnswerMade is an Answer as it arrives.
 *
 * @generated from message beckon.v1.AnswerMade
 */
export type AnswerMade = Message<"beckon.v1.AnswerMade"> & {
  /**
   * Who answers.
   *
   * @generated from field: beckon.v1.Sender sender = 1;
   */
  sender?: Sender | undefined;

  /**
   * The call.
   *
   * @generated from field: string call_id = 3;
   */
  callId: string;

  /**
   * The answer.
   *
   * @generated from field: string sdp = 4;
   */
  sdp: string;

  /**
   * The description is of type pranswer.
   *
   * @generated from field: bool provisional = 5;
   */
  provisional: boolean;
};

/**
 * Describes the message beckon.v1.AnswerMade.
 * Use `create(AnswerMadeSchema)` to create a new message.
 */
export const AnswerMadeSchema: GenMessage<AnswerMade> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 26);

/**
 * CandidateReceived is a Candidate as it arrives.
 *
 * @generated from message beckon.v1.CandidateReceived
 */
export type CandidateReceived = Message<"beckon.v1.CandidateReceived"> & {
  /**
   * The other side of the call.
   *
   * @generated from field: beckon.v1.Sender sender = 1;
   */
  sender?: Sender | undefined;

  /**
   * The call.
   *
   * @generated from field: string call_id = 3;
   */
  callId: string;

  /**
   * At least one.
   *
   * @generated from field: repeated beckon.v1.IceCandidate candidates = 4;
   */
  candidates: IceCandidate[];
};

/**
 * Describes the message beckon.v1.CandidateReceived.
 * Use `create(CandidateReceivedSchema)` to create a new message.
 */
export const CandidateReceivedSchema: GenMessage<CandidateReceived> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 27);

/**
 * CallRejected is a Reject as it arrives.
 *
 * @generated from message beckon.v1.CallRejected
 */
export type CallRejected = Message<"beckon.v1.CallRejected"> & {
  /**
   * Who declines.
   *
   * @generated from field: beckon.v1.Sender sender = 1;
   */
  sender?: Sender | undefined;

  /**
   * The call.
   *
   * @generated from field: string call_id = 3;
   */
  callId: string;

  /**
   * Why, for a program.
   *
   * @generated from field: beckon.v1.RejectReason reason = 4;
   */
  reason: RejectReason;

  /**
   * Why, for a person.
   *
   * @generated from field: string detail = 5;
   */
  detail: string;
};

/**
 * Describes the message beckon.v1.CallRejected.
 * Use `create(CallRejectedSchema)` to create a new message.
 */
export const CallRejectedSchema: GenMessage<CallRejected> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 28);

/**
 * CallEnded is a Hangup as it arrives.
 *
 * @generated from message beckon.v1.CallEnded
 */
export type CallEnded = Message<"beckon.v1.CallEnded"> & {
  /**
   * Who hung up.
   *
   * @generated from field: beckon.v1.Sender sender = 1;
   */
  sender?: Sender | undefined;

  /**
   * The call.
   *
   * @generated from field: string call_id = 3;
   */
  callId: string;

  /**
   * Why, for a program.
   *
   * @generated from field: beckon.v1.HangupReason reason = 4;
   */
  reason: HangupReason;

  /**
   * Why, for a person.
   *
   * @generated from field: string detail = 5;
   */
  detail: string;
};

/**
 * Describes the message beckon.v1.CallEnded.
 * Use `create(CallEndedSchema)` to create a new message.
 */
export const CallEndedSchema: GenMessage<CallEnded> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 29);

/**
 * DataReceived is a Data as it arrives.
 *
 * @generated from message beckon.v1.DataReceived
 */
export type DataReceived = Message<"beckon.v1.DataReceived"> & {
  /**
   * Who sent it.
   *
   * @generated from field: beckon.v1.Sender sender = 1;
   */
  sender?: Sender | undefined;

  /**
   * What `payload` is, in the application's words.
   *
   * @generated from field: string type = 3;
   */
  type: string;

  /**
   * Anything.
   *
   * @generated from field: bytes payload = 4;
   */
  payload: Uint8Array;
};

/**
 * Describes the message beckon.v1.DataReceived.
 * Use `create(DataReceivedSchema)` to create a new message.
 */
export const DataReceivedSchema: GenMessage<DataReceived> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 30);

/**
 * IceServersChanged replaces the servers of `welcome`, before their credentials expire.
 *
 * @generated from message beckon.v1.IceServersChanged
 */
export type IceServersChanged = Message<"beckon.v1.IceServersChanged"> & {
  /**
   * All of them.
   *
   * @generated from field: repeated beckon.v1.IceServer ice_servers = 1;
   */
  iceServers: IceServer[];
};

/**
 * Describes the message beckon.v1.IceServersChanged.
 * Use `create(IceServersChangedSchema)` to create a new message.
 */
export const IceServersChangedSchema: GenMessage<IceServersChanged> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 31);

/**
 * Draining tells that the server is about to stop. The stream goes on until the time has come; then the server ends it
 * with UNAVAILABLE, once all that was handled is answered, and the client resumes.
 *
 * @generated from message beckon.v1.Draining
 */
export type Draining = Message<"beckon.v1.Draining"> & {
  /**
   * When to resume, from now; differs between clients, so that they do not all come at once.
   *
   * @generated from field: google.protobuf.Duration reconnect_after = 1;
   */
  reconnectAfter?: Duration | undefined;
};

/**
 * Describes the message beckon.v1.Draining.
 * Use `create(DrainingSchema)` to create a new message.
 */
export const DrainingSchema: GenMessage<Draining> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 32);

/**
 * Ack tells that the message with this `request_id` was recorded.
 *
 * @generated from message beckon.v1.Ack
 */
export type Ack = Message<"beckon.v1.Ack"> & {
  /**
   * Its number in the log of the event's `room`. 0: it had nothing to record (`leave` of the session, `received`, an
   * update that changes nothing).
   *
   * @generated from field: uint64 seq = 1;
   */
  seq: bigint;
};

/**
 * Describes the message beckon.v1.Ack.
 * Use `create(AckSchema)` to create a new message.
 */
export const AckSchema: GenMessage<Ack> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 33);

/**
 * Failure tells that a message was not recorded. It is an event, not the end of the stream.
 *
 * @generated from message beckon.v1.Failure
 */
export type Failure = Message<"beckon.v1.Failure"> & {
  /**
   * What went wrong, for a program.
   *
   * @generated from field: beckon.v1.FailureCode code = 1;
   */
  code: FailureCode;

  /**
   * What was wrong and what was expected, for a person; not to be parsed.
   *
   * @generated from field: string detail = 2;
   */
  detail: string;

  /**
   * The field that was wrong, by its name in the message (`room`, `sdp`); empty if none was. Of TOO_LARGE: the one that
   * can be large.
   *
   * @generated from field: string field = 3;
   */
  field: string;

  /**
   * As in the message, but for what is beyond 128 bytes.
   *
   * @generated from field: string to = 4;
   */
  to: string;

  /**
   * As in the message, but for what is beyond 128 bytes.
   *
   * @generated from field: string call_id = 5;
   */
  callId: string;
};

/**
 * Describes the message beckon.v1.Failure.
 * Use `create(FailureSchema)` to create a new message.
 */
export const FailureSchema: GenMessage<Failure> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 34);

/**
 * Pong answers a `ping`. Without `request_id` and `payload` it may also be a heartbeat, sent because the server had
 * nothing else to say.
 *
 * @generated from message beckon.v1.Pong
 */
export type Pong = Message<"beckon.v1.Pong"> & {
  /**
   * From the `ping`.
   *
   * @generated from field: bytes payload = 1;
   */
  payload: Uint8Array;
};

/**
 * Describes the message beckon.v1.Pong.
 * Use `create(PongSchema)` to create a new message.
 */
export const PongSchema: GenMessage<Pong> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 35);

/**
 * The first message of a session without a bidirectional stream.
 *
 * @generated from message beckon.v1.ListenRequest
 */
export type ListenRequest = Message<"beckon.v1.ListenRequest"> & {
  /**
   * A `join` or a `resume`.
   *
   * @generated from field: beckon.v1.ConnectRequest first = 1;
   */
  first?: ConnectRequest | undefined;
};

/**
 * Describes the message beckon.v1.ListenRequest.
 * Use `create(ListenRequestSchema)` to create a new message.
 */
export const ListenRequestSchema: GenMessage<ListenRequest> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 36);

/**
 * An event of a session without a bidirectional stream.
 *
 * @generated from message beckon.v1.ListenResponse
 */
export type ListenResponse = Message<"beckon.v1.ListenResponse"> & {
  /**
   * The event.
   *
   * @generated from field: beckon.v1.ConnectResponse event = 1;
   */
  event?: ConnectResponse | undefined;
};

/**
 * Describes the message beckon.v1.ListenResponse.
 * Use `create(ListenResponseSchema)` to create a new message.
 */
export const ListenResponseSchema: GenMessage<ListenResponse> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 37);

/**
 * Messages of a session without a bidirectional stream.
 *
 * @generated from message beckon.v1.SendRequest
 */
export type SendRequest = Message<"beckon.v1.SendRequest"> & {
  /**
   * At least one; their outcomes come as events.
   *
   * @generated from field: repeated beckon.v1.ConnectRequest messages = 1;
   */
  messages: ConnectRequest[];
};

/**
 * Describes the message beckon.v1.SendRequest.
 * Use `create(SendRequestSchema)` to create a new message.
 */
export const SendRequestSchema: GenMessage<SendRequest> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 38);

/**
 * SendResponse tells that all messages were tried.
 *
 * @generated from message beckon.v1.SendResponse
 */
export type SendResponse = Message<"beckon.v1.SendResponse"> & {
};

/**
 * Describes the message beckon.v1.SendResponse.
 * Use `create(SendResponseSchema)` to create a new message.
 */
export const SendResponseSchema: GenMessage<SendResponse> = /*@__PURE__*/
  messageDesc(file_beckon_v1_signal, 39);

/**
 * How much of a room's presence a member hears.
 *
 * @generated from enum beckon.v1.Presence
 */
export enum Presence {
  /**
   * As FULL.
   *
   * @generated from enum value: PRESENCE_UNSPECIFIED = 0;
   */
  UNSPECIFIED = 0,

  /**
   * `joined_users`, the whole list, oneself included, at every change. In a large room that changes quickly the newest
   * list is sent, not each step. For small rooms and simple clients.
   *
   * @generated from enum value: PRESENCE_FULL = 1;
   */
  FULL = 1,

  /**
   * `joined_users` once, then `user_joined`, `user_updated` and `user_left` for each change. In a large room they may be told
   * somewhat later, several at a time: before anything else that the room sends, though, and oneself at once.
   *
   * @generated from enum value: PRESENCE_DELTA = 2;
   */
  DELTA = 2,

  /**
   * `joined_users` once, with oneself alone, then `user_updated` of oneself. Messages from anybody in the room arrive.
   *
   * @generated from enum value: PRESENCE_NONE = 3;
   */
  NONE = 3,
}

/**
 * Describes the enum beckon.v1.Presence.
 */
export const PresenceSchema: GenEnum<Presence> = /*@__PURE__*/
  enumDesc(file_beckon_v1_signal, 0);

/**
 * Why a call was declined.
 *
 * @generated from enum beckon.v1.RejectReason
 */
export enum RejectReason {
  /**
   * Declined.
   *
   * @generated from enum value: REJECT_REASON_UNSPECIFIED = 0;
   */
  UNSPECIFIED = 0,

  /**
   * In another call.
   *
   * @generated from enum value: REJECT_REASON_BUSY = 1;
   */
  BUSY = 1,

  /**
   * Nobody picked up.
   *
   * @generated from enum value: REJECT_REASON_NO_ANSWER = 2;
   */
  NO_ANSWER = 2,

  /**
   * The offer cannot be served: no common codec, no such kind of call.
   *
   * @generated from enum value: REJECT_REASON_UNSUPPORTED = 3;
   */
  UNSUPPORTED = 3,
}

/**
 * Describes the enum beckon.v1.RejectReason.
 */
export const RejectReasonSchema: GenEnum<RejectReason> = /*@__PURE__*/
  enumDesc(file_beckon_v1_signal, 1);

/**
 * Why a call ended.
 *
 * @generated from enum beckon.v1.HangupReason
 */
export enum HangupReason {
  /**
   * Ended by its user.
   *
   * @generated from enum value: HANGUP_REASON_UNSPECIFIED = 0;
   */
  UNSPECIFIED = 0,

  /**
   * Taken back before it was answered.
   *
   * @generated from enum value: HANGUP_REASON_CANCELLED = 1;
   */
  CANCELLED = 1,

  /**
   * Not answered in time.
   *
   * @generated from enum value: HANGUP_REASON_TIMEOUT = 2;
   */
  TIMEOUT = 2,

  /**
   * The connection could not be made, or was lost.
   *
   * @generated from enum value: HANGUP_REASON_FAILED = 3;
   */
  FAILED = 3,
}

/**
 * Describes the enum beckon.v1.HangupReason.
 */
export const HangupReasonSchema: GenEnum<HangupReason> = /*@__PURE__*/
  enumDesc(file_beckon_v1_signal, 2);

/**
 * What became of a session's past.
 *
 * @generated from enum beckon.v1.Resumption
 */
export enum Resumption {
  /**
   * Never sent.
   *
   * @generated from enum value: RESUMPTION_UNSPECIFIED = 0;
   */
  UNSPECIFIED = 0,

  /**
   * A new session.
   *
   * @generated from enum value: RESUMPTION_NEW = 1;
   */
  NEW = 1,

  /**
   * The session goes on, nothing is missing.
   *
   * @generated from enum value: RESUMPTION_RESUMED = 2;
   */
  RESUMED = 2,

  /**
   * The session goes on, but something could not be kept. A user missing from a list counts as gone only once a
   * `resume_window` has passed.
   *
   * @generated from enum value: RESUMPTION_RESYNCED = 3;
   */
  RESYNCED = 3,
}

/**
 * Describes the enum beckon.v1.Resumption.
 */
export const ResumptionSchema: GenEnum<Resumption> = /*@__PURE__*/
  enumDesc(file_beckon_v1_signal, 3);

/**
 * Whether a user's connection is up. A hint.
 *
 * @generated from enum beckon.v1.UserStatus
 */
export enum UserStatus {
  /**
   * The user is there.
   *
   * @generated from enum value: USER_STATUS_UNSPECIFIED = 0;
   */
  UNSPECIFIED = 0,

  /**
   * The connection is lost, or the server that it was to. Messages are kept for the user, who may come back.
   *
   * @generated from enum value: USER_STATUS_AWAY = 1;
   */
  AWAY = 1,
}

/**
 * Describes the enum beckon.v1.UserStatus.
 */
export const UserStatusSchema: GenEnum<UserStatus> = /*@__PURE__*/
  enumDesc(file_beckon_v1_signal, 4);

/**
 * Why a user is no longer in a room.
 *
 * @generated from enum beckon.v1.LeaveReason
 */
export enum LeaveReason {
  /**
   * Never sent.
   *
   * @generated from enum value: LEAVE_REASON_UNSPECIFIED = 0;
   */
  UNSPECIFIED = 0,

  /**
   * The user left the room or ended the session.
   *
   * @generated from enum value: LEAVE_REASON_LEFT = 1;
   */
  LEFT = 1,

  /**
   * The user's connection was lost and did not come back.
   *
   * @generated from enum value: LEAVE_REASON_LOST = 2;
   */
  LOST = 2,

  /**
   * An operator took the user out.
   *
   * @generated from enum value: LEAVE_REASON_KICKED = 3;
   */
  KICKED = 3,

  /**
   * The same identity came in anew.
   *
   * @generated from enum value: LEAVE_REASON_REPLACED = 4;
   */
  REPLACED = 4,

  /**
   * The access ran out.
   *
   * @generated from enum value: LEAVE_REASON_EXPIRED = 5;
   */
  EXPIRED = 5,
}

/**
 * Describes the enum beckon.v1.LeaveReason.
 */
export const LeaveReasonSchema: GenEnum<LeaveReason> = /*@__PURE__*/
  enumDesc(file_beckon_v1_signal, 5);

/**
 * What went wrong with a message.
 *
 * @generated from enum beckon.v1.FailureCode
 */
export enum FailureCode {
  /**
   * Never sent.
   *
   * @generated from enum value: FAILURE_CODE_UNSPECIFIED = 0;
   */
  UNSPECIFIED = 0,

  /**
   * A field breaks its rule; `field` names it.
   *
   * @generated from enum value: FAILURE_CODE_INVALID = 1;
   */
  INVALID = 1,

  /**
   * The sender is not in the room.
   *
   * @generated from enum value: FAILURE_CODE_NOT_IN_ROOM = 2;
   */
  NOT_IN_ROOM = 2,

  /**
   * The user is not in the room, or no longer.
   *
   * @generated from enum value: FAILURE_CODE_NO_SUCH_USER = 3;
   */
  NO_SUCH_USER = 3,

  /**
   * The access does not allow it.
   *
   * @generated from enum value: FAILURE_CODE_PERMISSION_DENIED = 4;
   */
  PERMISSION_DENIED = 4,

  /**
   * Too many messages; try again later.
   *
   * @generated from enum value: FAILURE_CODE_RATE_LIMITED = 5;
   */
  RATE_LIMITED = 5,

  /**
   * Over `max_message_bytes`.
   *
   * @generated from enum value: FAILURE_CODE_TOO_LARGE = 6;
   */
  TOO_LARGE = 6,

  /**
   * The room has no place left.
   *
   * @generated from enum value: FAILURE_CODE_ROOM_FULL = 7;
   */
  ROOM_FULL = 7,

  /**
   * The message was recorded, but its target went, or its time or space was used up, before the target was known to have
   * received it. It comes in the session's own log, with the message's `request_id`; after its `ack`, but for an `ack`
   * that is repeated after a resume.
   *
   * @generated from enum value: FAILURE_CODE_UNDELIVERED = 8;
   */
  UNDELIVERED = 8,

  /**
   * The message was not recorded, since the server cannot at present; try again. If it cannot tell whether the message was
   * recorded, the stream ends with UNAVAILABLE, reason NO_LOG, and the message is to be repeated after the resume.
   *
   * @generated from enum value: FAILURE_CODE_UNAVAILABLE = 9;
   */
  UNAVAILABLE = 9,

  /**
   * The access is about to run out: resume with a new access token, or show again what let the client in.
   *
   * @generated from enum value: FAILURE_CODE_TOKEN_EXPIRING = 10;
   */
  TOKEN_EXPIRING = 10,
}

/**
 * Describes the enum beckon.v1.FailureCode.
 */
export const FailureCodeSchema: GenEnum<FailureCode> = /*@__PURE__*/
  enumDesc(file_beckon_v1_signal, 6);

/**
 * Signal lets peers find each other in rooms and set up calls.
 *
 * @generated from service beckon.v1.Signal
 */
export const Signal: GenService<{
  /**
   * Connect carries one session, from its first message to its end. Everything above is about it.
   *
   * @generated from rpc beckon.v1.Signal.Connect
   */
  connect: {
    methodKind: "bidi_streaming";
    input: typeof ConnectRequestSchema;
    output: typeof ConnectResponseSchema;
  },
  /**
   * Listen and Send together serve clients that cannot have a bidirectional stream. Listen opens a session with a `join`
   * or takes it up with a `resume`, and carries all of its events, outcomes included. It ends as the session's stream
   * does, with the statuses above; its client ends the session with a `leave` without a room. Any other first message
   * ends it with INVALID_ARGUMENT, reason BAD_FIRST_MESSAGE.
   *
   * @generated from rpc beckon.v1.Signal.Listen
   */
  listen: {
    methodKind: "server_streaming";
    input: typeof ListenRequestSchema;
    output: typeof ListenResponseSchema;
  },
  /**
   * Send carries messages of a session opened by Listen, and returns when they have been tried: in order, a later one
   * after an earlier one failed. What becomes of each is told on the Listen stream, and if one of them ends the session,
   * so is that. A session that has lost its stream takes messages, too; what became of them is told when they are sent
   * again after a resume. The metadata `beckon-session` holds the session's resume token.
   *
   * A mistake in the call itself fails the call, and harms nothing else:
   *
   *   status               reason              when
   *   INVALID_ARGUMENT     UNDECODABLE         the bytes are no SendRequest
   *   INVALID_ARGUMENT     NO_MESSAGES         there are none
   *   INVALID_ARGUMENT     NO_SESSION          the metadata is not there exactly once
   *   NOT_FOUND            NO_SUCH_SESSION     the token is none, or the session ended before all messages were tried
   *   FAILED_PRECONDITION  NOT_LISTENING       the session's newest stream is a Connect
   *   FAILED_PRECONDITION  SEND_UNDER_WAY      another Send of the session has not returned; one that was cancelled is
   *                                            under way until its messages have been tried
   *   RESOURCE_EXHAUSTED   -                   all messages together are beyond four times `max_message_bytes`
   *   UNAVAILABLE          SHUTTING_DOWN       the server is about to stop and the session's stream has ended: nothing was tried
   *
   * @generated from rpc beckon.v1.Signal.Send
   */
  send: {
    methodKind: "unary";
    input: typeof SendRequestSchema;
    output: typeof SendResponseSchema;
  },
}> = /*@__PURE__*/
  serviceDesc(file_beckon_v1_signal, 0);

