/** MCP clients that pay in band, in both majors of the SDK, with honest and hostile servers. */
import { join } from "node:path";
import { inspect } from "node:util";
import { Credential } from "l8nt";
import { Challenge } from "l8nt/l402";
import { type PayOptions, paidTool, pay } from "l8nt/mcp";
import { Paywall, type Terms } from "l8nt/service";
import { devWallet } from "l8nt/wallets/dev";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import {
  challenger,
  failure,
  forgeInvoice,
  gate,
  secretOf,
  type Town,
  town,
} from "../../packages/l8nt/src/testing/fixtures/town.ts";
import {
  type Caller,
  type CallOf,
  CHALLENGE,
  CREDENTIAL,
  type Equip,
  majors,
  PROBLEM,
  type ToolAnswer,
} from "./support/mcp.ts";

const LOCATION = "https://weather.example";
const FORECAST: CallOf = { name: "forecast", arguments: { city: "Tokyo" } };
const LIMITS = {
  endpoints: [`POST ${LOCATION}/mcp/tools/*`],
  budget: "1000 sat",
  expiresIn: "1h",
} as const;
const textOf = (answer: ToolAnswer): string => answer.content.map(({ text }) => text).join("");

const wallet = (here: Town) => devWallet(here.network.account("treasury").url);

/** The options of a client that pays from the town's own wallet. */
const paying = (here: Town, more: Partial<PayOptions> = {}): PayOptions => ({
  location: LOCATION,
  wallet: wallet(here),
  limits: LIMITS,
  clock: here.clock,
  ...more,
});

