/** `docs/reference/configuration.md`, from the declarations of the options. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ENVIRONMENT } from "../../packages/sigil/src/environment.ts";
import { DEFAULT_LIMITS } from "../../packages/sigil/src/treasury/config.ts";
import { type Option, readOptions } from "./interface.ts";
import { code, page, table } from "./markdown.ts";

export function configuration(root: string): string {
  const read = (path: string) => readFileSync(join(root, path), "utf8");
  const limits = read("packages/l8nt/src/treasury/limits.ts");
  const config = read("packages/sigil/src/treasury/config.ts");
  const keys = [
    ...readOptions(config, "Config").filter(({ key }) => key !== "limits"),
    ...readOptions(limits, "TreasuryLimits"),
  ];
  const rows = (options: readonly Option[]) =>
    options.map(({ key, type, byDefault, text }) => [
      code(key),
      type,
      Object.hasOwn(DEFAULT_LIMITS, key)
        ? `${code(JSON.stringify(DEFAULT_LIMITS[key as keyof typeof DEFAULT_LIMITS]))}; in the library, ${byDefault}`
        : (byDefault ?? ""),
      text,
    ]);
  const head = ["key", "type", "default", "meaning"];
  return page(
    "Configuration",
    "## `config.json` of a treasury",
    "`sigil treasury init` writes the file and `sigil treasury start` reads it. It has no secrets. An unknown key is refused by name. The options of `Treasury` and `serveTreasury` in the library have the same names and take the same text.",
    table(head, rows(keys)),
    "### `maxInFlight`",
    table(head, rows(readOptions(limits, "InFlightOptions"))),
    "### `mints`",
    "[Mint for services that trust you](../guides/treasury.md#mint-for-services-that-trust-you) explains it.",
    table(head, rows(readOptions(config, "MintsConfig"))),
    'An amount is text with its unit, such as `"10 sat"`. A fee is an amount, a share such as `"1 %"`, or both, and then the larger holds. A duration is a number with `s`, `m`, `h` or `d`, such as `"15m"`.',
    "## Environment variables",
    table(
      ["variable", "what it holds"],
      Object.entries(ENVIRONMENT).map(([name, meaning]) => [code(name), meaning]),
    ),
    "A credential, a secret, a key and a token can be in a file instead: the flags that name the file are in the [command line](cli.md).",
  );
}
