/** What V8 keeps beside what is live, in a process of its own: its options are the process's. */
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

/** Objects that live long enough to become old, of which 15 MB are live at any time. */
const CHURN = `
  const live = new Array(100_000);
  let [at, young] = [0, 0];
  for (let turn = 0; turn < 500; turn++) {
    for (let n = 0; n < 2000; n++) live[at++ % live.length] = { text: "x" + at, list: [at, at] };
    await new Promise((resolve) => setImmediate(resolve));
    const spaces = getHeapSpaceStatistics();
    const { space_size } = spaces.find(({ space_name }) => space_name === "new_space");
    young = Math.max(young, space_size);
  }
  process.stdout.write(String(young / 2 ** 20));
`;

test("the young generation has 32 MiB at most, however much memory the machine has", () => {
  const script = `
    import { getHeapSpaceStatistics } from "node:v8";
    import { boundHeap } from ${JSON.stringify(new URL("heap.ts", import.meta.url))};
    boundHeap();
    ${CHURN}
  `;
  // As much as Node takes on a machine with 16 GiB.
  const machine = ["--max-old-space-size=4096", "--no-warnings", "--input-type=module"];
  const young = execFileSync(process.execPath, [...machine, "-e", script], { encoding: "utf8" });
  expect(Number(young)).toBe(32);
});
