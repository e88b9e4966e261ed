/** The check of each caveat, written from the table of spec/9-public-key.md §3. */
import { date, op, predicate, query, set, variable } from "./datalog.js";

const v = variable;
const own = query([predicate("own_affairs", true)]);
const check = (...queries) => ({ queries });
const among = (values, name) => [set([...new Set(values)]), v(name), op("contains")];
const service = (name) =>
  query([predicate("service", v("s"))], [set([name]), v("s"), op("contains"), op("negate")]);
const list = (value) => (value === "" ? [] : value.split(","));
const MAX = 2n ** 63n;

const escaped = (text) => text.replace(/[\\.+*?()|[\]{}^$]/g, "\\$&");
/** R of §3. Entries are written canonical in these cases. */
function regex(entries) {
  const all = entries.map((entry) => {
    const [, methods, scheme, rawHost, rawPort, path] =
      /^(\S+) (https?):\/\/(\[[^\]]*\]|[^:/]+)(?::(\d+|\*))?(\/.*)$/.exec(entry);
    const names = methods.split("|");
    if (names.includes("GET") && !names.includes("HEAD")) names.push("HEAD");
    const method =
      methods === "*" ? "[A-Z][A-Z-]*" : names.length === 1 ? names[0] : `(?:${names.join("|")})`;
    const host =
      rawHost === "*"
        ? "(?:[^/:\\[\\]]+|\\[[^/\\[\\]]+\\])"
        : rawHost.startsWith("*.")
          ? `[^/:\\[\\]]*${escaped(rawHost.slice(1))}`
          : escaped(rawHost);
    const port = rawPort === "*" ? "[0-9]+" : (rawPort ?? (scheme === "https" ? "443" : "80"));
    const segments = path.slice(1).split("/");
    const isOpen = segments.at(-1) === "**";
    if (isOpen) segments.pop();
    const last = isOpen ? "/.*" : "";
    const parts = segments.map((one) => (one === "*" ? "/[^/]+" : `/${escaped(canonical(one))}`));
    return `${method} ${scheme}://${host}:${port}${parts.join("")}${last}`;
  });
  return `^(?:${all.join("|")})$`;
}
const canonical = (text) =>
  text.replace(/%[0-9A-Fa-f]{2}/g, (one) => {
    const character = String.fromCharCode(Number.parseInt(one.slice(1), 16));
    return /[A-Za-z0-9\-._~]/.test(character) ? character : one.toUpperCase();
  });

const counted = (caveat) => check(query([predicate("counted", caveat)]));
const isInteger = (text) => /^(?:0|[1-9][0-9]{0,18})$/.test(text);
const isTime = (text) => isInteger(text) && BigInt(text) < 2n ** 53n;

/**
 * The check of a caveat; none for `agent` and `purpose`.
 *
 * @param isReadable false for a value that is not of its condition's form
 */
export function checkOf(caveat, isReadable = true) {
  const at = caveat.indexOf("=");
  const [name, value] = [caveat.slice(0, at), caveat.slice(at + 1)];
  if (!isReadable || at < 1) return counted(caveat);
  const bySuffix = /^(.+)_(capabilities|valid_until)$/.exec(name);
  const price = /^max_price_(msat|usd_micro)$/.exec(name);
  if (name === "agent" || name === "purpose") return undefined;
  if (name === "endpoints")
    return value === ""
      ? check(own)
      : check(
          query([predicate("access", v("a"))], [v("a"), regex(value.split(";")), op("regex")]),
          own,
        );
  if (name === "services") {
    const names = list(value).map((one) => one.replace(/:[0-9]+$/, ""));
    return names.length === 0
      ? check(own)
      : check(query([predicate("service", v("s"))], among(names, "s")), own);
  }
  if (bySuffix?.[2] === "capabilities") {
    const names = list(value);
    const some = query([predicate("capability", v("c"))], among(names, "c"));
    return check(service(bySuffix[1]), ...(names.length === 0 ? [] : [some]), own);
  }
  if (bySuffix?.[2] === "valid_until")
    return isTime(value)
      ? check(
          service(bySuffix[1]),
          query([predicate("time", v("t"))], [v("t"), date(BigInt(value)), op("lessThan")]),
        )
      : counted(caveat);
  if (name === "model") {
    const names = list(value);
    const whole = names.filter((one) => !one.endsWith("*"));
    const starts = names.filter((one) => one.endsWith("*"));
    const model = predicate("model", v("m"));
    return check(
      ...(whole.length > 0 ? [query([model], among(whole, "m"))] : []),
      ...starts.map((one) => query([model], [v("m"), one.slice(0, -1), op("prefix")])),
      query([predicate("uses_no_model", true)]),
      own,
    );
  }
  if (name === "valid_from" || name === "valid_until") {
    if (!isTime(value)) return counted(caveat);
    const how = name === "valid_from" ? "greaterOrEqual" : "lessThan";
    return check(query([predicate("time", v("t"))], [v("t"), date(BigInt(value)), op(how)]));
  }
  if (price !== null && isInteger(value) && BigInt(value) < MAX)
    return check(
      query(
        [predicate("price", v("u"), v("p"))],
        [set([price[1]]), v("u"), op("contains"), op("negate")],
      ),
      query([predicate("price", price[1], v("p"))], [v("p"), BigInt(value), op("lessOrEqual")]),
    );
  if (name === "sold_price") {
    const [most, unit, hash] = value.split(" ");
    if (!isInteger(most) || BigInt(most) >= MAX) return counted(caveat);
    return check(
      query([predicate("price", unit, v("p"))], [v("p"), BigInt(most), op("lessOrEqual")]),
      ...(hash === undefined ? [] : [query([predicate("priced_request", hash)])]),
      query([predicate("price", "none", 0)]),
      own,
    );
  }
  if (name === "holder") return check(query([predicate("holder", value)]));
  if (name === "ledger") return check(query([predicate("ledger", value)]));
  return counted(caveat);
}
