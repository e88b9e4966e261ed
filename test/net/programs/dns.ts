/** A name server for the zone of support/plan.ts, which can rebind names and make up DNS64. */
import { createSocket } from "node:dgram";
import { type Answer, decode, encode, RECURSION_DESIRED } from "dns-packet";
import { type Entry, HOSTS, RESOLVER, ZONE } from "../support/plan.ts";

/** How often the addresses of a name were asked for, by name and type. */
const asked = new Map<string, number>();
const AUTHORITATIVE = 1 << 10;
const RECURSION_AVAILABLE = 1 << 7;
const NXDOMAIN = 3;

type Type = "A" | "AAAA";

function addresses(name: string, entry: Entry, type: Type): readonly string[] {
  if (entry.later === undefined) return entry[type] ?? [];
  const key = `${name} ${type}`;
  const before = asked.get(key) ?? 0;
  asked.set(key, before + 1);
  return (before === 0 ? entry : entry.later)[type] ?? [];
}

/** RFC 6147 §5.1: the IPv4 addresses of a name that has no IPv6 address, behind the prefix. */
const translated = (address: string): string => {
  const [a, b, c, d] = address.split(".").map(Number) as [number, number, number, number];
  return `64:ff9b::${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
};

function answersOf(name: string, type: string, isDns64: boolean): Answer[] | undefined {
  const entry = ZONE[name];
  if (entry === undefined) return undefined;
  if (entry.CNAME !== undefined)
    return [
      { type: "CNAME", name, ttl: 0, data: entry.CNAME },
      ...(answersOf(entry.CNAME, type, isDns64) ?? []),
    ];
  if (type !== "A" && type !== "AAAA") return [];
  let found = addresses(name, entry, type);
  if (isDns64 && type === "AAAA" && found.length === 0)
    found = addresses(name, entry, "A").map(translated);
  return found.map((data) => ({ type, name, ttl: 0, data }));
}

function serve(address: string): Promise<void> {
  const isV6 = address.includes(":");
  const socket = createSocket(isV6 ? "udp6" : "udp4");
  const isDns64 = address === RESOLVER.dns64;
  socket.on("message", (message, peer) => {
    const { id, flags = 0, questions = [] } = decode(message);
    const [question] = questions;
    if (question === undefined) return;
    const answers = answersOf(question.name.toLowerCase(), question.type, isDns64);
    const more = AUTHORITATIVE | RECURSION_AVAILABLE | (flags & RECURSION_DESIRED);
    const reply = encode({
      type: "response",
      ...(id !== undefined && { id }),
      flags: more | (answers === undefined ? NXDOMAIN : 0),
      questions: [question],
      answers: answers ?? [],
    });
    socket.send(reply, peer.port, peer.address);
  });
  return new Promise((bound) => socket.bind(53, address, bound));
}

await Promise.all([...HOSTS.dns.v4, ...HOSTS.dns.v6].map(serve));
console.log("ready");
