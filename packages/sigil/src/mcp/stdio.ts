/** The MCP server on stdin and stdout, until the host closes them. */
import { Console } from "node:console";
import type { McpServer } from "@modelcontextprotocol/server";
import { StdioServerTransport, serveStdio } from "@modelcontextprotocol/server/stdio";
import { printable, withoutSecrets } from "../secrecy.ts";
import type { Terminal } from "../terminal.ts";

export async function overStdio(make: () => McpServer, terminal: Terminal): Promise<void> {
  const { stdin, stdout, stderr } = terminal;
  // Keeps libraries that use the console from printing to stdout, which carries the protocol.
  globalThis.console = new Console(stderr, stderr);
  await new Promise<void>((resolve) => {
    const handle = serveStdio(make, {
      transport: new EndingTransport(stdin, stdout, resolve),
      onerror: (error) => void stderr.write(`sigil: ${printable(withoutSecrets(error.message))}\n`),
    });
    terminal.onStop(() => void handle.close());
  });
}

/** Reports its end: the host closed stdin, a signal arrived, or a message was too long. */
class EndingTransport extends StdioServerTransport {
  readonly #ended: () => void;

  constructor(stdin: Terminal["stdin"], stdout: Terminal["stdout"], ended: () => void) {
    super(stdin, stdout);
    this.#ended = ended;
  }

  override async close(): Promise<void> {
    await super.close();
    this.#ended();
  }
}
