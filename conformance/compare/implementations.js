/** The implementations that the cases are run against here, and what each of them takes. */
import { join } from "node:path";
import { buildGo, missingGo } from "../../scripts/toolchains/go.ts";
import { missingPython, pythonWith } from "../../scripts/toolchains/python.ts";
import { buildRust, missingRust } from "../../scripts/toolchains/rust.ts";

const adapters = join(import.meta.dirname, "../adapters");
const root = join(import.meta.dirname, "../..");
const cache = join(root, ".cache/conformance");
const rust = join(adapters, "rust");
const go = join(adapters, "go");
const BUILD_MS = 8 * 60_000;

/** Both programs come of one build. */
let rustBuild;
const rustPrograms = (say) => {
  const names = ["biscuit_rust", "rust_macaroon"];
  const options = { folder: rust, names, cache, profile: "dev", jobs: 2, milliseconds: BUILD_MS };
  rustBuild ??= buildRust(options, say);
  return rustBuild;
};

/**
 * `missing` says why this machine cannot run it; `prepare` resolves to its command.
 */
export const IMPLEMENTATIONS = [
  {
    name: "l8nt",
    missing: () => undefined,
    prepare: () => [process.execPath, "--conditions=l8nt-source", join(adapters, "l8nt.ts")],
  },
  {
    name: "l8nt-python",
    missing: missingPython,
    prepare: () => [
      pythonWith(join(root, "test/peers/python/requirements-l8nt.txt"), join(root, ".cache/peers")),
      join(adapters, "l8nt_python.py"),
    ],
  },
  {
    name: "biscuit-rust",
    missing: () => missingRust(rust),
    prepare: async (say) => [(await rustPrograms(say))[0]],
  },
  {
    name: "biscuit-python",
    missing: missingPython,
    prepare: () => [
      pythonWith(
        join(root, "test/peers/python/requirements-biscuit.txt"),
        join(root, ".cache/peers"),
      ),
      join(adapters, "biscuit_python.py"),
    ],
  },
  {
    name: "go-macaroon",
    missing: () => missingGo(go),
    prepare: async (say) => {
      const options = { folder: go, programs: { "go-macaroon": "." }, cache };
      return [(await buildGo({ ...options, milliseconds: BUILD_MS }, say))["go-macaroon"]];
    },
  },
  {
    name: "rust-macaroon",
    missing: () => missingRust(rust),
    prepare: async (say) => [(await rustPrograms(say))[1]],
  },
];
