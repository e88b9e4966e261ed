/** The configuration of nginx and Caddy, as a reverse proxy of services and of a treasury. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  AGAIN,
  CACHED,
  HOSTS,
  PROXIES,
  type ProxyName,
  proxied,
  type TreasuryName,
} from "./plan.ts";
import type { Place } from "./processes.ts";

// By one address: nginx rests from a name whose addresses have all failed once.
const SHOP = `https://${HOSTS.shop.v4[0]}`;
const hostOf = (location: string): string => new URL(location).hostname;

/** How to start a server, and the ports that it listens at. */
export interface Server {
  readonly command: readonly string[];
  readonly ports: readonly number[];
}

/** A proxy of the services behind it, at an address of its own on the host of the proxies. */
export function serviceProxy(proxy: ProxyName, binary: string, place: Place): Server {
  const { root, prefix, express, hono } = proxied(proxy);
  const index = PROXIES.indexOf(proxy);
  const bind = [HOSTS.proxy.v4[index]!, HOSTS.proxy.v6[index]!] as const;
  if (proxy === "nginx") {
    const pass = (port: number, path: string) => `proxy_pass ${SHOP}:${port}${path};`;
    return nginx(binary, place, "services", [
      server(bind, hostOf(root.location), place, [
        `location / { ${pass(root.port, "")} }`,
        `location /api/ { ${pass(prefix.port, "/")} }`,
      ]),
      ...[express, hono].map(({ location, port }) =>
        server(bind, hostOf(location), place, [`location / { ${pass(port, "")} }`]),
      ),
      // A name with two addresses: what breaks off at one is sent again to the other.
      ...Object.values(AGAIN).map(({ location, port }) =>
        server(bind, hostOf(location), place, [
          `location / { proxy_pass https://cut.example:${port}; }`,
        ]),
      ),
      server(bind, hostOf(CACHED.location), place, [
        `location / { proxy_cache shared; ${pass(CACHED.port, "")} }`,
      ]),
    ]);
  }
  return caddy(binary, place, "services", [
    caddySite(bind, hostOf(root.location), place, [
      `handle_path /api/* {\n${caddyTo(`${SHOP}:${prefix.port}`, place)}\n}`,
      `handle {\n${caddyTo(`${SHOP}:${root.port}`, place)}\n}`,
    ]),
    ...[express, hono].map(({ location, port }) =>
      caddySite(bind, hostOf(location), place, [caddyTo(`${SHOP}:${port}`, place)]),
    ),
  ]);
}

/** A proxy in front of the API of a treasury on the same host. */
export function treasuryProxy(
  proxy: ProxyName,
  binary: string,
  place: Place,
  { host, port }: { readonly host: TreasuryName; readonly port: number },
): Server {
  const bind = [...HOSTS[host].v4, ...HOSTS[host].v6];
  const name = `${host}.example`;
  const target = `http://127.0.0.1:${port}`;
  return proxy === "nginx"
    ? nginx(binary, place, host, [
        server(bind, name, place, [`location / { proxy_pass ${target}; }`]),
      ])
    : caddy(binary, place, host, [caddySite(bind, name, place, [caddyTo(target, place)])]);
}

const bracketed = (address: string): string => (address.includes(":") ? `[${address}]` : address);

function server(
  bind: readonly string[],
  name: string,
  { cert, key }: Place,
  locations: readonly string[],
): string {
  return `server {
  ${bind.map((address) => `listen ${bracketed(address)}:443 ssl http2;`).join("\n  ")}
  server_name ${name};
  ssl_certificate ${cert};
  ssl_certificate_key ${key};
  ${locations.join("\n  ")}
}`;
}

/** nginx as it comes: it buffers requests and answers, with 4 KiB for the head of an answer. */
function nginx(binary: string, place: Place, name: string, servers: readonly string[]): Server {
  const prefix = join(place.folder, `nginx-${name}`);
  for (const folder of ["", "body", "proxy", "fastcgi", "uwsgi", "scgi"])
    mkdirSync(join(prefix, folder), { recursive: true });
  const file = join(prefix, "nginx.conf");
  writeFileSync(
    file,
    `daemon off;
master_process off;
pid ${prefix}/nginx.pid;
error_log stderr notice;
events {}
http {
  access_log off;
  client_body_temp_path ${prefix}/body;
  proxy_temp_path ${prefix}/proxy;
  fastcgi_temp_path ${prefix}/fastcgi;
  uwsgi_temp_path ${prefix}/uwsgi;
  scgi_temp_path ${prefix}/scgi;
  proxy_cache_path ${prefix}/cache keys_zone=shared:1m;
  proxy_http_version 1.1;
  proxy_buffering on;
  proxy_request_buffering on;
  client_max_body_size 40m;
  proxy_buffer_size 4k;
  proxy_ssl_trusted_certificate ${place.ca};
  proxy_ssl_verify on;
  proxy_ssl_name dual.example;
  proxy_ssl_server_name on;
  proxy_set_header Host $host;
  proxy_set_header Connection "";
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_set_header X-Forwarded-Proto https;
${servers.join("\n")}
}
`,
  );
  // `-e`: without it, nginx opens a log in a folder of the machine before it reads the file.
  const command = [binary, "-p", prefix, "-c", file, "-e", "stderr"];
  return { command, ports: [443] };
}

function caddyTo(target: string, { ca }: Place): string {
  const tls = target.startsWith("https:")
    ? [`tls_trusted_ca_certs ${ca}`, "tls_server_name dual.example"]
    : [];
  const buffers = ["read_buffer 4KiB", "write_buffer 4KiB", "max_response_header 4KiB"];
  return [`reverse_proxy ${target} {`, "transport http {", ...buffers, ...tls, "}", "}"].join("\n");
}

const caddySite = (
  bind: readonly string[],
  name: string,
  { cert, key }: Place,
  routes: readonly string[],
): string => `https://${name} {
  bind ${bind.join(" ")}
  tls ${cert} ${key}
  ${routes.join("\n")}
}`;

function caddy(binary: string, place: Place, name: string, sites: readonly string[]): Server {
  const folder = join(place.folder, `caddy-${name}`);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "Caddyfile");
  writeFileSync(
    file,
    `{
  admin off
  auto_https disable_redirects
  storage file_system ${folder}
}
${sites.join("\n")}
`,
  );
  return { command: [binary, "run", "--config", file, "--adapter", "caddyfile"], ports: [443] };
}
