/** Serves the metrics, on loopback and on a port of their own: agents reach the other one. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { UsageError } from "../../exit.ts";
import type { GatewayMetrics } from "./metrics.ts";

export interface MetricsListening {
  readonly url: string;
  close(): Promise<void>;
}

/** @throws UsageError if the port is taken */
export async function listenForMetrics(
  metrics: GatewayMetrics,
  port: number,
): Promise<MetricsListening> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 });
  server.on("request", (incoming, outgoing) => {
    const { method = "", url } = incoming;
    if (url !== "/metrics" || !["GET", "HEAD"].includes(method)) {
      outgoing.writeHead(404, { "content-length": 0 }).end();
      return;
    }
    metrics.text().then(
      (text) => outgoing.writeHead(200, { "content-type": metrics.contentType }).end(text),
      () => outgoing.destroy(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EADDRINUSE")
      throw new UsageError(`Port ${port} of metrics.port is in use. Give another one.`);
    throw error;
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
