/** A server on stdio that does what its first argument says. */
const [, , what] = process.argv;
const say = (text: string) => process.stdout.write(`${text}\n`);
const echo = () =>
  process.stdin.on("data", (part) => {
    for (const line of String(part).trimEnd().split("\n")) process.stderr.write(`got ${line}\n`);
  });

if (what === "exits") process.exit(3);
else if (what === "echoes") echo();
else if (what === "nonsense") {
  for (const line of ["Server is ready!", "[1]", '"x"', "{", '{"id":{}}', "\u0000"]) say(line);
  say(
    '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"still here"}}',
  );
  for (let at = 0; at < 1000; at++) say(`nonsense ${at}`);
  say(
    '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"the end"}}',
  );
} else if (what === "huge") {
  const part = "x".repeat(1024 * 1024);
  const more = () => {
    while (process.stdout.write(part));
    process.stdout.once("drain", more);
  };
  more();
} else if (what === "floods") {
  const line = `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"${"x".repeat(1000)}"}}`;
  let said = 0;
  const more = () => {
    while (said < 300_000 && process.stdout.write(`${line}\n`)) said++;
    process.stderr.write(`said ${said}\n`);
    process.stdout.once("drain", more);
  };
  more();
} else if (what === "stays") {
  process.on("SIGTERM", () => {});
  process.stderr.write(`pid ${process.pid}\n`);
  setInterval(() => {}, 1000);
} else if (what === "lists") {
  // Answers with another form of the id, and with what was not asked for.
  process.stdin.on("data", () =>
    say(
      '{"jsonrpc":"2.0","id":"1","result":{"tools":[{"name":"evil","inputSchema":{"type":"object"}},{"name":"read","inputSchema":{"type":"object"}},7]}}',
    ),
  );
}
