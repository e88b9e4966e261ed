/** `sigil gateway check`: what a configuration means, before it serves anybody. */
import { EXIT, UsageError } from "../../exit.ts";
import { printable } from "../../secrecy.ts";
import type { Terminal } from "../../terminal.ts";
import { wrapped } from "../../wrap.ts";
import { type GatewayConfig, prefixOf } from "../config/config.ts";
import { locationOf } from "../config/listen.ts";
import { type Environment, keysOf, meteredIn, pricesOf, upstreamOf } from "../start/serving.ts";
import { readSecret } from "../vault/reference.ts";
import { type Explained, explain, servicesOf } from "./explain.ts";
import { type Listed, listed, priceText, socketPriceText } from "./listed.ts";

/** @param request a method and a path, to explain that alone */
export async function check(
  config: GatewayConfig,
  request: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const columns = terminal.columns ?? 80;
  if (request.length > 0) {
    const [method = "", path] = request;
    if (!/^[A-Z]+$/.test(method) || path?.startsWith("/") !== true)
      throw new UsageError(
        "A request is a method and a path, such as: sigil gateway check --config FILE GET /v1/models.",
      );
    const services = servicesOf(config);
    const explained = explain(services, method, path);
    const upgraded = method === "GET" ? explain(services, method, path, true) : undefined;
    const webSocket = upgraded?.kind === "webSocket" ? upgraded : undefined;
    const lines = [
      ...sentencesOf(explained),
      ...(webSocket === undefined ? [] : sentencesOf(webSocket)),
    ].flatMap((line) => wrapped(line, columns));
    terminal.answer(`${lines.join("\n")}\n`, {
      ...documentOf(explained),
      ...(webSocket && { webSocket: documentOf(webSocket) }),
    });
    return isDenied(explained) && webSocket === undefined ? EXIT.failed : EXIT.ok;
  }
  const found = await Promise.all(
    Object.entries(config.services).map(async ([name, one]) => {
      const { routes, warnings } = listed(one);
      return {
        ...{ name, preset: one.preset, prefix: prefixOf(name, config), routes, warnings },
        ...(await addressOf(name, config)),
        keys: await keysFound(name, config, terminal.env),
      };
    }),
  );
  const prices = pricesOf(config);
  const dates = [...prices.dates].map(([file, date]) => ({ file, date }));
  const faults = found.flatMap(({ keys, fault }) => [
    ...keys.flatMap((key) => key.fault ?? []),
    ...(fault === undefined ? [] : [fault]),
  ]);
  const warnings = [
    ...found.flatMap(({ name, warnings: all }) => all.map((text) => `${name}: ${text}.`)),
    ...prices.warnings(meteredIn(config)).map((text) => `${text}.`),
  ];
  const text = [
    `The gateway is at ${locationOf(config.listen)}.`,
    ...config.trust.flatMap((issuer) => hanging(`It trusts the issuer ${issuer}.`, columns)),
    ...found.flatMap((one) => ["", ...serviceLines(one, columns)]),
    "",
    ...dates.map(({ file, date }) => `Prices: ${file} of ${date}`),
    ...[
      ...faults.map((one) => `Error: ${one}`),
      ...warnings.map((one) => `Warning: ${one}`),
    ].flatMap((line) => hanging(line, columns)),
  ];
  terminal.answer(`${text.join("\n")}\n`, {
    location: locationOf(config.listen),
    trust: config.trust,
    services: found.map(({ warnings: _, ...rest }) => rest),
    prices: dates,
    errors: faults,
    warnings,
  });
  return faults.length > 0 ? EXIT.failed : EXIT.ok;
}

/** A key, by where it is and whether it is there. */
interface KeyFound {
  readonly from: string;
  readonly fault?: string;
}

async function keysFound(
  name: string,
  config: GatewayConfig,
  env: Environment,
): Promise<readonly KeyFound[]> {
  let references: readonly string[];
  try {
    references = keysOf(name, config.services[name]!, env);
  } catch (error) {
    return [{ from: "nowhere", fault: (error as Error).message }];
  }
  return Promise.all(
    references.map(async (reference, index) => {
      // A command may have a password among its arguments.
      const from = reference.startsWith("cmd:") ? "cmd:" : reference;
      try {
        await readSecret(reference, { env, what: `services.${name}.keys[${index}]` });
        return { from };
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        return { from: `${from.split(":", 1)[0]}:`, fault: error.message };
      }
    }),
  );
}

