/** `sigil mcp`: an MCP server that fetches and pays, and a proxy in front of any other. */
import { lstatSync, readFileSync } from "node:fs";
import { namesCapabilities } from "l8nt/caveats";
import { guardedFetch } from "l8nt/treasury";
import type { Arguments, Flag } from "../arguments.ts";
import { command } from "../command.ts";
import { EXIT, UsageError } from "../exit.ts";
import { CREDENTIAL_FLAGS, credentialText, oneCredential, readCredentials } from "../input.ts";
import { Agents } from "../mcp/agents.ts";
import { Audit } from "../mcp/audit.ts";
import { CallCounter, limitsOf, readLimits } from "../mcp/call-limits.ts";
import { Gate } from "../mcp/gate.ts";
import { HOSTS, type Host, hostConfig, whereItGoes } from "../mcp/host-config.ts";
import { proxy } from "../mcp/proxy.ts";
import { Revocation } from "../mcp/revocation.ts";
import { ToolList } from "../mcp/tool-list.ts";
import type { Terminal } from "../terminal.ts";
import { makeFolder } from "../treasury/folder.ts";

const SERVER_FLAGS = {
  http: { value: "PORT", help: "serve HTTP on 127.0.0.1 instead of stdio; 0 is any free port" },
  "token-file": {
    value: "FILE",
    help: "with --http: the file of the bearer token, made if it does not exist (default: SIGIL_MCP_TOKEN)",
  },
  dir: {
    value: "DIR",
    help: "write each delegated credential to a private file in this folder",
  },
  "allow-private": {
    help: "fetch from this machine and from private networks too; without it, from public addresses",
  },
  config: { value: "HOST", help: "print the configuration for claude, cursor or vscode, and exit" },
} as const satisfies Record<string, Flag>;

const PROXY_FLAGS = {
  allow: { value: "TOOL", repeatable: true, help: 'proxy: allow only these tools; "" allows none' },
  deny: { value: "TOOL", repeatable: true, help: "proxy: refuse these tools" },
  "max-calls": {
    value: "[TOOL=]N",
    repeatable: true,
    help: "proxy: allow N calls in total, or of one tool",
  },
  "max-calls-per-hour": {
    value: "[TOOL=]N",
    repeatable: true,
    help: "proxy: allow N calls within any hour",
  },
  audit: { value: "FILE", help: "proxy: append a JSON line for each call to a file" },
  service: {
    value: "NAME",
    help: "proxy: allow only the tools that the credential names as capabilities of this service",
  },
  "pass-credential": {
    help: "proxy: give COMMAND the variables SIGIL_*, which are withheld otherwise",
  },
  "check-revocation": {
    help: "proxy: ask the credential's treasury before a call, at most once a second; without an answer the call is refused",
  },
} as const satisfies Record<string, Flag>;

type McpFlag = keyof typeof CREDENTIAL_FLAGS | keyof typeof SERVER_FLAGS | keyof typeof PROXY_FLAGS;
type Given = Arguments<McpFlag>;

export const mcp = command<McpFlag>({
  name: "mcp",
  summary: "run an MCP server that fetches and pays, or guard another one",
  usage: "[--http PORT --token-file FILE] | --config HOST | proxy [FLAGS] -- COMMAND ARGS",
  help: `Gives an MCP host the tools fetch, budget, delegate and receipts, on stdio, or over HTTP behind a
bearer token. The tools use the credential of SIGIL_CREDENTIAL or --credential-file. Without one,
they pay from the wallet of SIGIL_WALLET within the limits of \`sigil get\`. fetch reaches public
addresses and the credential's own treasury.

\`sigil mcp proxy\` starts COMMAND, an MCP server on stdio, and forwards only the calls that the flags
allow. Without --allow, it allows every tool that --deny does not name. Every start counts calls
from zero. COMMAND does not get the variables SIGIL_*.`,
  flags: { ...SERVER_FLAGS, ...CREDENTIAL_FLAGS, ...PROXY_FLAGS },
  positionals: 1,
  rest: true,
  async run(given, terminal) {
    const [verb] = given.positionals;
    if (given.has("credential") && (verb !== undefined || !given.has("http")))
      throw new UsageError(
        "--credential - cannot read stdin, which carries MCP. Give --credential-file, or set SIGIL_CREDENTIAL.",
      );
    if (verb === "proxy") return startProxy(given, terminal);
    if (verb !== undefined)
      throw new UsageError("Unknown verb. Usage: sigil mcp, or sigil mcp proxy -- COMMAND.");
    if (given.rest !== undefined)
      throw new UsageError("Only the proxy takes a command after --: sigil mcp proxy -- COMMAND.");
    refuseFlags(given, Object.keys(PROXY_FLAGS) as McpFlag[], "sigil mcp proxy");
    return given.has("config") ? printConfig(given, terminal) : startServer(given, terminal);
  },
});

/** Refuses flags that this form of the command would ignore, such as a limit. */
function refuseFlags(given: Given, flags: readonly McpFlag[], owner: string): void {
  const stray = flags.find((flag) => given.has(flag));
  if (stray !== undefined) throw new UsageError(`--${stray} belongs to ${owner}.`);
}

