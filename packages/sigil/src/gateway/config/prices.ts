/** `prices`: what models cost. */
import { z } from "zod";
import { path } from "./texts.ts";

export const prices = z.strictObject({
  file: path("Your own prices, which go before those of the program.").optional(),
  margin: z
    .string('must be text in quotes, such as "1.1"')
    .optional()
    .meta({ description: 'A factor on every price, from "1" to "10".' }),
});

export type Prices = z.output<typeof prices>;
