/**
 * Checks the keys of the dev network: the full and the invoice-only key of each account, and the
 * control key of the network.
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
   * Keys are random even on a seeded network, because a network that was restarted does not know
   * the earlier payments. [case 59]
   */
  open(account: string): AccountKeys {
    const keys = Object.freeze({ full: newKey(), invoiceOnly: newKey() });
    this.#accounts.set(account, keys);
    return keys;
  }

  keys(account: string): AccountKeys | undefined {
    return this.#accounts.get(account);
  }

  /** Returns the right of a key to an account. @throws WireRefusal (401) for any other key */
  right(account: string, key: string | undefined): keyof AccountKeys {
    const keys = this.#accounts.get(account);
    if (keys !== undefined && matches(keys.full, key)) return "full";
    if (keys !== undefined && matches(keys.invoiceOnly, key)) return "invoiceOnly";
    throw new WireRefusal(401, "unknown account, or a key that is not of this account");
  }

  /** @throws WireRefusal (401, 403) */
  requireFull(account: string, key: string | undefined): void {
    if (this.right(account, key) !== "full")
      throw new WireRefusal(403, "this key can only make invoices");
  }

  /** @throws WireRefusal (401) */
  requireControl(key: string | undefined): void {
    if (!matches(this.controlKey, key))
      throw new WireRefusal(401, "the key is not the control key");
  }
}

function newKey(): string {
  return hexText(randomBytes(16));
}

function matches(expected: string, key: string | undefined): boolean {
  return key !== undefined && equalBytes(utf8(expected), utf8(key));
}
