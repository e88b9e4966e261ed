/** Values that several sections of the configuration have: texts with a form of their own. */
import { z } from "zod";

/** For what is not even text, such as a number without a unit. */
export const notText =
  (message: string) =>
  ({ input }: { readonly input?: unknown }): string | undefined =>
    input === undefined || input === null ? undefined : message;

/** An origin: `https://api.example`. */
export const origin = (what: string) =>
  z
    .string()
    .transform((text, context): string => {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      const isOrigin =
        url !== undefined &&
        /^https?:$/.test(url.protocol) &&
        url.pathname === "/" &&
        url.search === "" &&
        url.hash === "" &&
        url.username === "" &&
        url.password === "";
      if (isOrigin) return url.origin;
      context.addIssue({ code: "custom", message: `must be an http or https URL without a path` });
      return z.NEVER;
    })
    .meta({ description: what });

/** The path of a file or a folder; a relative one begins at the folder of the configuration. */
export const path = (what: string) =>
  z.string().min(1, "must be the path of a file").meta({ description: what });

export const duration = z
  .string()
  .regex(/^[1-9]\d{0,8}[smhd]$/, 'must be a number with s, m, h or d, such as "30d"');

export const capability = z
  .string()
  .regex(/^[a-z0-9_]+(?::[a-z0-9_]+)?$/, "must be a name such as audio, or customers:read");
