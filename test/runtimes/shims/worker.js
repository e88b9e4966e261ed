// workerd: a Worker that answers with the names.
import { smoke } from "smoke.js";

export default {
  fetch: async () =>
    smoke().then(
      (names) => new Response(names.join("\n")),
      (error) => new Response(error.stack, { status: 500 }),
    ),
};
