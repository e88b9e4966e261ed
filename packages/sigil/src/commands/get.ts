/** `sigil get`: sends one request, like curl, and pays if the service asks. */
import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { STATUS_CODES } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import {
  AdapterError,
  type AmountText,
  Client,
  DEFAULT_LIMITS,
  openWallet,
  PaymentError,
  type PaymentSummary,
} from "l8nt";
import { SCOPE_FLAGS as FLAGS_OF_SCOPE } from "l8nt/caveats";
import { formatAmount, onlyIn, readAmountOption } from "l8nt/invoice";
import { formatSum, paidInWords } from "../amounts.ts";
import type { Arguments } from "../arguments.ts";
import { command } from "../command.ts";
import { EXIT, exitCodeOf, UsageError } from "../exit.ts";
import {
  CREDENTIAL_FLAGS,
  credentialText,
  holderKeyIn,
  readBytes,
  readCredentials,
} from "../input.ts";
import { fromScope } from "../scope-flags.ts";
import { printable } from "../secrecy.ts";
import { readHttpUrl, unreachable } from "../service-url.ts";
import type { Terminal } from "../terminal.ts";

/** Limit of a body from stdin. It is kept in memory, because it is sent again after a payment. */
const MAX_BODY_BYTES = 1024 * 1024;

const FLAGS = {
  "max-price": {
    value: '"10 sat"',
    repeatable: true,
    help: "refuse a higher price before paying, and any price in another unit",
  },
  request: { value: "METHOD", short: "X", help: "the method (default: GET, or POST with -d)" },
  header: { value: '"name: value"', short: "H", repeatable: true, help: "add a header field" },
  data: { value: "BODY", short: "d", help: "the body; @FILE reads a file, @- reads stdin" },
  output: { value: "FILE", short: "o", help: "write the body to a file" },
  include: { short: "i", help: "print the status line and header fields before the body" },
  ...CREDENTIAL_FLAGS,
} as const;

type Given = Arguments<keyof typeof FLAGS>;

export const get = command({
  name: "get",
  summary: "request a URL like curl, and pay if the service asks",
  usage: 'URL [--max-price "10 sat"] [-X METHOD] [-H "name: value"] [-d BODY] [-o FILE] [-i]',
  help: `Prints the body on stdout, and each payment and its payee on stderr.

Pays with the credential of SIGIL_CREDENTIAL, or from the wallet of SIGIL_WALLET. A wallet pays
within these limits: ${limitsInWords()} (--max-price replaces the first). Every call starts to count
from zero, and what a wallet has bought is not kept: the next call pays again. A treasury keeps it:
the next call uses what was paid for and not answered. Two calls with the same
-H "Idempotency-Key: KEY" are one order, which is paid for once: the second one uses the payment of
the first, and says so (--json: paidEarlier).`,
  flags: FLAGS,
  positionals: 1,
  async run(given: Given, terminal) {
    const request = await readRequest(given, terminal);
    const told: Told = { paid: [], earlier: [] };
    const client = await clientOf(given, terminal, (payment) =>
      (payment.earlier === true ? told.earlier : told.paid).push(payment),
    );
    try {
      const response = await client.fetch(request);
      return await tell(response, given, terminal, told, keeps(client));
    } catch (caught) {
      const error = unreachable(caught, new URL(request.url));
      // Payments are reported even if the request failed afterwards.
      for (const line of linesOf(told)) terminal.note(line);
      if (told.paid.length > 0 && error instanceof AdapterError)
        terminal.note(`sigil: ${keeps(client)}.`);
      terminal.fail(error, linesOf(told).length > 0 ? documentOf(told) : {});
      return exitCodeOf(error);
    } finally {
      // A treasury that knows that the answer is here does not offer the purchase to the next call.
      await client.close();
    }
  },
});

/** Prints the response and the payments, and returns the exit code. */
async function tell(
  response: Response,
  given: Given,
  terminal: Terminal,
  told: Told,
  whatIsKept: string,
): Promise<number> {
  const { paid } = told;
  const failure =
    paid.length > 0 && response.status >= 500 ? undelivered(response, paid, whatIsKept) : undefined;
  const endsInLine = await show(response, given, terminal, {
    ...documentOf(told),
    ...(failure !== undefined && { error: { ...failure.toJSON(), name: undefined } }),
  });
  const notes = [...linesOf(told)];
  if (failure !== undefined) notes.push(`sigil: ${failure.message}`);
  else if (response.status >= 400) notes.push(`sigil: HTTP ${statusOf(response)}`);
  if (notes.length > 0 && !endsInLine && terminal.stdout.isTTY) terminal.stdout.write("\n");
  for (const note of notes) terminal.note(printable(note));
  if (failure !== undefined) return exitCodeOf(failure);
  return response.status < 400 ? EXIT.ok : EXIT.failed;
}

async function clientOf(
  given: Given,
  terminal: Terminal,
  onPayment: (payment: PaymentSummary) => void,
): Promise<Client> {
  const maxPrice = maxPriceOf(given);
  const holderKey = holderKeyIn(terminal);
  const text = await credentialText(given, terminal, { pipe: false });
  const credentials = readCredentials(text ?? "");
  if (credentials.length > 0) {
    if (maxPrice === undefined)
      return new Client({ credential: credentials, holderKey, onPayment });
    return new Client({
      credential: credentials.map((one) => one.attenuate({ maxPrice })),
      holderKey,
      onPayment,
    });
  }
  const { SIGIL_WALLET: url } = terminal.env;
  if (!url) return new Client({ credential: [], onPayment });
  const limits = maxPrice === undefined ? DEFAULT_LIMITS : { ...DEFAULT_LIMITS, maxPrice };
  const wallet = await openWallet(url);
  return fromScope(() => new Client({ wallet, limits, onPayment }));
}

