/**
 * Who may do what on the dev network: an account's full key, its invoice-only key, and the key of
 * the network itself.
 */

import { hexText, utf8 } from "../internal/bytes.ts";
import { equalBytes, randomBytes } from "../internal/crypto.ts";
import { WireRefusal } from "./dev-network-wire.ts";

export interface AccountKeys {
  readonly full: string;
  readonly invoiceOnly: string;
}

export class Access {
  readonly controlKey = newKey();
  readonly #accounts = new Map<string, AccountKeys>();

  /**
   * Always random, also on a seeded network: a network that was started again is not the one that
   * knows the payments. [case 59]
   */
  open(account: string): AccountKeys {
    const keys = Object.freeze({ full: newKey(), invoiceOnly: newKey() });
    this.#accounts.set(account, keys);
    return keys;
  }

  keys(account: string): AccountKeys | undefined {
    return this.#accounts.get(account);
  }

  /**
   * What this key may do with this account. @throws WireRefusal (401) where it is none of its keys
   */
  right(account: string, key: string | undefined): keyof AccountKeys {
    const keys = this.#accounts.get(account);
    if (keys !== undefined && matches(keys.full, key)) return "full";
    if (keys !== undefined && matches(keys.invoiceOnly, key)) return "invoiceOnly";
    throw new WireRefusal(401, "no such account, or not its key");
  }

  /** @throws WireRefusal (401, 403) */
  requireFull(account: string, key: string | undefined): void {
    if (this.right(account, key) !== "full")
      throw new WireRefusal(403, "this key makes invoices and can do nothing else");
  }

  /** @throws WireRefusal (401) */
  requireControl(key: string | undefined): void {
    if (!matches(this.controlKey, key)) throw new WireRefusal(401, "not the key of this network");
  }
}

function newKey(): string {
  return hexText(randomBytes(16));
}

function matches(expected: string, key: string | undefined): boolean {
  return key !== undefined && equalBytes(utf8(expected), utf8(key));
}
