/** `<service>_capabilities`: what may be done at one service. Says nothing about other services. */
import type { AnyCondition, Condition, ConditionTexts, Family } from "../condition.ts";
import { caveatOf } from "../condition.ts";
import { apply, type Check, check, fact, OWN_AFFAIRS, query, setOf, variable } from "../datalog.ts";
import { elsewhere } from "../elsewhere.ts";
import { field, readList, writeList } from "../field.ts";
import { isServiceName } from "../service-name.ts";

const SUFFIX = "_capabilities";
// Visible ASCII without the comma: a capability is repeated in denials, where a line break or an
// escape would forge a log.
const CAPABILITY = /^[!-+\x2d-~]+$/;

const ENTRY = {
  read: (text: string) => (CAPABILITY.test(text) ? text : undefined),
  form: 'capabilities, such as "loop_out"',
};

const fields = [
  field("capabilities", (byService, { what }) => {
    if (typeof byService !== "object" || byService === null || Array.isArray(byService))
      throw new TypeError(`${what} must be an object, such as { lightning_loop: ["loop_out"] }`);
    // Languages list the keys of an object in different orders.
    const sorted = Object.entries(byService).sort();
    return sorted.map(([service, names]) => {
      if (!isServiceName(service))
        throw new TypeError(`${what}: ${JSON.stringify(service)} is not the name of a service`);
      const list = writeList(names, { what: `${what}.${service}` }, ENTRY);
      return caveatOf({ name: `${service}${SUFFIX}` }, list.join(","));
    });
  }),
];

const capabilitiesOf = (service: string, name: string): Condition<readonly string[]> => ({
  name,
  judgedBy: "service",
  handOver: "relay",
  fields,
  code: "ERR_CAPABILITY",
  parse: (text) => readList(text, CAPABILITY),
  prohibits: (capabilities, access) =>
    access.target === "self" ||
    access.service !== service ||
    (access.capability !== undefined && capabilities.includes(access.capability))
      ? undefined
      : {
          have: capabilities.length === 0 ? "no capability at all" : capabilities.join(", "),
          need: access.capability ?? "a credential that names no capabilities",
        },
  covers: (outer, inner) => inner.every((name) => outer.includes(name)),
});

/**
 * Whether a credential limits the capabilities of this service. If it does not, it allows all of
 * them.
 */
export const namesCapabilities = (
  chain: { has(condition: { readonly name: string }): boolean },
  service: string,
): boolean => chain.has({ name: `${service}${SUFFIX}` });

export const capabilities: Family = {
  suffix: SUFFIX,
  fields,
  of: (service, name) => capabilitiesOf(service, name) as unknown as AnyCondition,
};

export const capabilitiesCheck = (
  names: readonly string[],
  { name }: { readonly name: string },
): Check =>
  check(
    elsewhere(name.slice(0, -SUFFIX.length)),
    ...(names.length === 0
      ? []
      : [
          query(
            [fact("capability", variable("c"))],
            ...apply(setOf(names), "contains", variable("c")),
          ),
        ]),
    query([OWN_AFFAIRS]),
  );

export const capabilitiesTexts: ConditionTexts<readonly string[]> = {
  spec: {
    value: "names joined by `,`",
    denies:
      "the verifier is that service, and the request's capability is not listed or there is none",
  },
  words(capabilities, _now, { name }) {
    const service = name.slice(0, -SUFFIX.length);
    return capabilities.length === 0
      ? [`at ${service}: no capability at all`]
      : capabilities.map((capability) => `at ${service}: ${capability}`);
  },
  fields: {
    capabilities: {
      example: '{ loop: ["out", "in"] }',
      flag: {
        name: "capability",
        value: "SERVICE:NAME",
        repeatable: true,
        help: "what may be done at a service, such as an MCP tool; a service that is not named here is not limited",
        read: readFlag,
      },
    },
  },
};

/**
 * `SERVICE:NAME`; the first colon ends the name of the service. `SERVICE:` alone allows none of its
 * capabilities.
 */
function readFlag(texts: readonly string[], what: string): Record<string, readonly string[]> {
  const byService = new Map<string, string[]>();
  for (const text of texts) {
    const at = text.indexOf(":");
    if (at < 1)
      throw new TypeError(`${what} must be a service and what may be done there: SERVICE:NAME`);
    const [service, name] = [text.slice(0, at), text.slice(at + 1)];
    byService.set(service, [...(byService.get(service) ?? []), ...(name === "" ? [] : [name])]);
  }
  return Object.fromEntries(byService);
}
