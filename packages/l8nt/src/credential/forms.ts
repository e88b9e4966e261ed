/**
 * The forms of credentials beside the macaroon. A page that holds macaroons alone does not load the
 * others: `l8nt/biscuit` adds its form when it is imported, and `l8nt` does so outside of browsers.
 */
import type { Binary } from "../internal/bytes.ts";
import type { Body } from "./body.ts";
import type { TextParts } from "./text.ts";

/**
 * Undefined for a text of another form.
 *
 * @throws TokenError for one of this form that cannot be read
 */
export type FormReader = (parts: TextParts) => Body | undefined;

/** What is loaded of them. */
export const forms: { publicKey?: FormReader } = {};

/** By the first byte of the token: the tags of the first fields of a Biscuit. */
export const isPublicKeyForm = (token: Binary): boolean => "\b\x12".includes(token[0]!);
