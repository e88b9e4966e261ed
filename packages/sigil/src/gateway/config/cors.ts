/** `services.NAME.cors`: pages in browsers that may use the service. */
import { z } from "zod";
import type { CorsRule } from "../cors.ts";
import { duration } from "./texts.ts";

const ANY = "*";
/** Of a page, or of an app that is one: `app://obsidian.md`. */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@*,]+$/;

const pageOrigin = z
  .string()
  .refine((text) => text === ANY || isOrigin(text), {
    error:
      'must be an origin as browsers write it, such as "https://app.example" or "http://localhost:3000": without a path, in lower case, and without the usual port. Or "*" for every page',
  })
  .meta({ description: 'Such as "https://app.example"; "*" is every page.' });

function isOrigin(text: string): boolean {
  if (!ORIGIN.test(text) || !URL.canParse(text)) return false;
  return !/^https?:/.test(text) || new URL(text).origin === text;
}

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;
const secondsOf = (text: string): number =>
  Number(text.slice(0, -1)) * SECONDS[text.slice(-1) as keyof typeof SECONDS];

export const cors = z
  .strictObject({
    origins: z
      .array(pageOrigin)
      .min(1, "needs at least one origin. Without the section no page of another origin is served")
      .meta({
        description: "Origins whose pages may send requests and read the answers.",
      }),
    maxAge: duration.default("10m").meta({
      description: "How long a browser may keep what it was allowed: 10m by default.",
    }),
  })
  .transform(
    ({ origins, maxAge }): CorsRule => ({
      origins: new Set(origins),
      maxAgeSeconds: secondsOf(maxAge),
    }),
  )
  .meta({
    description:
      "Pages of other origins that may use the service from a browser, with keys of their own and without cookies. By default none.",
  });
