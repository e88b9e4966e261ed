/** A vendor's messages: no key is in them, and all else stays as it came. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Hider } from "../vault/hide.ts";
import { Secret } from "../vault/secret.ts";
import { ShownMessages } from "./shown.ts";

const KEY = "sk-vendor-CANARY-0123456789";
const shownOf = () => new ShownMessages(() => new Hider(new Secret(KEY)));

interface Frame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly payload: Buffer;
}

/** RFC 6455 §5.2, as a server sends it. */
function bytesOf({ opcode, isFinal, payload }: Frame): Buffer {
  const { length } = payload;
  const first = (isFinal ? 0x80 : 0) | opcode;
  if (length < 126) return Buffer.concat([Buffer.from([first, length]), payload]);
  const header = Buffer.from([first, 126, length >> 8, length & 0xff]);
  return Buffer.concat([header, payload]);
}

const frame = (opcode: number, payload: string, isFinal = true): Frame => ({
  ...{ opcode, isFinal, payload: Buffer.from(payload) },
});

test.each<[string, readonly Frame[], readonly string[]]>([
  ["a text", [frame(1, `bad key ${KEY}.`)], [`bad key ${"*".repeat(KEY.length)}.`]],
  ["bytes", [frame(2, KEY)], ["*".repeat(KEY.length)]],
  ["a reason to close", [frame(8, `ab${KEY}`)], [`ab${"*".repeat(KEY.length)}`]],
  ["a ping", [frame(9, KEY)], ["*".repeat(KEY.length)]],
  [
    "a message in two frames, with a pong between them",
    [frame(1, `a ${KEY.slice(0, 9)}`, false), frame(10, "pong"), frame(0, `${KEY.slice(9)} b`)],
    [`a ${"*".repeat(9)}`, "pong", `${"*".repeat(KEY.length - 9)} b`],
  ],
  [
    "a message in frames of one byte",
    [...KEY].map((char, at) => frame(at === 0 ? 1 : 0, char, at === KEY.length - 1)),
    [...KEY].map(() => "*"),
  ],
  [
    "escapes of JSON",
    [frame(1, KEY.replaceAll("-", "\\u002d"))],
    ["*".repeat(KEY.replaceAll("-", "\\u002d").length)],
  ],
  [
    "two messages, which are no key",
    [frame(1, "sk-"), frame(1, KEY.slice(3))],
    ["sk-", KEY.slice(3)],
  ],
])("%s has stars for the key, however its bytes come", (_what, frames, expected) => {
  const sent = Buffer.concat(frames.map(bytesOf));
  const shown = Buffer.concat(
    frames.map((one, at) => bytesOf({ ...one, payload: Buffer.from(expected[at]!) })),
  );
  for (let at = 0; at <= sent.length; at++) {
    const messages = shownOf();
    const parts = [sent.subarray(0, at), sent.subarray(at)].map((part) => messages.take(part));
    expect(Buffer.concat(parts).toString()).toBe(shown.toString());
    expect(messages.isReadable).toBe(true);
  }
});

test("what has no key stays as it is, and a whole message waits for nothing", () => {
  const piece = fc.record({
    opcode: fc.constantFrom(1, 2, 9, 10),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc.constantFrom(
        ...["s", "sk-vendor", "%7", "\\u00", KEY.slice(0, -1)].map((one) => Buffer.from(one)),
      ),
    ),
  });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const messages = shownOf();
      for (const one of pieces) {
        const bytes = bytesOf({ ...one, isFinal: true });
        expect(messages.take(bytes).equals(bytes)).toBe(true);
      }
    }),
  );
});

test.each([
  ["compressed by an extension", Buffer.from([0xc1, 1, 0x61])],
  ["masked, as a client's", Buffer.from([0x81, 0x81, 1, 2, 3, 4, 0x60])],
])("nothing is passed on of a frame that is %s, nor behind it", (_what, bytes) => {
  const messages = shownOf();
  const before = bytesOf(frame(1, "hello"));
  expect(messages.take(Buffer.concat([before, bytes]))).toEqual(before);
  expect(messages.isReadable).toBe(false);
  expect(messages.take(before)).toEqual(Buffer.alloc(0));
});
