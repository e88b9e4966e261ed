/** Signatures of Standard Webhooks, as the package standardwebhooks 1.1.1 made them. */
import { describe, expect, test } from "vitest";
import { Secret } from "../vault/secret.ts";
import { keyOf, signatureOf, Webhook } from "./webhook.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const AT = 1_614_265_330;

test.each([
  ['{"test": 2432232314}', "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="],
  ['{"type":"budget.threshold","note":"höhe"}', "v1,Le6JJXOos/EnKgHERWhFF71khB3H7a+nWJkt44sHO9I="],
])("a message is signed as its readers verify it: %s", (body, expected) => {
  expect(signatureOf(keyOf(SECRET)!, { id: ID, body }, AT)).toBe(expected);
});

test.each([
  ["no prefix", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
  ["23 bytes", `whsec_${Buffer.alloc(23, 7).toString("base64")}`],
  ["65 bytes", `whsec_${Buffer.alloc(65, 7).toString("base64")}`],
  ["what is no base64", "whsec_###"],
  ["nothing", "whsec_"],
])("a secret with %s is refused", (_what, secret) => {
  expect(keyOf(secret)).toBeUndefined();
  const options = { url: "https://hooks.example", fetch, clock: () => AT };
  expect(() => new Webhook({ ...options, secret: new Secret(secret) })).toThrow(TypeError);
});

describe("a webhook", () => {
  const sent = async (answer: () => Promise<Response>) => {
    const requests: Request[] = [];
    const webhook = new Webhook({
      url: "https://hooks.example/sigil",
      secret: new Secret(SECRET),
      clock: () => AT + 0.9,
      fetch: async (input, init) => {
        requests.push(new Request(input, init));
        return answer();
      },
    });
    const why = await webhook.send({ id: ID, body: '{"test": 2432232314}' });
    return { why, request: requests[0]! };
  };

  test("posts its id, the time of the attempt and the signature", async () => {
    const { why, request } = await sent(async () => new Response(null, { status: 204 }));
    expect(why).toBeUndefined();
    expect([request.method, request.url, request.redirect]).toEqual([
      "POST",
      "https://hooks.example/sigil",
      "manual",
    ]);
    expect(Object.fromEntries(request.headers)).toMatchObject({
      "content-type": "application/json",
      "webhook-id": ID,
      "webhook-timestamp": String(AT),
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
    expect(await request.text()).toBe('{"test": 2432232314}');
  });

  test.each([301, 400, 410, 500])(
    "was not taken by an endpoint that answers %d",
    async (status) => {
      const { why } = await sent(async () => new Response("why not", { status }));
      expect(why).toBe(`it answered ${status}`);
    },
  );

  test("was not taken by an endpoint that is not reached", async () => {
    const { why } = await sent(() =>
      Promise.reject(Object.assign(new Error("secret text"), { code: "ECONNREFUSED" })),
    );
    expect(why).toBe("ECONNREFUSED");
  });
});
