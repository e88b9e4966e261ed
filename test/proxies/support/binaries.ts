/** The programs of the proxies: nginx from Debian, the others from PyPI's wheels. */
import { globSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ProxyName } from "../../../packages/sigil/src/gateway/decide/original.ts";
import { type Found, tool } from "../../net/support/debian.ts";
import { python } from "../../peers/python/venv.ts";

const PLACES: Readonly<Record<Exclude<ProxyName, "nginx">, string>> = {
  caddy: "bin/caddy",
  traefik: "bin/traefik",
  envoy: "lib/python*/site-packages/envoy/_bin/envoy",
};

/** Where the program of a proxy is, or why there is none. */
export function binaryOf(name: ProxyName): Found {
  if (name === "nginx") return tool("nginx");
  const interpreter = python(join(import.meta.dirname, "../requirements.txt"));
  if (interpreter === undefined) return { missing: `${name}: its wheel cannot be installed` };
  const [path] = globSync(join(dirname(dirname(interpreter)), PLACES[name]));
  return path === undefined ? { missing: `${name}: its wheel has no program` } : { path };
}
