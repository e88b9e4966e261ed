/** The options of a script that people run: read strictly, with `--help`. */
import { type ParseArgsConfig, parseArgs } from "node:util";

/**
 * The values of the options. Ends the process for `--help`, which prints `usage`, and with 2 for an
 * option that there is not.
 *
 * @param usage the command with all its options, and below that what each one does
 */
export function optionsOf<const Options extends NonNullable<ParseArgsConfig["options"]>>(
  usage: string,
  options: Options,
): ReturnType<typeof parseArgs<{ readonly options: Options }>>["values"] {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    console.log(usage);
    process.exit();
  }
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
}
