/**
 * A message of an HTTP API: its path, and what goes in and comes out. Each message is declared once
 * and used by the server, the client and the OpenAPI document.
 */
import { AdapterError } from "../errors.ts";
import { parseJson, type Reading, readBody, readJson, readJsonText } from "../http/body.ts";
import { hasFewParts, repeatedName } from "../http/json-text.ts";
import { type Codec, Place, readLeniently, readStrictly, type Schema } from "./codec.ts";

/** Whose credential a message takes. */
export type Audience = "none" | "agent" | "owner";

export interface Message<Path = unknown, Query = unknown, Body = unknown, Answer = unknown> {
  /** What the message is, in an error's text: "purchase". */
  readonly name: string;
  readonly method: "GET" | "POST";
  /** `{name}` stands for one segment. */
  readonly path: string;
  readonly summary: string;
  readonly audience: Audience;
  readonly parameters?: Codec<Path>;
  readonly query?: Codec<Query>;
  readonly body?: Codec<Body>;
  /** The body of an answer with status 200; undefined if it is not JSON. */
  readonly answer?: Codec<Answer>;
  /** Of an answer that is not JSON. */
  readonly contentType?: string;
  readonly maxBodyBytes?: number;
}

/** A message of any types, for tables of them. */
// biome-ignore lint/suspicious/noExplicitAny: a table of messages of any types
export type AnyMessage = Message<any, any, any, any>;

/** Declares a message; what it leaves out is undefined. */
export const message = <Path = undefined, Query = undefined, Body = undefined, Answer = undefined>(
  declared: Message<Path, Query, Body, Answer>,
): Message<Path, Query, Body, Answer> => declared;

/** What a request says. */
export interface Asked<Path, Query, Body> {
  readonly parameters: Path;
  readonly query: Query;
  readonly body: Body;
}

/** What a caller gives of it: a message without a body takes none. */
export type Given<Path, Query, Body> = Presence<"parameters", Path> &
  Presence<"query", Query> &
  Presence<"body", Body>;
type Presence<Name extends string, T> = [T] extends [undefined]
  ? { readonly [N in Name]?: undefined }
  : { readonly [N in Name]: T };

const MAX_BODY_BYTES = 65_536;
/** Members and elements of a body. More of them would take the parser long. */
const MAX_PARTS = 10_000;
/** An unfinished body holds a connection and memory. */
const BODY_SECONDS = 20;

/**
 * @param arrived as of `readBody`
 * @throws AdapterError `ERR_REQUEST` that names the field, `ERR_TOO_LARGE`
 */
export async function readAsked<Path, Query, Body>(
  { name, parameters, query, body, maxBodyBytes = MAX_BODY_BYTES }: Message<Path, Query, Body>,
  request: Request,
  segments: Readonly<Record<string, string>>,
  arrived: Reading["arrived"] = () => {},
): Promise<Asked<Path, Query, Body>> {
  const { searchParams } = new URL(request.url);
  return {
    parameters: parameters && readStrictly(parameters, segments, `path of ${name}`),
    query: query && readStrictly(query, queryOf(searchParams, query), `query of ${name}`),
    body: body && (await readOnce(body, request, maxBodyBytes, name, arrived)),
  } as Asked<Path, Query, Body>;
}

/**
 * The bytes of a request's body, as they were sent.
 *
 * @param arrived as of `readBody`
 * @throws AdapterError `ERR_TOO_LARGE`; `ERR_REQUEST` for a body that takes too long
 */
export const readBytes = (
  { maxBodyBytes = MAX_BODY_BYTES }: AnyMessage,
  request: Request,
  arrived: Reading["arrived"] = () => {},
): Promise<Uint8Array<ArrayBuffer>> =>
  readBody(request, maxBodyBytes, { arrived, seconds: BODY_SECONDS });