/** A cap of "5 usd" must let no price in bitcoin pass uncapped, nor the reverse. */
function maxPriceOf(given: Given): readonly AmountText[] | undefined {
  const texts = given.all("max-price");
  if (texts === undefined) return undefined;
  const { read } = FLAGS_OF_SCOPE.find(({ key }) => key === "maxPrice")!;
  fromScope(() => read(texts, "--max-price", Date.now() / 1000));
  return onlyIn(...texts.map((text) => readAmountOption(text, "--max-price")));
}

async function readRequest(given: Given, terminal: Terminal): Promise<Request> {
  const [url] = given.positionals;
  if (url === undefined) throw new UsageError("Missing URL. Usage: sigil get URL.");
  const parsed = readHttpUrl(url);
  const data = given.text("data");
  const body = data === undefined ? undefined : await readData(data, given, terminal);
  const headers = new Headers();
  for (const field of given.all("header") ?? []) {
    const at = field.indexOf(":");
    try {
      headers.append(field.slice(0, at).trim(), field.slice(at + 1).trim());
    } catch {
      throw new UsageError('-H must be a header field of the form "name: value".');
    }
  }
  if (body !== undefined && !headers.has("content-type"))
    headers.set("content-type", "application/x-www-form-urlencoded");
  const method = (given.text("request") ?? (body === undefined ? "GET" : "POST")).toUpperCase();
  try {
    return new Request(parsed, { method, headers, ...(body !== undefined && { body }) });
  } catch {
    throw new UsageError("-X is not an HTTP method that can be requested with this body.");
  }
}

async function readData(
  data: string,
  given: Given,
  terminal: Terminal,
): Promise<Uint8Array<ArrayBuffer>> {
  if (!data.startsWith("@")) return new TextEncoder().encode(data);
  if (data === "@-") {
    if (given.has("credential"))
      throw new UsageError("--credential - and -d @- both read stdin; give only one of them.");
    return new Uint8Array(await readBytes(terminal.stdin, MAX_BODY_BYTES));
  }
  try {
    return new Uint8Array(await readFile(data.slice(1)));
  } catch {
    throw new UsageError("The file of -d cannot be read.");
  }
}

/** Prints the response. Returns whether stdout ends with a newline. */
async function show(
  response: Response,
  given: Given,
  terminal: Terminal,
  beside: object,
): Promise<boolean> {
  const file = given.text("output");
  const body =
    response.body === null ? Readable.from([]) : Readable.fromWeb(response.body as never);
  if (file !== undefined) await write(body, file);
  if (terminal.json) {
    const shown = file === undefined ? bodyDocument(await readAll(body)) : { output: file };
    terminal.answer("", {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      ...shown,
      ...beside,
    });
    return true;
  }
  if (given.has("include")) terminal.stdout.write(headOf(response));
  if (file !== undefined) return true;
  let last = NEWLINE;
  for await (const chunk of body) {
    last = chunk.at(-1) ?? last;
    if (!terminal.stdout.write(chunk))
      await new Promise((resolve) => terminal.stdout.once("drain", resolve));
  }
  return last === NEWLINE;
}

const NEWLINE = 10;

async function write(body: Readable, file: string): Promise<void> {
  try {
    await pipeline(body, createWriteStream(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === "open")
      throw new UsageError("The file of -o cannot be written.");
    throw error;
  }
}

async function readAll(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function bodyDocument(bytes: Buffer): object {
  try {
    return { body: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    return { bodyBase64: bytes.toString("base64") };
  }
}

function headOf(response: Response): string {
  const fields = [...response.headers].map(([name, value]) => `${name}: ${value}\n`).join("");
  return `HTTP/1.1 ${statusOf(response)}\n${fields}\n`;
}

/** "404 Not Found". A relayed response has no phrase, so the standard one is used. */
const statusOf = ({ status, statusText }: Response): string =>
  `${status} ${statusText || (STATUS_CODES[status] ?? "")}`.trimEnd();

/** What becomes of an unused purchase. A treasury in this process ends with it. */
const keeps = ({ treasury }: Client): string =>
  treasury === undefined
    ? "The treasury keeps the purchase: the same call again uses it before it pays"
    : "This command does not keep the purchase";

function undelivered(
  { status }: Response,
  paid: readonly PaymentSummary[],
  whatIsKept: string,
): PaymentError {
  const amount = formatSum(paid.map((payment) => payment.amount));
  return new PaymentError(
    "ERR_PAID_NOT_DELIVERED",
    "yes",
    `Paid ${amount}, but the service answered HTTP ${status} and delivered nothing. ${whatIsKept}.`,
  );
}

function limitsInWords(): string {
  const { maxPrice, budgetPerDay, budget } = DEFAULT_LIMITS;
  const [request, day, all] = [maxPrice!, budgetPerDay!, budget!].map((amount) =>
    formatAmount(readAmountOption(amount, "")),
  );
  return `${request} a request, ${day} a day, ${all} in total`;
}

/** The payments that this call made, and those of earlier calls that it used. */
interface Told {
  readonly paid: PaymentSummary[];
  readonly earlier: PaymentSummary[];
}

const linesOf = ({ paid, earlier }: Told): readonly string[] =>
  [...paid, ...earlier].map(paidInWords);

const documentOf = ({ paid, earlier }: Told): object => ({
  paid: paid.map(paidDocument),
  ...(earlier.length > 0 && { paidEarlier: earlier.map(paidDocument) }),
});

const paidDocument = ({ origin, paymentHash, amount, fee }: PaymentSummary): object => ({
  origin,
  paymentHash,
  amount,
  fee,
});
