/** The configurations in examples/decide, with the ports and files of a test in their places. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ProxyName } from "../../../packages/sigil/src/gateway/decide/original.ts";

const EXAMPLES = join(import.meta.dirname, "../../../examples/decide");

export interface Place {
  /** For the files of one proxy. */
  readonly folder: string;
  readonly binary: string;
  readonly cert: string;
  readonly key: string;
  /** Of the proxy, the decision service, and the upstream. */
  readonly ports: { readonly proxy: number; readonly decide: number; readonly served: number };
}

type Changes = readonly (readonly [from: string, to: string])[];

/** @throws Error for a text that is not in the file, which would then be another configuration */
function example(name: string, changes: Changes): string {
  let text = readFileSync(join(EXAMPLES, name), "utf8");
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error(`examples/decide/${name} has no "${from}"`);
    text = text.replaceAll(from, to);
  }
  return text;
}

const certificates = ({ cert, key }: Place): Changes => [
  ["/etc/ssl/api.example.pem", cert],
  ["/etc/ssl/api.example.key", key],
];
const addresses = ({ ports: { decide, served } }: Place): Changes => [
  ["127.0.0.1:8411", `127.0.0.1:${decide}`],
  ["127.0.0.1:3000", `127.0.0.1:${served}`],
];

function write({ folder }: Place, name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** Writes the files of a proxy. Returns the command that starts it in the foreground. */
export const COMMANDS: Readonly<Record<ProxyName, (place: Place) => readonly string[]>> = {
  nginx(place) {
    const { folder, binary, ports } = place;
    for (const one of ["body", "proxy", "fastcgi", "uwsgi", "scgi"]) mkdirSync(join(folder, one));
    const site = write(
      place,
      "site.conf",
      example("nginx.conf", [
        ...certificates(place),
        ...addresses(place),
        ["listen 443", `listen 127.0.0.1:${ports.proxy}`],
      ]),
    );
    const file = write(
      place,
      "nginx.conf",
      `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr notice;
events {}
http {
  access_log off;
  client_max_body_size 300m;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  include ${site};
}
`,
    );
    // Without `-e`, nginx opens a log in a folder of the machine before it reads the file.
    return [binary, "-p", folder, "-c", file, "-e", "stderr"];
  },

  caddy(place) {
    const site = example("Caddyfile", [
      ...certificates(place),
      ...addresses(place),
      // For every name: of an address, Caddy is its own authority, which it has the machine trust.
      ["https://api.example {", `https://:${place.ports.proxy} {`],
    ]);
    const global = `{
	admin off
	auto_https disable_redirects
	storage file_system ${place.folder}
}
`;
    const file = write(place, "Caddyfile", global + site);
    return [place.binary, "run", "--config", file, "--adapter", "caddyfile"];
  },

  traefik(place) {
    const dynamic = example("traefik-sigil.yml", [...certificates(place), ...addresses(place)]);
    const fixed = example("traefik.yml", [
      ['":443"', `"127.0.0.1:${place.ports.proxy}"`],
      ["/etc/traefik/sigil.yml", write(place, "sigil.yml", dynamic)],
    ]);
    return [place.binary, `--configFile=${write(place, "traefik.yml", fixed)}`];
  },

  envoy(place) {
    const { proxy, decide, served } = place.ports;
    const text = example("envoy.yaml", [
      ...certificates(place),
      ["http://127.0.0.1:8411", `http://127.0.0.1:${decide}`],
      ["address: 0.0.0.0, port_value: 443", `address: 127.0.0.1, port_value: ${proxy}`],
      ["port_value: 8411", `port_value: ${decide}`],
      ["port_value: 3000", `port_value: ${served}`],
    ]);
    const flags = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "warn"];
    return [place.binary, "-c", write(place, "envoy.yaml", text), ...flags];
  },
};
