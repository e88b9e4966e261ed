/** The site: the pages below docs/ and spec/, and those at the root of the repository. */
import { readdirSync } from "node:fs";
import { join, posix, resolve } from "node:path";
import { withMermaid } from "vitepress-plugin-mermaid";
import { anchorOf } from "../../scripts/text.ts";

const root = resolve(import.meta.dirname, "../..");
/** Where scripts/docs.ts puts the pages: a page finds its packages only if it is below docs/. */
const site = join(root, "docs/.cache/site");
const repository = "https://github.com/l8nt/sigil";

interface Link {
  readonly text: string;
  readonly link: string;
}

const page = (text: string, link: string): Link => ({ text, link });

/** The pages that typedoc wrote, if it did: one for each subpath of the library. */
function api(): Link[] {
  const folder = join(root, "docs/reference/api");
  try {
    return readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".md") && file !== "index.md")
      .map((file) => file.replaceAll("\\", "/").slice(0, -".md".length))
      .sort()
      .map((name) => page(name === "l8nt" ? name : `l8nt/${name}`, `/reference/api/${name}`));
  } catch {
    return [];
  }
}

/** A page for each preset of the gateway. */
const presets = (): readonly Link[] =>
  readdirSync(join(root, "docs/guides/presets"))
    .map((file) => file.slice(0, -".md".length))
    .sort()
    .map((name) => page(`Preset ${name}`, `/guides/presets/${name}`));

export default withMermaid({
  title: "Sigil",
  description:
    "A credential for software agents: scoped, attenuable, delegatable, and able to pay.",
  lang: "en",
  srcDir: ".cache/site",
  rewrites: { "docs/:path(.*)": ":path" },
  outDir: "dist",
  cleanUrls: true,
  lastUpdated: false,
  vite: { publicDir: join(root, "docs/public") },
  markdown: {
    anchor: { slugify: anchorOf },
    languages: [
      {
        name: "abnf",
        scopeName: "source.abnf",
        repository: {},
        patterns: [
          { match: ";.*$", name: "comment.line" },
          { match: '"[^"]*"', name: "string.quoted.double" },
          { match: "^[A-Za-z][A-Za-z0-9-]*(?= +=)", name: "entity.name.function" },
        ],
      },
    ],
    config(md) {
      // Links are written as they hold in the repository. Here the pages below docs/ stand at the
      // root, and a link to a file that is no page leads to the repository.
      const open = md.renderer.rules.link_open;
      md.renderer.rules.link_open = (tokens, at, options, env, self) => {
        const token = tokens[at]!;
        const href = token.attrGet("href") ?? "";
        const [path = "", anchor] = href.split("#");
        if (path !== "" && !/^(?:[a-z][a-z0-9+.-]*:|\/)/i.test(path)) {
          const from = posix.dirname(posix.relative(site, env.realPath ?? env.path ?? ""));
          const to = posix.join(from, path);
          const isPage = to.endsWith(".md") && !/^(?:packages|conformance|README)/.test(to);
          const target = isPage ? `/${to.replace(/^docs\//, "")}` : `${repository}/tree/main/${to}`;
          token.attrSet("href", anchor === undefined ? target : `${target}#${anchor}`);
        }
        return open === undefined
          ? self.renderToken(tokens, at, options)
          : open(tokens, at, options, env, self);
      };
    },
  },
  themeConfig: {
    search: { provider: "local" },
    socialLinks: [{ icon: "github", link: repository }],
    nav: [
      page("Tutorials", "/tutorials/"),
      page("Guides", "/guides/"),
      page("Concepts", "/concepts/"),
      page("Reference", "/reference/"),
      page("Specification", "/spec/README"),
    ],
    sidebar: {
      "/reference/api/": [{ text: "TypeScript API", items: api() }],
      "/spec/": [
        {
          text: "Specification",
          items: [
            page("Overview", "/spec/README"),
            page("1. Credential", "/spec/1-credential"),
            page("2. Caveats", "/spec/2-caveats"),
            page("3. Challenge", "/spec/3-challenge"),
            page("4. Purchase", "/spec/4-purchase"),
            page("5. Ledger", "/spec/5-ledger"),
            page("6. Receipts", "/spec/6-receipts"),
            page("7. Revocation feed", "/spec/7-revocation-feed"),
            page("8. MCP", "/spec/8-mcp"),
            page("Cases", "/spec/cases"),
          ],
        },
      ],
      "/": [
        {
          text: "Tutorials",
          items: [
            page("First paid request", "/tutorials/first-paid-request"),
            page("Sell a route", "/tutorials/sell-a-route"),
            page("Sell a model", "/tutorials/sell-a-model"),
            page("A family of agents", "/tutorials/agent-family"),
            page("One credential, several services", "/tutorials/any-service"),
            page("An OpenAI budget in one minute", "/tutorials/gateway"),
          ],
        },
        {
          text: "Guides",
          items: [
            page("Run a treasury", "/guides/treasury"),
            page("Back up and restore a treasury", "/guides/backup"),
            page("Connect a wallet", "/guides/wallets"),
            page("The gateway", "/guides/gateway"),
            page("Configuration of the gateway", "/guides/gateway-configuration"),
            page("The gateway's books", "/guides/gateway-books"),
            page("The gateway as a service", "/guides/gateway-service"),
            page("Decide only", "/guides/decide-only"),
            page("Stop, top up, be told", "/guides/gateway-alerts"),
            ...presets(),
            page("Several gateways on one database", "/guides/gateway-several"),
            page("Test your paid service", "/guides/testing"),
            page("Use an agent framework", "/guides/agents"),
            page("Sell and buy MCP tools", "/guides/mcp"),
            page("sigil mcp", "/guides/sigil-mcp"),
            page("Other clients and servers", "/guides/interop"),
          ],
        },
        {
          text: "Concepts",
          items: [
            page("Credential", "/concepts/credential"),
            page("Nodes and places", "/concepts/nodes"),
            page("Hand-over and relay", "/concepts/hand-over"),
            page("Treasury and service", "/concepts/treasury-and-service"),
            page("What is enforced where", "/concepts/enforcement"),
            page("Glossary", "/concepts/glossary"),
          ],
        },
        {
          text: "Reference",
          items: [
            page("Errors", "/reference/errors"),
            page("Caveats", "/reference/caveats"),
            page("Configuration", "/reference/configuration"),
            page("Command line", "/reference/cli"),
            page("HTTP", "/reference/http"),
            page("TypeScript API", "/reference/api/"),
            page("Conformance", "/reference/conformance"),
          ],
        },
        {
          text: "Project",
          items: [
            page("Architecture", "/ARCHITECTURE"),
            page("Security", "/SECURITY"),
            page("Contributing", "/CONTRIBUTING"),
            page("Changelog", "/CHANGELOG"),
          ],
        },
      ],
    },
    footer: { message: "MIT license. Not audited." },
  },
});
