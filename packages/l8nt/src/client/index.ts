/** The client's end. */
export { HttpClient, type HttpClientOptions } from "./client.ts";