describe.each(majors)("a client of $name", (major) => {
  /** A server that sells `forecast`, and tells what it was sent. */
  async function shop(here: Town, terms: Pick<Terms, "grants"> = {}, location = LOCATION) {
    const node = devWallet(here.network.account("shop").invoiceOnlyUrl);
    const createInvoice = vi.fn(node.createInvoice.bind(node));
    const paywall = new Paywall({
      secret: secretOf("the MCP shop"),
      location,
      invoicer: { createInvoice },
      clock: here.clock,
      challengesPerMinute: { perClient: 10_000 },
    });
    const handled = vi.fn();
    const caller = await major.inMemory((server) => {
      for (const name of ["forecast", "history"])
        paidTool(
          server,
          name,
          { paywall, price: "10 sat", ...terms },
          async (args, context, grant) => {
            await handled(args, context, grant);
            return { content: [{ type: "text", text: `${name} ${handled.mock.calls.length}` }] };
          },
        );
    });
    return { paywall, caller, handled, createInvoice };
  }

  /** What arrives at a server, and a way to answer it that no honest one has. */
  async function crook(answer: (call: CallOf) => unknown | Promise<unknown>) {
    const received: CallOf[] = [];
    const equip: Equip = (server) => {
      const low = (server as unknown as { server: { setRequestHandler(...of: unknown[]): void } })
        .server;
      const register = server as unknown as { registerTool(...of: unknown[]): void };
      register.registerTool("forecast", {}, () => ({ content: [] }));
      const handle = async ({ params }: { params: CallOf }) => {
        received.push(params);
        return answer(params);
      };
      low.setRequestHandler(major.toolsCall, handle);
    };
    return { ...(await major.reconnecting(equip)), received };
  }

  const asks = (challenge: Challenge, url = `${LOCATION}/mcp/tools/forecast`) => ({
    content: [{ type: "text", text: "pay" }],
    isError: true,
    _meta: {
      [PROBLEM]: {
        status: 402,
        code: "ERR_TOKEN_MISSING",
        title: "Payment required",
        detail: "pay",
      },
      [CHALLENGE]: { url, "www-authenticate": [...Challenge.format(challenge)] },
    },
  });

  test("a paid call costs the server one invoice", async () => {
    const here = await town();
    const { caller, createInvoice } = await shop(here);
    pay(caller, paying(here));
    for (let at = 1; at <= 3; at++) {
      await caller.callTool({ name: "forecast", arguments: { city: at } });
      expect([createInvoice.mock.calls.length, here.paid().count]).toEqual([at, at]);
    }
  });

  test("pays a paywall whose location has a path, if it was told the path", async () => {
    const here = await town();
    const location = `${LOCATION}/v1`;
    const { caller } = await shop(here, {}, location);
    const limits = { ...LIMITS, endpoints: [`POST ${location}/mcp/tools/*`] };
    pay(caller as never, paying(here, { location, limits }));
    expect(textOf(await caller.callTool(FORECAST))).toBe("forecast 1");
    expect(here.paid().count).toBe(1);
  });

  test("connects and calls, and pays once", async () => {
    const here = await town();
    const { caller } = await shop(here);
    const payments = vi.fn();
    const client = pay(caller as never, paying(here, { onPayment: payments }));
    const answer = await caller.callTool(FORECAST);
    expect(textOf(answer)).toBe("forecast 1");
    expect(answer.isError ?? false).toBe(false);
    expect(here.paid().count).toBe(1);
    expect(payments).toHaveBeenCalledOnce();
    const [standing] = await client.standing();
    expect(standing?.spent).toEqual([{ unit: "msat", value: here.paid().msat }]);
    expect(JSON.stringify(answer)).not.toMatch(/[0-9a-f]{64}/);
  });

  test("pays once for a hundred uses, also concurrent ones [case 80]", async () => {
    const here = await town();
    const { caller, handled } = await shop(here, { grants: { uses: 100 } });
    pay(caller as never, paying(here));
    const answers = await Promise.all(Array.from({ length: 10 }, () => caller.callTool(FORECAST)));
    for (const answer of answers) expect(textOf(answer)).toMatch(/^forecast \d+$/);
    await caller.callTool(FORECAST);
    expect(handled).toHaveBeenCalledTimes(11);
    expect(here.paid().count).toBe(1);
  });

  test("pays for another tool by itself, and never with the first one's credential", async () => {
    const here = await town();
    const { caller } = await shop(here, { grants: { uses: 100 } });
    pay(caller as never, paying(here));
    await caller.callTool(FORECAST);
    expect(textOf(await caller.callTool({ ...FORECAST, name: "history" }))).toBe("history 2");
    expect(here.paid().count).toBe(2);
  });

  test("lets its treasury call, if only the treasury can count [case 80]", async () => {
    const here = await town();
    const { caller, handled } = await shop(here);
    pay(caller as never, paying(here, { limits: { ...LIMITS, maxUses: 2 } }));
    expect(textOf(await caller.callTool(FORECAST))).toBe("forecast 1");
    expect(textOf(await caller.callTool(FORECAST))).toBe("forecast 2");
    expect(await failure(caller.callTool(FORECAST))).toMatchObject({ code: "ERR_USES" });
    expect(handled).toHaveBeenCalledTimes(2);
    expect(here.paid().count).toBe(2);
  });

  test("calls a free tool without paying, and returns a failing tool's answer unchanged", async () => {
    const here = await town();
    const { caller } = await crook(() => ({
      content: [{ type: "text", text: "no such city" }],
      isError: true,
    }));
    pay(caller as never, paying(here));
    expect(textOf(await caller.callTool(FORECAST))).toBe("no such city");
    expect(here.paid().count).toBe(0);
  });

  test("uses again what a tool that threw, asked back or released gave back [case 89]", async () => {
    const here = await town();
    const { caller, handled } = await shop(here);
    pay(caller as never, paying(here));
    for (let attempt = 1; attempt <= 3; attempt++) {
      handled.mockRejectedValueOnce(new Error("out of order"));
      const answer = await caller.callTool(FORECAST);
      expect([answer.isError, textOf(answer)]).toEqual([true, "out of order"]);
      expect(here.paid().count).toBe(1);
    }
    handled.mockImplementationOnce((_args, _context, grant) => grant.release());
    expect(textOf(await caller.callTool(FORECAST))).toBe("forecast 4");
    expect(textOf(await caller.callTool(FORECAST))).toBe("forecast 5");
    expect(here.paid().count).toBe(1);
    expect(textOf(await caller.callTool(FORECAST))).toBe("forecast 6");
    expect(here.paid().count).toBe(2);
  });

  test("uses again what it paid for a call that timed out before its result [case 89]", async () => {
    const here = await town();
    const { caller, handled } = await shop(here);
    pay(caller as never, paying(here));
    for (let attempt = 1; attempt <= 2; attempt++) {
      const leaving = new AbortController();
      handled.mockImplementationOnce((_args, context) => {
        leaving.abort();
        return new Promise((_, reject) => {
          const signal = (context.mcpReq ?? context).signal as AbortSignal;
          signal.addEventListener("abort", () => reject(signal.reason));
        });
      });
      await failure(caller.callTool(FORECAST, ...major.options({ signal: leaving.signal })));
    }
    expect(textOf(await caller.callTool(FORECAST))).toBe("forecast 3");
    expect(here.paid().count).toBe(1);
  });

  test("is denied outside of its limits before it sends anything", async () => {
    const here = await town();
    const { caller, received } = await crook(() => ({ content: [] }));
    pay(
      caller as never,
      paying(here, { limits: { ...LIMITS, endpoints: [`POST ${LOCATION}/mcp/tools/x`] } }),
    );
    expect(await failure(caller.callTool(FORECAST))).toMatchObject({ code: "ERR_ENDPOINT" });
    expect(received).toHaveLength(0);
  });

  test("pays no more than its limits over all calls", async () => {
    const here = await town();
    const { caller } = await shop(here);
    pay(caller as never, paying(here, { limits: { ...LIMITS, budget: "21 sat" } }));
    await caller.callTool(FORECAST);
    expect(await failure(caller.callTool(FORECAST))).toMatchObject({
      code: "ERR_BUDGET",
      spent: "no",
    });
    expect(here.paid().count).toBe(1);
  });

  test("uses a purchase whose caller had gone for the next call [case 82]", async () => {
    const here = await town();
    const { caller } = await shop(here);
    const [reached, held, settled] = [gate(), gate(), gate()];
    const slow: ReturnType<typeof wallet> = {
      ...wallet(here),
      pay: async (request) => {
        reached.open();
        await held.opened;
        return wallet(here).pay(request);
      },
    };
    pay(caller as never, paying(here, { wallet: slow, onPayment: settled.open }));
    const leaving = new AbortController();
    const call = failure(caller.callTool(FORECAST, ...major.options({ signal: leaving.signal })));
    await reached.opened;
    leaving.abort();
    await call;
    held.open();
    await settled.opened;
    expect(textOf(await caller.callTool(FORECAST))).toBe("forecast 1");
    expect(here.paid().count).toBe(1);
  });

  describe("a paid call without an answer: what was paid for is presented with the next call", () => {
    /** The payment hash of the credential that a call presents. */
    const paidFor = ({ _meta }: CallOf) => {
      const text = _meta?.[CREDENTIAL];
      return typeof text === "string" ? Credential.parse(text).paymentHash : undefined;
    };

    /** A server whose first paid call goes as told; it refuses the same credential later. */
    async function crookedShop(here: Town, first: () => unknown) {
      const { demand } = challenger(here, LOCATION);
      const used = new Set<unknown>();
      let paidCalls = 0;
      return crook(async (call) => {
        const hash = paidFor(call);
        if (hash === undefined || used.has(hash)) return asks(await demand(ONCE));
        used.add(hash);
        if (++paidCalls === 1) return first();
        return { content: [{ type: "text", text: "served" }] };
      });
    }
    const ONCE = {
      scope: { endpoints: [`POST ${LOCATION}/mcp/tools/*`], maxUses: 1, expiresIn: "1h" },
    } as const;

    test.each([
      ["handed over", {}],
      ["relayed", { maxUses: 10 }],
    ])(
      "after a time-out of this side, and a refusal of it accuses nobody, %s",
      async (_, scope) => {
        const here = await town();
        const alarm = vi.fn();
        const reached = gate();
        const { caller } = await crookedShop(here, () => {
          reached.open();
          return new Promise(() => {});
        });
        pay(
          caller as never,
          paying(here, { limits: { ...LIMITS, ...scope }, treasury: { alarm } }),
        );
        vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
        onTestFinished(() => void vi.useRealTimers());
        const call = failure(caller.callTool(FORECAST, ...major.options({ timeout: 30_000 })));
        await reached.opened;
        vi.advanceTimersByTime(30_000);
        expect(await call).toMatchObject({ code: "ERR_PAID_NOT_DELIVERED", spent: "yes" });
        vi.useRealTimers();
        expect(here.paid().count).toBe(1);
        expect(textOf(await caller.callTool(FORECAST))).toBe("served");
        expect(here.paid().count).toBe(2);
        expect(alarm).not.toHaveBeenCalled();
      },
    );

    test("a server that says at once that the call timed out is not believed", async () => {
      const here = await town();
      const alarm = vi.fn();
      const { caller } = await crookedShop(here, () => {
        throw Object.assign(new Error("Request timed out"), { code: -32001 });
      });
      pay(caller as never, paying(here, { treasury: { alarm } }));
      await failure(caller.callTool(FORECAST));
      expect(await failure(caller.callTool(FORECAST))).toMatchObject({
        code: "ERR_PAID_NOT_DELIVERED",
      });
      expect(here.paid().count).toBe(1);
      expect(alarm).toHaveBeenCalledOnce();
    });

    test("a server that fails with an error of the protocol, and refuses then, is paid once", async () => {
      const here = await town();
      const { caller } = await crookedShop(here, () => {
        throw Object.assign(new Error("down"), { code: -32603 });
      });
      pay(caller as never, paying(here));
      for (let attempt = 1; attempt <= 3; attempt++) await failure(caller.callTool(FORECAST));
      expect(here.paid().count).toBe(1);
    });

    test("a call of another price is another request: nobody is accused, and each is paid once", async () => {
      const here = await town();
      const alarm = vi.fn();
      const paywall = new Paywall({
        secret: secretOf("the MCP shop"),
        location: LOCATION,
        invoicer: devWallet(here.network.account("shop").invoiceOnlyUrl),
        clock: here.clock,
        challengesPerMinute: { perClient: 10_000 },
      });
      const price = ({ arguments: given }: { arguments: Record<string, unknown> }) =>
        given.days === 1 ? ("1 sat" as const) : ("20 sat" as const);
      let fails = true;
      const caller = await major.inMemory((server) =>
        paidTool(
          server,
          "forecast",
          { paywall, price, inputSchema: z.object({ days: z.number() }) as never },
          async () => {
            if (fails) throw new Error("out of order");
            return { content: [{ type: "text", text: "served" }] };
          },
        ),
      );
      pay(caller as never, paying(here, { treasury: { alarm } }));
      await caller.callTool({ name: "forecast", arguments: { days: 1 } });
      fails = false;
      expect(textOf(await caller.callTool({ name: "forecast", arguments: { days: 7 } }))).toBe(
        "served",
      );
      expect(here.paid().count).toBe(2);
      // The use that was given back is there for its own request.
      expect(textOf(await caller.callTool({ name: "forecast", arguments: { days: 1 } }))).toBe(
        "served",
      );
      expect(here.paid().count).toBe(2);
      expect(alarm).not.toHaveBeenCalled();
    });

    test.each([
      ["handed over", {}],
      ["relayed", { maxUses: 10 }],
    ])("a call with the key of an earlier one is the same order, %s", async (_how, scope) => {
      const here = await town();
      const { caller, handled } = await shop(here);
      pay(caller as never, paying(here, { limits: { ...LIMITS, ...scope } }));
      const call = { ...FORECAST, _meta: { "dev.l8nt/idempotency-key": "once, or twice \u2713" } };
      const [reached, go, done] = [gate(), gate(), gate()];
      handled.mockImplementationOnce(async () => {
        reached.open();
        await go.opened;
        done.open();
      });
      const leaving = new AbortController();
      const first = failure(caller.callTool(call, ...major.options({ signal: leaving.signal })));
      await reached.opened;
      leaving.abort();
      await first;
      go.open();
      await done.opened;
      expect(textOf(await caller.callTool(call))).toMatch(/^forecast [12]$/);
      expect(here.paid().count).toBe(1);
      // Another call is another order.
      expect(textOf(await caller.callTool(FORECAST))).toMatch(/^forecast [23]$/);
    });

    test("a connection that this side closes accuses nobody", async () => {
      const here = await town();
      const alarm = vi.fn();
      const reached = gate();
      const { caller, connect } = await crookedShop(here, () => {
        reached.open();
        return new Promise(() => {});
      });
      pay(caller as never, paying(here, { treasury: { alarm } }));
      const call = failure(caller.callTool(FORECAST));
      await reached.opened;
      await caller.close();
      expect(await call).toMatchObject({ code: "ERR_PAID_NOT_DELIVERED", spent: "yes" });
      await connect();
      expect(textOf(await caller.callTool(FORECAST))).toBe("served");
      expect(here.paid().count).toBe(2);
      expect(alarm).not.toHaveBeenCalled();
    });

    test("a connection that the server closes: a refusal of it is reported, and not paid again", async () => {
      const here = await town();
      const alarm = vi.fn();
      const { caller, connect, hangUp } = await crookedShop(here, async () => {
        await hangUp();
        return new Promise(() => {});
      });
      pay(caller as never, paying(here, { treasury: { alarm } }));
      expect(await failure(caller.callTool(FORECAST))).toMatchObject({
        code: "ERR_PAID_NOT_DELIVERED",
        spent: "yes",
        cause: expect.objectContaining({
          code: expect.toSatisfy((code) => code === -32_000 || code === "CONNECTION_CLOSED"),
        }),
      });
      await connect();
      expect(await failure(caller.callTool(FORECAST))).toMatchObject({
        code: "ERR_PAID_NOT_DELIVERED",
      });
      expect(here.paid().count).toBe(1);
      expect(alarm).toHaveBeenCalledOnce();
    });

    test("a result that the SDK refuses was an answer", async () => {
      const here = await town();
      const alarm = vi.fn();
      const { caller } = await crookedShop(here, () => ({ content: "no list" }));
      pay(caller as never, paying(here, { treasury: { alarm } }));
      await failure(caller.callTool(FORECAST));
      expect(textOf(await caller.callTool(FORECAST))).toBe("served");
      expect(here.paid().count).toBe(2);
      expect(alarm).not.toHaveBeenCalled();
    });
  });

  test("pays through a child process over stdio", async () => {
    const here = await town();
    const file = join(
      import.meta.dirname,
      "support",
      major === majors[0] ? "mcp-stdio-1.ts" : "mcp-stdio-2.ts",
    );
    const caller = await major.stdio(file, {
      INVOICER: here.network.account("shop").invoiceOnlyUrl,
      NOW: String(here.clock()),
      SECRET: secretOf("the stdio shop"),
      LOCATION,
    });
    pay(caller as never, paying(here));
    expect(textOf(await caller.callTool(FORECAST))).toBe("sunny 1");
    expect(textOf(await caller.callTool(FORECAST))).toBe("sunny 2");
    expect(here.paid().count).toBe(2);
  });

  describe("pays nothing to a server", () => {
    async function refused(
      here: Town,
      answer: (call: CallOf) => unknown | Promise<unknown>,
      more = {},
    ) {
      const { caller, received } = await crook(answer);
      pay(caller as never, paying(here, more));
      const error = await failure(caller.callTool(FORECAST));
      expect(here.paid().count).toBe(0);
      expect(received.every(({ _meta }) => _meta?.[CREDENTIAL] === undefined)).toBe(true);
      return error;
    }

    test("that asks for another place", async () => {
      const here = await town();
      const { demand } = challenger(here, "https://other.example");
      const scope = { endpoints: [`POST ${LOCATION}/mcp/tools/*`], expiresIn: "1h" } as const;
      const error = await refused(here, async () =>
        asks(await demand({ scope }), "https://other.example/mcp/tools/forecast"),
      );
      expect(error).toMatchObject({ code: "ERR_CHALLENGE_ORIGIN" });
    });

    test("that sells what does not cover the call", async () => {
      const here = await town();
      const { demand } = challenger(here, LOCATION);
      const scope = { endpoints: [`POST ${LOCATION}/mcp/tools/other`], expiresIn: "1h" } as const;
      expect(await refused(here, async () => asks(await demand({ scope })))).toMatchObject({
        code: "ERR_CHALLENGE_SCOPE",
      });
    });

    test("that asks for another price than it asked before [case 69]", async () => {
      const here = await town();
      const { demand } = challenger(here, LOCATION);
      let asked = 0;
      const error = await refused(
        here,
        async () => asks(await demand({ amountMsat: ++asked === 1 ? 10_000n : 100_000n })),
        { limits: { ...LIMITS, maxPrice: "20 sat" } },
      );
      expect(error).toMatchObject({ code: "ERR_PRICE" });
      expect(asked).toBe(2);
    });

    test("whose invoice is for another hash, or names no amount [cases 48, 65]", async () => {
      const here = await town();
      const { demand } = challenger(here, LOCATION);
      const other = await refused(here, async () =>
        asks(await demand({ invoice: (await demand()).invoice })),
      );
      expect(other).toMatchObject({ code: "ERR_INVOICE_HASH" });
      const amountless = await refused(here, async () => {
        const challenge = await demand();
        return asks({
          ...challenge,
          invoice: forgeInvoice(challenge.invoice, { amountMsat: undefined }),
        });
      });
      expect(amountless).toMatchObject({ code: "ERR_INVOICE_AMOUNTLESS" });
    });

    const BROKEN: readonly (readonly [what: string, challenge: unknown])[] = [
      ["nothing", undefined],
      ["null", null],
      ["a text", "L402"],
      ["lines that are no list", { url: LOCATION, "www-authenticate": "L402" }],
      ["lines that are no texts", { url: LOCATION, "www-authenticate": [1, {}] }],
      ["a line with a break", { url: LOCATION, "www-authenticate": ["L402 a=b\r\nx: y"] }],
      [
        "a URL that is none",
        { url: "weather", "www-authenticate": ['L402 macaroon="", invoice=""'] },
      ],
      ["a huge line", { url: LOCATION, "www-authenticate": ["L402 ".padEnd(1_000_000, "x")] }],
      ["a million lines", { url: LOCATION, "www-authenticate": Array(1_000_000).fill("L402 x=y") }],
      [
        "a malformed line",
        { url: LOCATION, "www-authenticate": ['L402 macaroon="x", invoice="y"'] },
      ],
    ];

    test.each(BROKEN)("whose challenge is %s [case 79]", async (_, challenge) => {
      const here = await town();
      const problem = {
        status: 402,
        code: "ERR_TOKEN_MISSING",
        detail: "pay".padEnd(100_000, "!"),
      };
      const error = await refused(here, () => ({
        content: [{ type: "text", text: "x".repeat(5_000_000) }],
        isError: true,
        _meta: { [PROBLEM]: problem, [CHALLENGE]: challenge },
      }));
      expect(error.code).toMatch(/^ERR_(?:CHALLENGE_MISSING|(?:CHALLENGE|INVOICE)_MALFORMED)$/);
    });

    test("whose sound challenge stands among too many lines, or in one that is too long [case 79]", async () => {
      const here = await town();
      const { demand } = challenger(here, LOCATION);
      for (const change of [
        (line: string) => Array<string>(9).fill(line),
        (line: string) => [`${line}, x="${"x".repeat(16_384)}"`],
      ]) {
        const error = await refused(here, async () => {
          const sound = asks(await demand());
          const { url, "www-authenticate": lines } = sound._meta[CHALLENGE];
          return {
            ...sound,
            _meta: { ...sound._meta, [CHALLENGE]: { url, "www-authenticate": change(lines[1]!) } },
          };
        });
        expect(error).toMatchObject({ code: "ERR_CHALLENGE_MISSING" });
      }
    });

    test("whose challenge stands in an answer that is no error", async () => {
      const here = await town();
      const { demand } = challenger(here, LOCATION);
      const { caller } = await crook(async () => ({ ...asks(await demand()), isError: false }));
      pay(caller as never, paying(here));
      expect(textOf(await caller.callTool(FORECAST))).toBe("pay");
      expect(here.paid().count).toBe(0);
    });

    test.each([
      ["of no status", { code: "ERR_X" }],
      ["of a status that is a text", { status: "402" }],
      ["of a status that HTTP has not", { status: 99 }],
      ["that is a list", [402]],
      ["that is null", null],
    ])("whose problem is one %s: that is an answer", async (_, problem) => {
      const here = await town();
      const { caller } = await crook(() => ({
        content: [],
        isError: true,
        _meta: { [PROBLEM]: problem },
      }));
      pay(caller as never, paying(here));
      expect((await caller.callTool(FORECAST)).isError).toBe(true);
      expect(here.paid().count).toBe(0);
    });

    test("that refuses a credential instead of asking for payment [case 81]", async () => {
      const here = await town();
      for (const status of [400, 401, 403, 429, 503]) {
        const problem = { status, code: "ERR_X", detail: "no" };
        const { caller } = await crook(() => ({
          content: [],
          isError: true,
          _meta: { [PROBLEM]: problem },
        }));
        pay(caller as never, paying(here));
        const answer = await caller.callTool(FORECAST);
        expect(answer._meta?.[PROBLEM]).toMatchObject({ status });
      }
      expect(here.paid().count).toBe(0);
    });
  });

  test("pays a server that asks again only once, and reports that nothing was delivered [case 62]", async () => {
    const here = await town();
    const { demand } = challenger(here, LOCATION);
    const { caller } = await crook(async () => asks(await demand()));
    pay(caller as never, paying(here));
    expect(await failure(caller.callTool(FORECAST))).toMatchObject({
      code: "ERR_PAID_NOT_DELIVERED",
      spent: "yes",
    });
    expect((await failure(caller.callTool(FORECAST))).code).toMatch(
      /^ERR_(?:ORIGIN_QUARANTINED|PAID)/,
    );
    expect(here.paid().count).toBe(1);
  });

  test("hides the credential from readers of the answer", async () => {
    const here = await town();
    const { demand } = challenger(here, LOCATION);
    const { caller, received } = await crook(async ({ _meta }) => {
      const credential = _meta?.[CREDENTIAL];
      return credential === undefined
        ? asks(await demand())
        : {
            content: [{ type: "text", text: `you sent ${credential}` }],
            _meta: { [CREDENTIAL]: credential },
          };
    });
    pay(caller as never, paying(here));
    const answer = await caller.callTool(FORECAST);
    const sent = received
      .map(({ _meta }) => _meta?.[CREDENTIAL])
      .find((one) => one !== undefined) as string;
    const [macaroon = "?", preimage = "?"] = sent.split(":");
    expect(JSON.stringify(answer)).toContain("you sent [credential]");
    expect(JSON.stringify(answer)).not.toContain(preimage);
    expect(JSON.stringify(answer)).not.toContain(macaroon);
    expect(JSON.stringify(received.map(({ arguments: args }) => args))).not.toContain(preimage);
  });

  test("hides the credential from readers of an error", async () => {
    const here = await town();
    const { demand } = challenger(here, LOCATION);
    const { caller, received } = await crook(async ({ _meta }) => {
      const credential = _meta?.[CREDENTIAL];
      if (credential === undefined) return asks(await demand());
      throw Object.assign(new Error(`what is ${credential}`), {
        code: -32099,
        data: { credential },
      });
    });
    pay(caller as never, paying(here));
    const error = (await failure(caller.callTool(FORECAST))) as unknown as Error & {
      data?: unknown;
    };
    const sent = received
      .map(({ _meta }) => _meta?.[CREDENTIAL])
      .find((one) => one !== undefined) as string;
    const shown =
      inspect(error, { depth: 9, showHidden: true }) + String(error.stack) + JSON.stringify(error);
    expect(error.message).toContain("what is [credential]");
    for (const secret of sent.split(":")) expect(shown).not.toContain(secret);
  });

  test("says why it cannot pay if its treasury is remote", async () => {
    const here = await town();
    const { caller, handled } = await shop(here);
    const credential = here.mint();
    const start = () => pay(caller as never, { location: LOCATION, credential, clock: here.clock });
    expect(start).toThrow(/treasury, which fetches every challenge itself/);
    expect(handled).not.toHaveBeenCalled();
    expect(here.asked).toHaveLength(0);
  });

  test("presents a credential that the server minted, without a wallet", async () => {
    const here = await town();
    const { caller, paywall } = await shop(here);
    const credential = paywall.authority.minter.mint({
      endpoints: [`POST ${LOCATION}/mcp/tools/*`],
      expiresIn: "1h",
    });
    pay(caller as never, { location: LOCATION, credential, clock: here.clock });
    expect(textOf(await caller.callTool(FORECAST))).toBe("forecast 1");
    expect(here.paid().count).toBe(0);
  });

  test("does not pay twice if it is wrapped twice", async () => {
    const here = await town();
    const { caller }: { caller: Caller } = await shop(here);
    pay(caller as never, paying(here));
    expect(() => pay(caller as never, paying(here))).toThrow(TypeError);
    for (const location of ["weather", "ftp://weather.example", "https://a:b@weather.example"])
      expect(() => pay({ callTool: async () => ({}) }, paying(here, { location }))).toThrow(
        TypeError,
      );
  });
});

test("a call that was aborted before it began is not sent", async () => {
  const here = await town();
  const callTool = vi.fn(async () => ({}));
  const mcp: { callTool: (...of: unknown[]) => Promise<unknown> } = { callTool };
  pay(mcp, paying(here));
  expect(await failure(mcp.callTool(FORECAST, { signal: AbortSignal.abort() }))).toMatchObject({
    name: "AbortError",
  });
  expect(callTool).not.toHaveBeenCalled();
});

test("a call with a credential of its own, or of a name that no URL has, goes out as it is", async () => {
  const here = await town();
  const callTool = vi.fn(async (..._: unknown[]) => "answer");
  const mcp: { callTool: (...of: unknown[]) => Promise<unknown> } = { callTool };
  pay(mcp, paying(here));
  const own = { ...FORECAST, _meta: { [CREDENTIAL]: "a:b" } };
  const odd = { name: "a/b c" };
  for (const params of [own, odd]) {
    expect(await mcp.callTool(params, "more")).toBe("answer");
    expect(callTool).toHaveBeenLastCalledWith(params, "more");
  }
});
