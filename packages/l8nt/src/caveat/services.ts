/**
 * `services`, `<service>_capabilities`, `<service>_valid_until`: the conditions that L402 itself
 * defines.
 */
import type { Condition } from "./condition.ts";
import { readInteger } from "./integer.ts";
import { validUntil } from "./time.ts";

const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;
// Visible ASCII without the comma: a capability is repeated in denials, where a line break or an
// escape would forge a log.
const CAPABILITY = /^[!-+\x2d-~]+$/;

export const isServiceName = (text: string): boolean => NAME.test(text);
export const isCapability = (text: string): boolean => CAPABILITY.test(text);

export const services: Condition<readonly string[]> = {
  name: "services",
  /** `name:tier,name:tier`; the tier is an integer. */
  parse(text) {
    const entries = text === "" ? [] : text.split(",").map((entry) => entry.split(":"));
    const valid = entries.every(
      ([name = "", tier = "", ...more]) =>
        NAME.test(name) && readInteger(tier) !== undefined && more.length === 0,
    );
    return valid ? entries.map(([name]) => name!) : undefined;
  },
  prohibits: (names, { target, service }) =>
    target === "self" || (service !== undefined && names.includes(service))
      ? undefined
      : {
          code: "ERR_SERVICE",
          have: names.length === 0 ? "no service at all" : names.join(", "),
          need: service ?? "a credential that names no service",
        },
};

/** The conditions whose name begins with a service's; each is silent about every other service. */
export function serviceCondition(name: string): Condition<never> | undefined {
  for (const [suffix, condition] of Object.entries(FAMILIES)) {
    const service = name.endsWith(suffix) ? name.slice(0, -suffix.length) : "";
    if (NAME.test(service)) return condition(service, name) as Condition<never>;
  }
  return undefined;
}

const FAMILIES = {
  _capabilities: (service: string, name: string): Condition<readonly string[]> => ({
    name,
    parse(text) {
      const capabilities = text === "" ? [] : text.split(",");
      return capabilities.every(isCapability) ? capabilities : undefined;
    },
    prohibits: (capabilities, access) =>
      access.target === "self" ||
      access.service !== service ||
      (access.capability !== undefined && capabilities.includes(access.capability))
        ? undefined
        : {
            code: "ERR_CAPABILITY",
            have: capabilities.length === 0 ? "no capability at all" : capabilities.join(", "),
            need: access.capability ?? "a credential that names no capabilities",
          },
  }),
  _valid_until: (service: string, name: string): Condition<number> => ({
    name,
    parse: validUntil.parse,
    prohibits: (until, access, place) =>
      access.service === service ? validUntil.prohibits!(until, access, place) : undefined,
  }),
};