async function readOnce<Body>(
  body: Codec<Body>,
  request: Request,
  maxBytes: number,
  name: string,
  arrived: (bytes: number) => void,
): Promise<Body> {
  const text = await readJsonText(request, maxBytes, { arrived, seconds: BODY_SECONDS });
  if (!hasFewParts(text, MAX_PARTS))
    throw new AdapterError("ERR_TOO_LARGE", `The ${name} has more than ${MAX_PARTS} members.`);
  const read = readStrictly(body, parseJson(text), name);
  const repeated = repeatedName(text);
  if (repeated !== undefined) throw new Place(name, true).at(repeated).twice();
  return read;
}

/**
 * Checks what a caller gives of a message as the server reads it, for an end without HTTP.
 *
 * @throws AdapterError `ERR_REQUEST` that names the field
 */
export function checkGiven<Path, Query, Body>(
  { name, parameters, query, body }: Message<Path, Query, Body>,
  given: { readonly parameters?: object; readonly query?: object; readonly body?: object },
): void {
  if (parameters !== undefined) readStrictly(parameters, given.parameters, `path of ${name}`);
  if (query !== undefined) readStrictly(query, given.query, `query of ${name}`);
  if (body !== undefined) readStrictly(body, given.body, name);
}

/**
 * The query as JSON: a parameter whose schema is a whole number becomes one. A parameter that is
 * given twice becomes a list, which no schema of a query takes.
 */
export function queryOf(query: URLSearchParams, { schema }: Codec<unknown>): object {
  const properties = schema.properties as Readonly<Record<string, Schema>>;
  const given = new Map<string, string[]>();
  for (const [name, value] of query) {
    const all = given.get(name);
    if (all === undefined) given.set(name, [value]);
    else all.push(value);
  }
  return Object.fromEntries(
    [...given].map(([name, all]) => {
      const [value = ""] = all;
      const isNumber = Object.hasOwn(properties, name) && properties[name]!.type === "integer";
      return [name, all.length > 1 ? all : isNumber ? wholeNumber(value) : value];
    }),
  );
}

const wholeNumber = (digits: string): number =>
  /^(?:0|[1-9][0-9]{0,15})$/.test(digits) ? Number(digits) : Number.NaN;

/** The fields of every answer that is JSON. */
export const ANSWER_FIELDS = {
  "content-type": "application/json",
  "cache-control": "no-store",
} as const;

/** The answer of a message, with status 200. */
export function writeAnswer<Answer>(
  { answer }: { readonly answer?: Codec<Answer> },
  value: Answer,
): Response {
  return jsonAnswer(JSON.stringify(answer?.write(value)));
}

/** An answer whose JSON is at hand. */
export const jsonAnswer = (json: string): Response =>
  new Response(json, { headers: ANSWER_FIELDS });

/**
 * The request of a message.
 *
 * @param base the URL that the message's path follows, without a slash at its end
 * @param credential the value of `Authorization`, without its scheme; empty for none
 */
export function writeRequest<Path, Query, Body>(
  { method, path, parameters, query, body }: Message<Path, Query, Body>,
  base: string,
  credential: string,
  given: Given<Path, Query, Body>,
): readonly [url: string, init: RequestInit] {
  const segments = (parameters?.write(given.parameters as Path) ?? {}) as Record<string, string>;
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(segments[name]!),
  );
  const asked = new URLSearchParams(
    Object.entries((query?.write(given.query as Query) ?? {}) as object).map(([name, value]) => [
      name,
      String(value),
    ]),
  );
  return [
    `${base}${filled}${asked.size > 0 ? `?${asked}` : ""}`,
    {
      method,
      headers: {
        ...(credential !== "" && { authorization: `L402 ${credential}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      redirect: "manual",
      ...(body !== undefined && { body: JSON.stringify(body.write(given.body as Body)) }),
    },
  ];
}

/** The body of an answer with status 200. @throws AdapterError for one that is not as declared */
export async function readAnswer<Answer>(
  { name, answer }: Pick<Message<unknown, unknown, unknown, Answer>, "name" | "answer">,
  response: Response,
  maxBytes: number,
): Promise<Answer> {
  if (answer === undefined)
    throw new AdapterError("ERR_REQUEST", `The answer to ${name} is not JSON.`);
  return readLeniently(answer, await readJson(response, maxBytes), `answer to ${name}`);
}
