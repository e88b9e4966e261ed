/**
 * The entry of an MCP host's configuration file that starts this server. It names a credential's
 * file or variable, and never holds the credential.
 */
import { resolve } from "node:path";

export const HOSTS = ["claude", "cursor", "vscode"] as const;
export type Host = (typeof HOSTS)[number];

export interface HostConfigOptions {
  /** File that holds the credential. */
  readonly credentialFile: string | undefined;
  /** Environment variable that holds it if there is no file. */
  readonly variable: "SIGIL_CREDENTIAL" | "SIGIL_WALLET";
  /** Port of a running HTTP server; undefined starts the server on stdio. */
  readonly port: number | undefined;
}

interface HostForm {
  readonly key: "mcpServers" | "servers";
  /** Writes a reference to an environment variable. */
  readonly variable: (name: string) => string;
  /** Whether an entry has `type`. Cursor needs none, and may refuse an unknown member. */
  readonly typed: boolean;
  /** The files that hold such entries. */
  readonly where: string;
}

const FORMS: Readonly<Record<Host, HostForm>> = {
  claude: {
    key: "mcpServers",
    variable: (name) => `\${${name}}`,
    typed: true,
    where:
      ".mcp.json of a project (Claude Code), or claude_desktop_config.json (Claude Desktop does not expand variables: give --credential-file)",
  },
  cursor: {
    key: "mcpServers",
    variable: (name) => `\${env:${name}}`,
    typed: false,
    where: ".cursor/mcp.json of a project, or ~/.cursor/mcp.json",
  },
  vscode: {
    key: "servers",
    variable: (name) => `\${env:${name}}`,
    typed: true,
    where: ".vscode/mcp.json of a project, or the user's mcp.json",
  },
};

export const whereItGoes = (host: Host): string => FORMS[host].where;

export function hostConfig(host: Host, options: HostConfigOptions): object {
  const { key, typed } = FORMS[host];
  const entry =
    options.port === undefined ? overStdio(host, options) : overHttp(host, options.port);
  const { type, ...rest } = entry;
  return { [key]: { sigil: typed ? { type, ...rest } : rest } };
}

function overStdio(host: Host, { credentialFile, variable }: HostConfigOptions) {
  return credentialFile === undefined
    ? {
        type: "stdio",
        command: "sigil",
        args: ["mcp"],
        env: { [variable]: FORMS[host].variable(variable) },
      }
    : {
        type: "stdio",
        command: "sigil",
        // Absolute: a host may start its servers in any folder.
        args: ["mcp", "--credential-file", resolve(credentialFile)],
      };
}

function overHttp(host: Host, port: number) {
  return {
    type: "http",
    url: `http://127.0.0.1:${port}/mcp`,
    headers: { Authorization: `Bearer ${FORMS[host].variable("SIGIL_MCP_TOKEN")}` },
  };
}
