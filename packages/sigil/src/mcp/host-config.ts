/**
 * What an MCP host's own file needs, so that it starts this server. Names a file or a variable,
 * never what is in it.
 */
import { resolve } from "node:path";

export const HOSTS = ["claude", "cursor", "vscode"] as const;
export type Host = (typeof HOSTS)[number];

export interface HostConfigOptions {
  /** A file with the credential. */
  readonly credentialFile: string | undefined;
  /** The variable that has it otherwise. */
  readonly variable: "SIGIL_CREDENTIAL" | "SIGIL_WALLET";
  /** The port of a server that is running. */
  readonly port: number | undefined;
}

interface HostForm {
  readonly key: "mcpServers" | "servers";
  /** How its file refers to an environment variable. */
  readonly variable: (name: string) => string;
  /** Whether an entry says its transport; where it need not, an unknown member may be refused. */
  readonly typed: boolean;
  readonly where: string;
}

const FORMS: Readonly<Record<Host, HostForm>> = {
  claude: {
    key: "mcpServers",
    variable: (name) => `\${${name}}`,
    typed: true,
    where:
      ".mcp.json of a project (Claude Code), or claude_desktop_config.json (Claude Desktop, which fills in no variables: give --credential-file)",
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
        // A host starts its servers in a folder of its own choice.
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
