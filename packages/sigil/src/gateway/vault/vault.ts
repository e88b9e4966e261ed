/** The keys that a gateway holds, by the name of their vendor, in versions that overlap. */
import { readSecret, type SecretOptions } from "./reference.ts";
import type { Secret } from "./secret.ts";

/** Where each key is: references as {@link readSecret} takes them, by name. */
export type References = Readonly<Record<string, string>>;

/** A key in use by one request. */
export interface Lease {
  readonly secret: Secret;
  /** Call it when the request has ended. A second call does nothing. */
  end(): void;
}

/** How many requests use one version of a key. */
export interface VersionInUse {
  /** 1 for the first that was read, then 2. */
  readonly version: number;
  readonly requests: number;
}

class Version {
  readonly secret: Secret;
  readonly number: number;
  requests = 0;

  constructor(secret: Secret, number: number) {
    this.secret = secret;
    this.number = number;
  }
}

const isInUse = ({ requests }: Version): boolean => requests > 0;

export class Vault {
  readonly #options: SecretOptions;
  /** Versions of each key, the newest last. Older ones stay while requests use them. */
  #versions: ReadonlyMap<string, readonly Version[]> = new Map();
  /** The names of the last load: a key that is no longer named serves no new request. */
  #names: ReadonlySet<string> = new Set();
  #loaded = 0;
  #loading: Promise<void> = Promise.resolve();

  private constructor(options: SecretOptions) {
    this.#options = options;
  }

  /** Reads every key. @throws UsageError that names the key which cannot be read */
  static async open(references: References, options: SecretOptions = {}): Promise<Vault> {
    const vault = new Vault(options);
    await vault.reload(references);
    return vault;
  }

  /**
   * Reads every key again, and serves new requests with it. Requests under way keep the version
   * that they have. If one key cannot be read, all stay as they were.
   *
   * @throws UsageError that names the key which cannot be read
   */
  reload(references: References): Promise<void> {
    // In turn: a slow `cmd:` of an earlier call must not win over a later one.
    this.#loading = this.#loading.catch(() => {}).then(() => this.#load(references));
    return this.#loading;
  }

  async #load(references: References): Promise<void> {
    const read = await Promise.all(
      Object.entries(references).map(
        async ([name, reference]) =>
          [name, await readSecret(reference, { ...this.#options, what: name })] as const,
      ),
    );
    this.#loaded++;
    const versions = new Map<string, readonly Version[]>();
    for (const [name, all] of this.#versions) versions.set(name, all.filter(isInUse));
    for (const [name, secret] of read)
      versions.set(name, [...(versions.get(name) ?? []), new Version(secret, this.#loaded)]);
    this.#versions = versions;
    this.#names = new Set(read.map(([name]) => name));
  }

  /** The newest version of a key, for one request. Undefined if no key has that name. */
  lease(name: string): Lease | undefined {
    const version = this.#names.has(name) ? this.#versions.get(name)?.at(-1) : undefined;
    if (version === undefined) return undefined;
    version.requests++;
    let isEnded = false;
    return {
      secret: version.secret,
      end: () => {
        if (isEnded) return;
        isEnded = true;
        version.requests--;
      },
    };
  }

  /**
   * The versions of a key that requests use now, the newest last. Once an old one is not among
   * them, it can be revoked at the vendor.
   */
  inUse(name: string): readonly VersionInUse[] {
    return (this.#versions.get(name) ?? [])
      .filter(isInUse)
      .map(({ number, requests }) => ({ version: number, requests }));
  }
}
