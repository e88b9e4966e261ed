/**
 * A request whose fields go out as they are given: a name with several values is several lines,
 * which `fetch` would join.
 */
import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import type { Fields } from "./peer.ts";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export async function ask(url: string, headers: Fields): Promise<Answer> {
  const asked = request(url, { headers: headers as Record<string, string[]> }).end();
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    asked.on("response", resolve).on("error", reject),
  );
  return { status: response.statusCode!, body: await text(response) };
}
