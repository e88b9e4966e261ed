/** `services`: which L402 services, by the names that they give themselves. */
import { type ConditionTexts, caveatOf, condition } from "../condition.ts";
import { apply, type Check, check, fact, OWN_AFFAIRS, query, setOf, variable } from "../datalog.ts";
import { field, writeList } from "../field.ts";
import { typedList } from "../flag.ts";
import { readInteger } from "../integer.ts";
import { isAnyServiceName, isServiceName } from "../service-name.ts";

const NAME = "services";

interface Service {
  readonly name: string;
  /** An integer; not judged. */
  readonly tier: string;
}

/** `name:tier,name:tier`; undefined for anything else. */
function parse(text: string): readonly Service[] | undefined {
  const entries = text === "" ? [] : text.split(",").map((entry) => entry.split(":"));
  const isValid = entries.every(
    ([name = "", tier = "", ...more]) =>
      isAnyServiceName(name) && readInteger(tier) !== undefined && more.length === 0,
  );
  return isValid ? entries.map(([name, tier]) => ({ name: name!, tier: tier! })) : undefined;
}

const ENTRY = {
  read(text: string) {
    const entry = text.includes(":") ? text : `${text}:0`;
    const [read, ...more] = parse(entry) ?? [];
    return read && more.length === 0 && isServiceName(read.name) ? entry : undefined;
  },
  form: 'services, such as "lightning_loop:0"',
};

export const services = condition<readonly Service[]>({
  name: NAME,
  judgedBy: "service",
  handOver: "relay",
  bound: "place",
  fields: [
    field("services", (names, { what }) => [
      caveatOf({ name: NAME }, writeList(names, { what }, ENTRY).join(",")),
    ]),
  ],
  code: "ERR_SERVICE",
  parse,
  prohibits: (entries, { target, service }) =>
    target === "self" || (service !== undefined && entries.some(({ name }) => name === service))
      ? undefined
      : {
          have:
            entries.length === 0 ? "no service at all" : entries.map(({ name }) => name).join(", "),
          need: service ?? "a credential that names no service",
        },
  servicesOf: (entries) => entries.map(({ name }) => name),
  covers: (outer, inner) =>
    inner.every(({ name, tier }) =>
      outer.some((other) => other.name === name && other.tier === tier),
    ),
});

export const servicesCheck = (entries: readonly Service[]): Check =>
  check(
    ...(entries.length === 0
      ? []
      : [
          query(
            [fact("service", variable("s"))],
            ...apply(setOf(entries.map(({ name }) => name)), "contains", variable("s")),
          ),
        ]),
    query([OWN_AFFAIRS]),
  );

export const servicesTexts: ConditionTexts<readonly Service[]> = {
  spec: {
    value: "`name:tier` joined by `,`; the tier is an integer, and is not judged",
    denies: "the verifier's own service name is not listed, or it has none",
  },
  fields: {
    services: {
      example: '["loop", "pool:1"]',
      flag: {
        name: "service",
        value: "NAME",
        help: "for L402 services that name themselves",
        repeatable: true,
        read: typedList,
      },
    },
  },
  words: (entries) =>
    entries.length === 0
      ? ["no service at all"]
      : entries.map(({ name, tier }) => `service ${name}:${tier}`),
};
