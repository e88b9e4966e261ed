/** The client's end. */
export { HttpClient, type HttpClientOptions, WHAT_TO_SET } from "./client.ts";
