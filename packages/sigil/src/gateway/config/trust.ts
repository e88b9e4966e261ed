/** `trust`: issuers whose credentials of the public-key form are taken. */
import { IssuerDirectory } from "l8nt/biscuit";
import { z } from "zod";

export const trust = z
  .array(z.string())
  .superRefine((issuers, context) => {
    const wrong = issuers.flatMap((issuer, index) => (isPossible([issuer]) ? [] : [index]));
    for (const index of wrong)
      context.addIssue({
        code: "custom",
        path: [index],
        message:
          "must be the origin of an issuer, such as https://treasury.example, with http on loopback alone",
      });
    if (wrong.length === 0 && !isPossible(issuers))
      context.addIssue({
        code: "custom",
        message:
          "is too long: challenges list the issuers, so 16 at most are possible, with 1,024 characters in all",
      });
  })
  .meta({
    description:
      "Origins of issuers whose credentials of the public-key form are taken, beside the keys of the gateway itself: https://treasury.example. Their keys are fetched from there. By default none.",
  });

export const allowPrivateIssuers = z.boolean().default(false).meta({
  description:
    "Whether the names of trusted issuers may lead to private networks. One that is listed by its address, or as localhost, needs no permission.",
});

/** As the library decides it. */
function isPossible(issuers: readonly string[]): boolean {
  try {
    new IssuerDirectory({ issuers });
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}
