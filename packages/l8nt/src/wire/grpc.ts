/** A refusal in gRPC's terms, as aperture's proxy writes it. spec/3-challenge.md §7. */
import { utf8 } from "../internal/bytes.ts";

/** With the suffix of the encoding: `application/grpc+proto`. */
const TYPE = /^application\/grpc(-web(?:-text)?)?(?:\+[a-z0-9.-]{1,32})?(?=[\s;]|$)/i;

/** The media type of a call; undefined for a request that is none. */
export const grpcType = (contentType: string | null | undefined): string | undefined =>
  TYPE.exec(contentType ?? "")?.[0].toLowerCase();

/** Whether the status of such a call stands in trailers. gRPC-Web has it in the body. */
export const hasTrailers = (type: string): boolean => !type.startsWith("application/grpc-web");

export const STATUS_FIELD = "grpc-status";
export const MESSAGE_FIELD = "grpc-message";
/** The status of a call that succeeded. */
export const OK = "0";

const INTERNAL = 13;
const UNAVAILABLE = 14;

/** By the HTTP status. 402 is what the clients of aperture know a demand for payment by. */
const STATUSES: Readonly<Record<number, number>> = {
  400: 3, // INVALID_ARGUMENT
  401: 16, // UNAUTHENTICATED
  402: INTERNAL,
  403: 7, // PERMISSION_DENIED
  404: 12, // UNIMPLEMENTED
  409: 10, // ABORTED
  415: 3, // INVALID_ARGUMENT
  429: 8, // RESOURCE_EXHAUSTED
};

const PAYMENT_REQUIRED = "payment required";
const MAX_MESSAGE_CHARACTERS = 1024;

interface Refusal {
  /** Of HTTP. */
  readonly status: number;
  readonly code: string;
  readonly detail: string;
}

/** The status of a refusal, and its message: two fields that no body follows. */
export function grpcFields({ status, code, detail }: Refusal): [name: string, value: string][] {
  const message = status === 402 ? PAYMENT_REQUIRED : `${detail} (${code})`;
  return [
    [STATUS_FIELD, String(STATUSES[status] ?? UNAVAILABLE)],
    [MESSAGE_FIELD, percentEncoded(message.slice(0, MAX_MESSAGE_CHARACTERS))],
  ];
}

/** Visible ASCII and blanks stay, but for the percent sign. */
const percentEncoded = (text: string): string =>
  Array.from(utf8(text), (byte) =>
    byte >= 0x20 && byte <= 0x7e && byte !== 0x25
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
  ).join("");
