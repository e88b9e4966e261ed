/** What a configuration that is read again changes for keys and agents that are out already. */
import { type GatewayConfig, prefixOf } from "../config/config.ts";

type Services = Pick<GatewayConfig, "services">;

/** Warnings for the owner, each a sentence. */
export function warningsOf(before: Services, next: Services): readonly string[] {
  const names = Object.keys(next.services);
  const kept = names.filter((name) => Object.hasOwn(before.services, name));
  const moved = kept.flatMap((name) => {
    const [from, to] = [prefixOf(name, before), prefixOf(name, next)];
    return from === to
      ? []
      : `${name} moved from ${shown(from)} to ${shown(to)}: agents that have its URL of before are refused. To leave it there, write services.${name}.prefix: ${JSON.stringify(from)}.`;
  });
  const added = names.filter((name) => !Object.hasOwn(before.services, name));
  return added.length === 0
    ? moved
    : [
        ...moved,
        `${added.join(", ")} ${added.length === 1 ? "is" : "are"} new: no key of before opens ${added.length === 1 ? "it" : "them"}. The key of the next start does.`,
      ];
}

const shown = (prefix: string): string => (prefix === "" ? "/" : prefix);
