// workerd: a Worker that answers with the names, or with what came of one look-up.
import { lookUp } from "look-up.js";
import { publicKeys } from "public-key.js";

export default {
  async fetch(request) {
    const asked = await request.json();
    if (new URL(request.url).pathname === "/look-up") return new Response(await lookUp(asked));
    return publicKeys(asked).then(
      (names) => new Response(names.join("\n")),
      (error) => new Response(error.stack, { status: 500 }),
    );
  },
};