async function startServer(given: Given, terminal: Terminal): Promise<number> {
  const port = readPort(given.text("http"));
  if (port === undefined && given.has("token-file"))
    throw new UsageError("--token-file belongs to --http PORT.");
  const text = await credentialText(given, terminal, { pipe: false });
  const dir = given.text("dir");
  const agents = await Agents.open({
    credentials: readCredentials(text ?? ""),
    wallet: terminal.env.SIGIL_WALLET,
    dir: dir === undefined ? undefined : makeFolder(dir).path,
    reach: given.has("allow-private") ? (input, init) => fetch(input, init) : guardedFetch(),
  });
  // Imported here, so that other commands do not load the MCP SDK.
  const { sigilServer } = await import("../mcp/server.ts");
  const { version } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  );
  const make = () => sigilServer(agents, version);
  if (port === undefined) {
    const { overStdio } = await import("../mcp/stdio.ts");
    await overStdio(make, terminal);
    await agents.close();
    return EXIT.ok;
  }
  const [{ overHttp }, { bearerToken }] = await Promise.all([
    import("../mcp/http.ts"),
    import("../mcp/token.ts"),
  ]);
  const stopped = terminal.untilStopped();
  const served = await overHttp(make, { port, token: bearerToken(given, terminal) });
  terminal.answer(`MCP over HTTP at ${served.url}\n`, { url: served.url });
  await stopped;
  await served.close();
  await agents.close();
  return EXIT.ok;
}

function printConfig(given: Given, terminal: Terminal): number {
  const host = HOSTS.find((one) => one === given.text("config"));
  if (host === undefined) throw new UsageError(`--config must be one of ${HOSTS.join(", ")}.`);
  const credentialFile = given.text("credential-file");
  // The path is printed, so make sure that it is not a credential typed by mistake.
  if (credentialFile !== undefined && !isFile(credentialFile))
    throw new UsageError("The file of --credential-file cannot be read.");
  const { SIGIL_CREDENTIAL, SIGIL_WALLET } = terminal.env;
  const config = hostConfig(host satisfies Host, {
    credentialFile,
    variable: !SIGIL_CREDENTIAL && SIGIL_WALLET ? "SIGIL_WALLET" : "SIGIL_CREDENTIAL",
    port: readPort(given.text("http")),
  });
  terminal.answer(`${JSON.stringify(config, null, 2)}\n`, config);
  terminal.note(`sigil: for ${whereItGoes(host)}`);
  return EXIT.ok;
}

function isFile(path: string): boolean {
  try {
    return lstatSync(path).isFile();
  } catch {
    return false;
  }
}

function readPort(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^(?:0|[1-9][0-9]{0,4})$/.test(text) || Number(text) > 65_535)
    throw new UsageError("--http must be a port from 0 to 65535.");
  return Number(text);
}

async function startProxy(given: Given, terminal: Terminal): Promise<number> {
  refuseFlags(given, Object.keys(SERVER_FLAGS) as McpFlag[], "sigil mcp");
  const [name, ...args] = given.rest ?? [];
  if (name === undefined)
    throw new UsageError("Missing COMMAND. Usage: sigil mcp proxy [FLAGS] -- COMMAND ARGS.");
  const held = await heldCredential(given, terminal);
  const limits = [
    ...readLimits(given.all("max-calls") ?? [], "max-calls"),
    ...readLimits(given.all("max-calls-per-hour") ?? [], "max-calls-per-hour"),
    ...(held === undefined ? [] : limitsOf(held.credential)),
  ];
  const audit = new Audit(given.text("audit"));
  try {
    const gate = new Gate({
      tools: new ToolList({
        allow: given.all("allow")?.filter((tool) => tool !== ""),
        deny: given.all("deny") ?? [],
        held,
      }),
      revocation:
        held !== undefined && given.has("check-revocation")
          ? new Revocation(held.credential)
          : undefined,
      counter: new CallCounter(limits),
      audit,
    });
    const env = given.has("pass-credential") ? terminal.env : withoutOwn(terminal.env);
    return await proxy({ command: name, args, env, gate }, terminal);
  } finally {
    audit.close();
  }
}

/** The environment for a server of somebody else's: without credentials, wallets and keys. */
const withoutOwn = (env: Terminal["env"]): Terminal["env"] =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !/^sigil_/i.test(name)));

async function heldCredential(given: Given, terminal: Terminal) {
  const service = given.text("service");
  if (service === undefined) {
    if (given.has("credential-file") || given.has("check-revocation"))
      throw new UsageError(
        "sigil mcp proxy uses a credential only with --service NAME; give both.",
      );
    return undefined;
  }
  const credential = oneCredential(await credentialText(given, terminal, { pipe: false }));
  if (!namesCapabilities(credential.chain, service))
    throw new UsageError(
      "The credential has no capabilities caveat for the service of --service, so it would allow every tool.",
    );
  return { credential, service };
}
