/** `l8nt/holder`: keys that credentials are bound to. spec/9-public-key.md §9. */
export { SIGNATURE_FIELDS } from "./fields.ts";
export { HolderKey, type HolderKeyOptions } from "./key.ts";
