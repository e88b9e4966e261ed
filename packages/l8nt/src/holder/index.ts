/** `l8nt/holder`: keys that credentials are bound to. spec/9-public-key.md §9. */
export { HolderKey, type HolderKeyOptions } from "./key.ts";
