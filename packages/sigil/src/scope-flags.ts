/** The flags of a scope, which `sigil mint`, `delegate` and `treasury init` share. */
import type { Scope } from "l8nt";
import { SCOPE_FLAGS as FLAGS } from "l8nt/caveats";
import type { Arguments, Flag } from "./arguments.ts";
import { UsageError } from "./exit.ts";
import { withoutSecrets } from "./secrecy.ts";

/** The flags by name. */
export const SCOPE_FLAGS: Readonly<Record<string, Flag>> = Object.fromEntries(
  FLAGS.map(({ name, value, help, repeatable }) => [
    name,
    { value, help, ...(repeatable && { repeatable }) },
  ]),
);

/** Reads the flags of a scope. @throws UsageError */
export function readScope(given: Arguments): Scope {
  for (const { name } of FLAGS.filter(({ name }) => given.has(name)))
    if (name.startsWith("budget")) demandNoSpan(given.all(name)!, name);
  return fromScope(() =>
    Object.fromEntries(
      FLAGS.filter(({ name }) => given.has(name)).map(({ key, name, read }) => [
        key,
        read(given.all(name)!, `--${name}`, Date.now() / 1000),
      ]),
    ),
  );
}

/** `sigil gateway --budget` takes "5 usd/day". @throws UsageError */
function demandNoSpan(texts: readonly string[], name: string): void {
  for (const text of texts) {
    const [, amount, span] = /^([\d.]{1,20} [a-z]{3,4}) ?\/ ?(hour|day|month)$/i.exec(text) ?? [];
    if (span !== undefined)
      throw new UsageError(
        `--${name} takes an amount alone. For ${amount} a ${span.toLowerCase()}, write --budget-per-${span.toLowerCase()} "${amount}".`,
      );
  }
}

/**
 * Returns what `make` returns. Turns the library's TypeErrors about a scope into UsageErrors.
 *
 * @throws UsageError
 */
export function fromScope<Value>(make: () => Value): Value {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const message = withoutSecrets(inFlags(error.message));
    throw new UsageError(`${message[0]?.toUpperCase()}${message.slice(1)}.`);
  }
}

/** Replaces the keys of a scope in the library's messages by the names of the flags. */
function inFlags(message: string): string {
  let text = message.replace("endpoints (or services)", "--endpoint (or --service)");
  for (const { key, name } of FLAGS) {
    text = text.replaceAll(new RegExp(`\\bscope\\.${key}\\b|\\b${key}:(?= ")`, "g"), `--${name}`);
    if (/[A-Z]/.test(key))
      text = text.replaceAll(new RegExp(`(?<![\\w-])${key}\\b`, "g"), `--${name}`);
  }
  return text;
}
