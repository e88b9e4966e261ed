/** `docs/reference/cli.md`, from the help of every command. */
import { helpOf } from "../../packages/sigil/src/command.ts";
import { COMMANDS, HELP } from "../../packages/sigil/src/commands/index.ts";
import { code, fence, page } from "./markdown.ts";

export const cli = (): string =>
  page(
    "Command line",
    "What `sigil --help` and `sigil COMMAND --help` print. In a checkout of the repository, `npm run -s sigil -- COMMAND` runs the program.",
    fence("text", HELP),
    ...COMMANDS.flatMap((command) => [
      `## ${code(`sigil ${command.name}`)}`,
      fence("text", helpOf(command).replace(/\nExit codes: sigil --help\n$/, "")),
    ]),
  );
