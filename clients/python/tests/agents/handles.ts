/** Prints the handles of a table, for `test_like_typescript.py`. */
import { text } from "node:stream/consumers";
import { SigilHandle } from "l8nt/agents";

const { credential, now, agents, names } = JSON.parse(await text(process.stdin));
const top = SigilHandle.open({ credential, agents, clock: () => now });

function shown(handle: SigilHandle) {
  const json = handle.toJSON();
  const common = { id: handle.id, agent: handle.agent ?? null, json };
  try {
    return { ...common, credential: handle.credential.toString() };
  } catch (error) {
    return { ...common, credential: (error as { code: string }).code };
  }
}

const handles = [shown(top)];
for (const name of names) {
  const handle = top.forAgent(name);
  handles.push(shown(handle), shown(handle.forAgent("scout")), shown(handle.forAgent("?")));
}
console.log(JSON.stringify(handles));
