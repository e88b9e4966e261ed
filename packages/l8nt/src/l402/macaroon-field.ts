/**
 * The `Macaroon` and `Grpc-Metadata-Macaroon` header fields: the hex of a macaroon with its
 * preimage in a caveat. spec/3-challenge.md §4.
 */
import { caveatOf, preimage, valueIn } from "../caveat/index.ts";
import { TokenError } from "../errors.ts";
import { type Binary, binaryOf, hexBytes, hexText, utf8OfBinary } from "../internal/bytes.ts";
import { Macaroon } from "../macaroon/index.ts";
import { MAX_PACKET_BYTES, readPacket } from "../macaroon/packet.ts";
import { ambiguous, MAX_FIELD_CHARACTERS } from "./authorization.ts";
import { type Credential, macaroonBodyOf, macaroonOf } from "./credential.ts";
import { MacaroonBody, partsOf } from "./macaroon-body.ts";

const BLANK = /^[ \t]*$/;

/**
 * The text of the credential in the two fields; undefined if they are missing or blank. Several
 * lines, joined by commas, count as one if they carry the same macaroon. [case 8]
 *
 * @throws TokenError `ERR_TOKEN_AMBIGUOUS` for two different ones, `ERR_TOKEN_MALFORMED` (also for
 * a macaroon without a `preimage` caveat), `ERR_TOKEN_TOO_LARGE`, `ERR_TOKEN_THIRD_PARTY`
 */
export function readMacaroonField(field: string | null | undefined): string | undefined {
  if (field === null || field === undefined || BLANK.test(field)) return undefined;
  if (field.length > MAX_FIELD_CHARACTERS)
    throw new TokenError("ERR_TOKEN_TOO_LARGE", "The Macaroon field is too long.");
  const [first, ...others] = field.split(",").map(withoutBlanks);
  // Only the case of hex digits may differ.
  if (others.some((other) => other.toLowerCase() !== first!.toLowerCase())) throw ambiguous();
  if (first!.length > 2 * MAX_PACKET_BYTES)
    throw new TokenError(
      "ERR_TOKEN_TOO_LARGE",
      `A macaroon has at most ${MAX_PACKET_BYTES} bytes.`,
    );
  const packet = hexBytes(first!);
  if (packet === undefined || packet.length === 0)
    throw new TokenError("ERR_TOKEN_MALFORMED", "The Macaroon field is not hex.");
  const macaroon = readPacket(binaryOf(packet));
  const proof = preimageIn(macaroon.caveats);
  if (proof === undefined)
    throw new TokenError(
      "ERR_TOKEN_MALFORMED",
      "The macaroon has no preimage caveat. Send `Authorization: L402 base64(macaroon):hex(preimage)`, or append one.",
    );
  return new MacaroonBody(partsOf(macaroon, proof)).toText();
}

/** A regular expression would take quadratic time for blanks inside the element. */
function withoutBlanks(element: string): string {
  const isBlank = (at: number) => element[at] === " " || element[at] === "\t";
  let [start, end] = [0, element.length];
  while (start < end && isBlank(start)) start++;
  while (end > start && isBlank(end - 1)) end--;
  return element.slice(start, end);
}

/**
 * Reads the first such caveat, because any holder can append another. Later ones are judged like
 * any caveat.
 */
function preimageIn(caveats: readonly Binary[]): string | undefined {
  for (const caveat of caveats) {
    const text = utf8OfBinary(caveat);
    const value = text === undefined ? undefined : valueIn(preimage, text);
    if (value !== undefined) return value;
  }
  return undefined;
}

/**
 * The value that presents a credential to a service behind gRPC, as Lightning Labs' clients send
 * it: with a caveat that holds the preimage.
 *
 * @throws TokenError `ERR_TOKEN_TOO_LARGE` if the caveat does not fit
 */
export function formatMacaroonField(credential: Credential): string {
  const { caveats, preimage: proof } = macaroonBodyOf(credential);
  const isCarried = preimageIn(caveats)?.toLowerCase() === proof;
  const sent = isCarried ? credential : credential.append([caveatOf(preimage, proof)]);
  return hexText(Macaroon.encode(macaroonOf(sent)));
}
