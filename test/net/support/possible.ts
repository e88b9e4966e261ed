/** Whether this machine can hold the small internet. */
import { spawnSync } from "node:child_process";
import { sweep, tryNamespace } from "./namespaces.ts";

/** Why the tests of this folder cannot run here; undefined if they can. */
export function whyNot(): string | undefined {
  if (process.platform !== "linux")
    return `network namespaces are Linux's, and this is ${process.platform}`;
  if (process.getuid?.() !== 0) return "network namespaces need root";
  for (const [tool, flag] of [
    ["ip", "-V"],
    ["openssl", "version"],
    ["setpriv", "--version"],
  ] as const) {
    const { error } = spawnSync(tool, [flag], { stdio: "ignore" });
    if (error !== undefined) return `there is no program "${tool}" (${error.message})`;
  }
  try {
    sweep();
    tryNamespace();
    return undefined;
  } catch (error) {
    const why = (error as Error).message.trim().replace(/\s+/g, " ");
    return `a namespace with interfaces cannot be made: ${why}`;
  }
}
