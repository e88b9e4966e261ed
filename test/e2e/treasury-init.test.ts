/** What `sigil treasury init` says about the credential that it makes for an agent. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { sigil } from "./support/sigil.ts";

async function init(...flags: string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "sigil-init-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const { code, stdout } = await sigil([
    ...["treasury", "init", "--dir", join(folder, "treasury")],
    ...flags,
  ]);
  expect(code).toBe(0);
  return stdout;
}

test("without an endpoint, it says that the agent may call every https URL", async () => {
  expect(await init()).toContain("No --endpoint was given, so the agent may call every https URL.");
});

test("with an endpoint, it says nothing of the kind", async () => {
  const said = await init("--endpoint", "GET https://api.example/**");
  expect(said).toContain("GET https://api.example/**");
  expect(said).not.toContain("No --endpoint");
});
