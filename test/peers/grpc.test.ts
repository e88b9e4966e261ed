/** gRPC by libraries of Node: a server on Connect behind the paywall, and a client of grpc-js. */
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { create, createFileRegistry } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  file_google_protobuf_wrappers,
  StringValueSchema,
} from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { paid } from "l8nt/node";
import { Paywall } from "l8nt/service";
import { FakeInvoicer } from "l8nt/testing";
import { expect, onTestFinished, test } from "vitest";
import { secretOf } from "../../packages/l8nt/src/testing/fixtures/town.ts";

type Listener = (incoming: http2.Http2ServerRequest, outgoing: http2.Http2ServerResponse) => void;

const STRING = ".google.protobuf.StringValue";
const PROTO = create(FileDescriptorProtoSchema, {
  name: "weather.proto",
  package: "weather",
  syntax: "proto3",
  dependency: ["google/protobuf/wrappers.proto"],
  service: [
    { name: "Weather", method: [{ name: "Forecast", inputType: STRING, outputType: STRING }] },
  ],
});
const WEATHER = createFileRegistry(PROTO, (name) =>
  name === "google/protobuf/wrappers.proto" ? file_google_protobuf_wrappers : undefined,
).getService("weather.Weather")!;

/** A server whose method answers with a city's weather, and knows Tokyo alone. */
async function weather(invoicer: FakeInvoicer): Promise<string> {
  const paywall = new Paywall({
    secret: secretOf("the weather"),
    location: "https://weather.example",
    invoicer,
  });
  const adapter = connectNodeAdapter({
    routes: (router) =>
      router.service(WEATHER, {
        forecast: ({ value }: { value: string }) => {
          if (value !== "tokyo") throw new ConnectError(`no ${value}`, Code.NotFound);
          return create(StringValueSchema, { value: "sunny" });
        },
      } as never),
  });
  const handler = paid(paywall, { price: "10 sat" }, adapter as never);
  const server = http2.createServer(handler as unknown as Listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The wire form of a `google.protobuf.StringValue`: field 1, of at most 127 bytes. */
const encode = (text: string) =>
  Buffer.concat([Buffer.from([0x0a, text.length]), Buffer.from(text)]);
const decode = (bytes: Buffer) => bytes.subarray(2).toString();

test("a call is sold, given back if it ends with an error, and used up by an answer", async () => {
  const invoicer = new FakeInvoicer();
  const client = new Client(await weather(invoicer), credentials.createInsecure());
  onTestFinished(() => client.close());
  const call = (city: string, metadata = new Metadata()) =>
    new Promise<string | ServiceError>((resolve) => {
      client.makeUnaryRequest(
        "/weather.Weather/Forecast",
        encode,
        decode,
        city,
        metadata,
        (error, answer) => resolve(error ?? answer!),
      );
    });
  const refused = (await call("tokyo")) as ServiceError;
  expect([refused.code, refused.details]).toEqual([13, "payment required"]);
  const credential = invoicer.buy(refused.metadata.get("www-authenticate").join(", "));
  const metadata = new Metadata();
  metadata.set("authorization", `L402 ${credential}`);
  expect(await call("atlantis", metadata)).toMatchObject({ code: 5, details: "no atlantis" });
  expect(await call("tokyo", metadata)).toBe("sunny");
  expect(await call("tokyo", metadata)).toMatchObject({ code: 13, details: "payment required" });
});
