/** The version of a configuration that serves new requests, and those that old ones still use. */

interface Version<Of> {
  readonly of: Of;
  requests: number;
  /** Called when the last request has ended, once there is another version. */
  ended?: () => void;
}

export class Versions<Of> {
  #version: Version<Of>;

  constructor(first: Of) {
    this.#version = { of: first, requests: 0 };
  }

  get current(): Of {
    return this.#version.of;
  }

  /** A request is served by one version from its beginning to its end. */
  async serve(request: (version: Of) => Promise<void>): Promise<void> {
    const version = this.#version;
    version.requests++;
    try {
      await request(version.of);
    } finally {
      version.requests--;
      if (version.requests === 0) version.ended?.();
    }
  }

  /** @returns a promise that resolves once no request of the version before is left */
  replace(next: Of): Promise<void> {
    const before = this.#version;
    this.#version = { of: next, requests: 0 };
    return new Promise((resolve) => {
      before.ended = resolve;
      if (before.requests === 0) resolve();
    });
  }
}
