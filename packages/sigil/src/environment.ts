/** The environment variables that the program and the library read. */

/** What each variable holds, in the order of the reference page. */
export const ENVIRONMENT = {
  SIGIL_CREDENTIAL:
    "the credential of an agent. Read by `Client`, `sigil get`, `sigil delegate` and others",
  SIGIL_HOLDER_KEY:
    "the key that an agent's credentials are bound to, 64 hex digits; `sigil keys holder` makes it. Read by `Client`",
  SIGIL_WALLET:
    "the URL of a wallet. A treasury and a service use it; a client without a credential pays from it",
  SIGIL_SECRET:
    "the secret of an authority, 64 hex digits or more, for `sigil mint` and `sigil verify`",
  SIGIL_OWNER_CREDENTIAL:
    "the owner's credential of a treasury, for `sigil tree`, `sigil revoke` and the owner's other commands",
  SIGIL_TREASURY_KEY: "the key of a treasury, 64 hex digits, if it is not a file",
  SIGIL_STORE: "a Postgres URL, if the books of a treasury are in Postgres",
  SIGIL_MCP_TOKEN: "the token that clients of `sigil mcp --http` present",
} as const satisfies Readonly<Record<`SIGIL_${string}`, string>>;
