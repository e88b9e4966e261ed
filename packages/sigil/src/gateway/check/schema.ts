/** The JSON Schema of a configuration, for editors. */
import { z } from "zod";
import { config } from "../config/config.ts";

export const schemaText = (): string =>
  `${JSON.stringify(
    {
      title: "Configuration of sigil gateway",
      ...z.toJSONSchema(config, { io: "input", target: "draft-7", unrepresentable: "any" }),
    },
    null,
    2,
  )}\n`;
