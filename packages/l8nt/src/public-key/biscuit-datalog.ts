/**
 * A judge of Datalog by the package `@biscuit-auth/biscuit-wasm`, which the application imports:
 * this library never does. spec/9-public-key.md §5.
 */
import { binaryOf } from "../internal/bytes.ts";
import { checkKeys, type Keys } from "../internal/keys.ts";
import type { Datalog } from "./datalog.ts";

interface Freed {
  free(): void;
}

/** The part of `@biscuit-auth/biscuit-wasm` 0.6 that is used. */
export interface BiscuitPackage {
  readonly Biscuit: { fromBytes(data: Uint8Array, root: object): Freed };
  readonly PublicKey: { fromBytes(data: Uint8Array, algorithm: number): Freed };
  readonly AuthorizerBuilder: new () => {
    addCode(source: string): void;
    addCodeWithParameters(source: string, parameters: object, scopes: object): void;
    buildAuthenticated(token: object): Freed & { authorizeWithLimits(limits: object): number };
  };
}

const ED25519 = 0;

/**
 * What is judged was bounded before, so these stop nothing in practice. The time is that of the
 * wall: a millisecond, as the package has it, passes while a busy machine does something else, and
 * the first evaluation of a process takes a tenth of a second.
 */
const LIMITS = { max_facts: 1_000, max_iterations: 10, max_time_micro: 1_000_000 } as const;

/** About what the package keeps for good of each regular expression, and of each class in one. */
const KEPT_OF_EACH = 320_000;
const KEPT_OF_CLASS = 20_000;
const CLASS = "[^";
/** The step of an expression that matches one, as a token has it. */
const MATCHES = "\x1a\x02\x08\x08";

export interface BiscuitDatalogOptions {
  /**
   * The package never gives back the memory of a regular expression: about 0.3 MB of each
   * `endpoints` caveat, at each evaluation. Once it keeps so many bytes, blocks of other makers are
   * denied until the process starts again.
   *
   * @default 1 GiB: some 3,000 evaluations
   */
  readonly maxKeptBytes?: number;
}

const OPTIONS = { maxKeptBytes: true } satisfies Keys<BiscuitDatalogOptions>;

/**
 * @example
 * import * as biscuit from "@biscuit-auth/biscuit-wasm";
 * const paywall = new Paywall({ location, trust, datalog: biscuitDatalog(biscuit) });
 * @throws TypeError for an unknown option
 */
export const biscuitDatalog = (
  { Biscuit, PublicKey, AuthorizerBuilder }: BiscuitPackage,
  options: BiscuitDatalogOptions = {},
): Datalog => {
  checkKeys(options, OPTIONS, "a judge of Datalog");
  const { maxKeptBytes = 1 << 30 } = options;
  let kept = 0;
  return { allows };

  function allows(...[token, publicKey, facts]: Parameters<Datalog["allows"]>): boolean {
    if (kept >= maxKeptBytes) return false;
    const text = binaryOf(token);
    const count = (of: string): number => text.split(of).length - 1;
    kept += count(MATCHES) * (KEPT_OF_EACH + count(CLASS) * KEPT_OF_CLASS);
    const made: Freed[] = [];
    const freed = <Made extends Freed>(one: Made): Made => {
      made.push(one);
      return one;
    };
    try {
      const read = freed(Biscuit.fromBytes(token, freed(PublicKey.fromBytes(publicKey, ED25519))));
      const builder = new AuthorizerBuilder();
      for (const { code, texts } of facts) builder.addCodeWithParameters(`${code};`, texts, {});
      builder.addCode("allow if true;");
      freed(builder.buildAuthenticated(read)).authorizeWithLimits(LIMITS);
      return true;
    } catch {
      return false;
    } finally {
      for (const one of made.reverse()) one.free();
    }
  }
};
