/** Alerts as a configuration has them: their webhook, and where they wait for it. */
import { join } from "node:path";
import type { Store } from "l8nt/ports";
import { guardedFetch } from "l8nt/treasury";
import { UsageError } from "../../exit.ts";
import type { AlertsConfig } from "../config/alerts.ts";
import type { Service } from "../service.ts";
import { readSecret } from "../vault/reference.ts";
import { reveal, type Secret } from "../vault/secret.ts";
import { Alerts } from "./alerts.ts";
import { Delivery } from "./delivery.ts";
import { AlertFeed } from "./feed.ts";
import { FileOutbox, noOutbox } from "./outbox.ts";
import { keyOf, Webhook } from "./webhook.ts";

export interface AlertsContext {
  readonly store: Store;
  readonly services: () => readonly Pick<Service, "paywall">[];
  /** The folder of the gateway. */
  readonly dir: string;
  /** Signs what the webhook is sent, as {@link readWebhookSecret} has it. */
  readonly webhookSecret: Secret | undefined;
  readonly clock: () => number;
  readonly alarm: (what: string, cause?: unknown) => void;
}

/** @throws UsageError for a secret that cannot be read, or is none of a webhook */
export async function readWebhookSecret(
  { webhook }: AlertsConfig,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Secret | undefined> {
  if (webhook === undefined) return undefined;
  const what = "alerts.webhook.secret";
  const secret = await readSecret(webhook.secret, { what, env });
  if (keyOf(reveal(secret)) !== undefined) return secret;
  throw new UsageError(
    `${what} must lead to whsec_ and the base64 of 24 to 64 random bytes, as Standard Webhooks has it. Make one with: echo "whsec_$(openssl rand -base64 32)".`,
  );
}

export async function openAlerts(
  { thresholds, webhook }: AlertsConfig,
  { store, services, dir, webhookSecret: secret, clock, alarm }: AlertsContext,
): Promise<{ readonly alerts: Alerts; readonly feed: AlertFeed }> {
  const feed = new AlertFeed();
  const outbox = webhook === undefined ? noOutbox : new FileOutbox(join(dir, "alerts"));
  let delivery: Delivery | undefined;
  if (webhook !== undefined && secret !== undefined) {
    const { url, allowPrivate } = webhook;
    const fetcher = allowPrivate ? fetch : guardedFetch();
    delivery = new Delivery({
      webhook: new Webhook({ url, secret, fetch: fetcher, clock }),
      outbox,
      alarm,
    });
  }
  const alerts = new Alerts({
    ...{ thresholds, outbox, delivery, feed, clock, alarm },
    ledger: store,
    journal: store,
    paywall: () => services()[0]!.paywall,
  });
  await alerts.start();
  return { alerts, feed };
}