function addressOf(name: string, config: GatewayConfig) {
  try {
    return { upstream: upstreamOf(name, config.services[name]!) };
  } catch (error) {
    return { upstream: "nowhere", fault: (error as Error).message };
  }
}

function serviceLines(
  service: Pick<Listed, "routes"> & {
    readonly name: string;
    readonly preset: string;
    readonly prefix: string;
    readonly upstream: string;
    readonly keys: readonly KeyFound[];
  },
  columns: number,
): readonly string[] {
  const { name, preset, prefix, upstream, keys, routes } = service;
  const width = Math.min(34, Math.max(...routes.map(({ match }) => match.length)));
  return [
    ...hanging(`${name}: preset ${preset}, at ${prefix || "/"}, to ${upstream}`, columns),
    ...(keys.length === 0 ? ["  no key"] : []),
    ...keys.flatMap(({ from, fault }, index) => {
      const use = index === 0 ? "is used" : "is used once it stands first";
      return hanging(`  key ${from} ${fault === undefined ? use : "is not there"}`, columns);
    }),
    ...routes.flatMap(({ match, meaning }) =>
      match.length > width
        ? [`  ${match}`, ...indented(meaning, width + 4, columns)]
        : [
            `  ${match.padEnd(width)}  ${wrapped(meaning, columns - width - 4)[0]}`,
            ...indented(meaning, width + 4, columns).slice(1),
          ],
    ),
  ];
}

const indented = (text: string, by: number, columns: number): readonly string[] =>
  wrapped(text, columns - by).map((line) => " ".repeat(by) + line);

const hanging = (text: string, columns: number): readonly string[] =>
  wrapped(text, columns - 2).map(
    (line, index) => (index === 0 && !text.startsWith(" ") ? "" : "  ") + line,
  );

const isDenied = (explained: Explained): boolean =>
  explained.kind === "denied" ||
  (explained.kind === "served" && explained.route.charge.kind === "unpriced");

const PAGES = {
  budget:
    "what is left of the budgets of the credential that it presents. It costs nothing, and the vendor never sees it.",
  sale: "what is sold, and what is revoked. It costs nothing, and the vendor never sees it.",
};

function sentencesOf(explained: Explained): readonly string[] {
  if (explained.kind === "denied")
    return [`Denied: ${explained.status} ${explained.code}.`, explained.detail];
  if (explained.kind === "page")
    return [`The gateway answers it for ${explained.service}: ${PAGES[explained.page]}`];
  const { service } = explained;
  if (explained.kind === "webSocket") {
    const { rule, capability } = explained.match;
    return [
      `${service}, as a WebSocket at ${rule.path}.`,
      `It needs a credential with the capability ${printable(capability)}.`,
      `It costs ${socketPriceText(rule)}.`,
    ];
  }
  const { route } = explained;
  const { rule, index, charge, capability } = route;
  const where =
    index === undefined
      ? `the route ${route.route.method} ${route.route.path} of the preset`
      : `services.${service}.routes[${index}]`;
  const who = {
    free: `Anybody may, and it is sent ${rule.isKeyed ? "with" : "without"} the vendor's key.`,
    credential: `It needs a credential with the capability ${printable(capability)}.`,
    freebie: `Each address may ${rule.freePerDay} times a day; then it needs a credential with the capability ${printable(capability)}.`,
    paid: `It is sold; a credential needs the capability ${printable(capability)}.`,
  }[rule.access];
  const price = {
    free: "It costs nothing.",
    flat: `It costs ${priceText(charge)}.`,
    meter: "It costs what its meter reads, by the price list.",
    unpriced: "It has no price, so it is denied with 403 route_not_priced.",
  }[charge.kind];
  return [`${service}, by ${where}.`, who, price];
}

function documentOf(explained: Explained): object {
  if (explained.kind === "denied" || explained.kind === "page") return explained;
  if (explained.kind === "webSocket") {
    const { kind, service, match } = explained;
    return { kind, service, price: socketPriceText(match.rule), capability: match.capability };
  }
  const { service, route } = explained;
  const { rule, index, charge, capability } = route;
  return {
    kind: charge.kind === "unpriced" ? "denied" : "served",
    ...{ service, index, access: rule.access, price: priceText(charge), capability },
    ...(charge.kind === "unpriced" && { status: 403, code: "route_not_priced" }),
  };
}
