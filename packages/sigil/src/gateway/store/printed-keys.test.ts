/** The keys and the secret that gateways on one database have in common. */
import { MemoryStore } from "l8nt/stores/memory";
import { expect, test } from "vitest";
import { demandOneSecret } from "./one-secret.ts";
import { PrintedKeys } from "./printed-keys.ts";

const SECRET = "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8";
const OTHER = SECRET.replace("8", "9");

test("gateways that start at one time print one key for a scope, until it has ended", async () => {
  const store = new MemoryStore();
  let made = 0;
  const ended = new Set<string>();
  const print = (scope: string) =>
    new PrintedKeys(store, SECRET).keyFor(
      scope,
      () => `sk-${++made}`,
      (key) => ended.has(key),
    );
  const keys = await Promise.all([print("a"), print("a"), print("a")]);
  expect(new Set(keys).size).toBe(1);
  expect(await print("b")).not.toBe(keys[0]);
  expect(await print("a")).toBe(keys[0]);
  ended.add(keys[0]!);
  const next = await print("a");
  expect(keys).not.toContain(next);
  expect(await print("a")).toBe(next);
});

test("a dump of the database has no key in it, and no other secret opens one", async () => {
  const store = new MemoryStore();
  const kept: Uint8Array[] = [];
  const { keepWrapped } = store;
  store.keepWrapped = (name, bytes) => {
    kept.push(bytes);
    return keepWrapped.call(store, name, bytes);
  };
  const of = (secret: string) => new PrintedKeys(store, secret);
  const key = "sk-a-key-that-can-spend";
  await of(SECRET).keyFor(
    "a",
    () => key,
    () => false,
  );
  expect(kept).toHaveLength(1);
  expect(Buffer.from(kept[0]!).includes(key)).toBe(false);
  await expect(
    of(OTHER).keyFor(
      "a",
      () => key,
      () => false,
    ),
  ).rejects.toThrow();
});

test("a second gateway with another secret is refused, and one with the same is not", async () => {
  const store = new MemoryStore();
  await demandOneSecret(store, SECRET);
  await demandOneSecret(store, SECRET);
  await expect(demandOneSecret(store, OTHER)).rejects.toThrow(/copy the file secret/);
});
