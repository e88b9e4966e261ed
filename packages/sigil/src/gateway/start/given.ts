/** The configuration that was given: a file, or flags for those who need none. */
import { UsageError } from "../../exit.ts";
import { DEFAULT_FOLDER, type GatewayConfig } from "../config/config.ts";
import { pathText, sentence } from "../config/issues.ts";
import { check, folderInFile, readConfigFile } from "../config/read.ts";
import { PRESETS } from "../presets/index.ts";
import { FLAGS, type Given } from "./flags.ts";
import { USUAL } from "./usual.ts";

/** @throws UsageError that names the flag, or the line and the key of the file */
export function configOf(given: Given): GatewayConfig {
  const file = given.text("config");
  if (file === undefined) return fromFlags(given);
  const other = (Object.keys(FLAGS) as (keyof typeof FLAGS)[]).find(
    (flag) => flag !== "config" && given.has(flag),
  );
  if (other !== undefined)
    throw new UsageError(`--config and --${other}: give one. The file has a key for each flag.`);
  return readConfigFile(file);
}

/** The folder of the gateway that is meant. @throws UsageError if its file cannot be read */
export function folderOf(given: Given): string {
  const file = given.text("config");
  const dir = given.text("dir");
  if (file !== undefined && dir !== undefined)
    throw new UsageError("--config and --dir: give one. The file has the folder.");
  return dir ?? (file === undefined ? DEFAULT_FOLDER : folderInFile(file));
}

/** The flag that a key of the configuration is read from. */
const FLAG_OF: readonly (readonly [path: RegExp, flag: keyof typeof FLAGS])[] = [
  [/^services\.\w+\.preset$/, "preset"],
  [/^services\.\w+\.upstream$/, "upstream"],
  [/^services\.\w+\.keys\b/, "key"],
  [/^services\.\w+\.price$/, "price"],
  [/^agentKey\.capabilities\b/, "capability"],
  [/^services\.\w+\.routes\b/, "sell"],
  [/^selling\b/, "wallet"],
  [/^agentKey\.budget\b/, "budget"],
  [/^agentKey\.models\b/, "model"],
  [/^agentKey\.expiresIn$/, "expires-in"],
  [/^listen\.port$/, "port"],
  [/^listen\.host$/, "host"],
  [/^listen\.location$/, "location"],
  [/^listen\.tlsCert$/, "tls-cert"],
  [/^listen\.tlsKey$/, "tls-key"],
  [/^prices\.file$/, "prices"],
  [/^prices\.margin$/, "margin"],
  [/^metrics\.port$/, "metrics-port"],
  [/^dir$/, "dir"],
  [/^store$/, "store"],
  [/^secret$/, "secret"],
  [/^trust\b/, "trust"],
  [/^logLevel$/, "log-level"],
];

/** The configuration that flags stand for. @throws UsageError that names the flag */
function fromFlags(given: Given): GatewayConfig {
  const known = [...PRESETS.keys()].join(", ");
  const names = given.all("preset") ?? [];
  if (names.length === 0)
    throw new UsageError(`Missing --preset NAME, or --config FILE. A preset is one of ${known}.`);
  if (new Set(names).size < names.length) throw new UsageError("A preset is named twice.");
  if (names.some((name) => !PRESETS.has(name)))
    throw new UsageError(`--preset must be one of ${known}.`);
  const single = (["upstream", "key", "price"] as const).find((flag) => given.has(flag));
  if (names.length > 1 && single !== undefined)
    throw new UsageError(`--${single} is for one preset. Use --config for more.`);
  const port = numberOf(given.text("port"));
  const metricsPort = numberOf(given.text("metrics-port"));
  const key = given.text("key");
  const sold = given.text("sell");
  const wallet = given.text("wallet");
  if (wallet !== undefined && sold === undefined)
    throw new UsageError('--wallet is for --sell "1 sat": it is paid for what is sold.');
  const checked = check({
    listen: present({
      host: given.text("host"),
      port,
      location: given.text("location"),
      tlsCert: given.text("tls-cert"),
      tlsKey: given.text("tls-key"),
    }),
    ...(given.has("shadow") && { shadow: true }),
    ...present({ metrics: metricsPort === undefined ? undefined : { port: metricsPort } }),
    ...present({
      dir: given.text("dir"),
      store: given.text("store"),
      secret: given.text("secret"),
      trust: given.all("trust"),
      logLevel: given.text("log-level"),
    }),
    prices: present({ file: given.text("prices"), margin: given.text("margin") }),
    agentKey: present({
      budget: given.all("budget"),
      models: given.all("model"),
      capabilities: capabilitiesOf(given.all("capability"), names),
      expiresIn: given.text("expires-in"),
    }),
    ...(sold !== undefined && { selling: present({ wallet }) }),
    services: Object.fromEntries(
      names.map((preset) => [
        preset,
        {
          preset,
          ...(sold !== undefined && { routes: soldRoutes(preset, sold) }),
          ...present({
            upstream: given.text("upstream"),
            keys: key === undefined ? key : [key],
            price: given.text("price"),
          }),
        },
      ]),
    ),
  });
  if ("config" in checked) return checked.config;
  const { path, message } = checked.issues[0]!;
  const text = pathText(path);
  const [, flag] = FLAG_OF.find(([pattern]) => pattern.test(text)) ?? [];
  throw new UsageError(sentence(`${flag === undefined ? text : `--${flag}`} ${message}`));
}

/** What is no number is refused where all values are checked. */
const numberOf = (text: string | undefined): number | string | undefined =>
  text !== undefined && /^\d+$/.test(text) ? Number(text) : text;

/** Every route of a preset at one price. What a vendor without keys gives away stays free. */
const soldRoutes = (name: string, price: string): readonly object[] => {
  const isKeyless = USUAL[name]!.keys.length === 0;
  return PRESETS.get(name)!.routes.map(({ method, path, meter }) => ({
    match: `${method} ${path}`,
    ...(meter === "free" && isKeyless ? { access: "free" } : { access: "paid", price }),
  }));
};

/** Without what was not given. */
const present = (all: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));

/** `stripe:customers:read`, or `customers:read` if there is one preset. */
function capabilitiesOf(
  given: readonly string[] | undefined,
  presets: readonly string[],
): Readonly<Record<string, readonly string[]>> | undefined {
  if (given === undefined) return undefined;
  const all: Record<string, string[]> = {};
  for (const text of given) {
    const [first = "", ...rest] = text.split(":");
    const isNamed = presets.includes(first) && rest.length > 0;
    if (!isNamed && presets.length > 1)
      throw new UsageError("--capability must begin with a preset, such as stripe:customers:read.");
    const preset = isNamed ? first : presets[0]!;
    all[preset] = [...(all[preset] ?? []), isNamed ? rest.join(":") : text];
  }
  return all;
}
