/** Look-ups of keys in one directory that many requests of a Worker share. */
import { systemSleep } from "../../packages/l8nt/src/ports/clock.ts";
import { IssuerDirectory } from "../../packages/l8nt/src/public-key/directory.ts";

const NEVER_SECONDS = 1e6;

let directory: IssuerDirectory | undefined;
let asked: LookUp;
let isFirst = true;

export interface LookUp {
  readonly issuer: string;
  readonly keyId: number;
  readonly now: number;
  /** Whether no time of it is ever over; else what it waits for first is given up at once. */
  readonly isPatient: boolean;
}

/** `found`, or the code of what was missing. */
export async function lookUp(given: LookUp): Promise<string> {
  const { issuer, keyId } = given;
  asked = given;
  isFirst = true;
  directory ??= new IssuerDirectory({
    issuers: [issuer],
    clock: () => asked.now,
    sleep(seconds, signal) {
      const isOver = !asked.isPatient && isFirst;
      isFirst = false;
      return systemSleep(isOver ? 0 : asked.isPatient ? NEVER_SECONDS : seconds, signal);
    },
  });
  await directory.load(issuer, keyId);
  try {
    directory.find(issuer, keyId);
    return "found";
  } catch (error) {
    return (error as { code: string }).code;
  }
}
