/** Runs PyPI's clients of L402, with a wallet as each of them wants one, and PyPI's harness. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Invoice } from "l8nt/invoice";
import { onTestFinished } from "vitest";
import { site } from "../../../packages/l8nt/src/testing/fixtures/town.ts";

const run = promisify(execFile);
const TIMEOUT_MS = 60_000;

export const CLIENTS = ["l402-requests", "l402sdk"] as const;

/** Pays an invoice. Resolves with the preimage. */
export type Pay = (invoice: string) => Promise<string>;

export interface Asked {
  readonly url: string;
  /** Posted as JSON; undefined for a GET. */
  readonly body?: object;
}

/** What those clients ask of lnd's REST API, and a wallet that answers with the preimage alone. */
async function walletOf(pay: Pay): Promise<string> {
  const { url } = await site(async ({ target, body }, response) => {
    if (target === "/pay") return response.end(await pay(body));
    const { payment_request: invoice } = JSON.parse(body) as { payment_request: string };
    const result = {
      status: "SUCCEEDED",
      payment_preimage: await pay(invoice),
      payment_hash: Invoice.decode(invoice).paymentHash,
      value_sat: "21",
      fee_sat: "0",
    };
    response.end(`${JSON.stringify({ result })}\n`);
  });
  return url;
}

/** What one client got for these requests, one after the other. */
export async function fetchedBy(
  interpreter: string,
  client: string,
  pay: Pay,
  asked: readonly Asked[],
): Promise<readonly (readonly [status: number, body: string])[]> {
  const program = [join(import.meta.dirname, "clients.py"), client, await walletOf(pay)];
  const { stdout } = await run(
    interpreter,
    [...program, ...asked.map((one) => JSON.stringify(one))],
    { timeout: TIMEOUT_MS },
  );
  return JSON.parse(stdout);
}

export interface Judged {
  readonly test_id: string;
  readonly passed: boolean;
  readonly not_evaluated: boolean;
  readonly details: string;
}

/**
 * What the harness's attacks on L402 came to at a URL.
 *
 * @param categories of attacks; all of them if there is none
 */
export async function harnessed(
  interpreter: string,
  url: string,
  categories: readonly string[] = [],
): Promise<readonly Judged[]> {
  const folder = mkdtempSync(join(tmpdir(), "sigil-harness-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const report = join(folder, "report.json");
  const program = ["-m", "protocol_tests.l402_harness", "--url", url, "--report", report];
  if (categories.length > 0) program.push("--categories", categories.join());
  // It ends with 1 if anything failed.
  await run(interpreter, program, { timeout: TIMEOUT_MS }).catch(() => {});
  return (JSON.parse(readFileSync(report, "utf8")) as { results: Judged[] }).results;
}
