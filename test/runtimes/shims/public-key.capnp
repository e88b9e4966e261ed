using Workerd = import "/workerd/workerd.capnp";

# Loopback, any free port: the caller reads which one from --control-fd. The Worker may reach
# loopback alone. It runs with the modules of Node, and without.
const config :Workerd.Config = (
  services = [
    (name = "plain", worker = (modules = .modules, compatibilityDate = "2026-01-01", globalOutbound = "here")),
    (name = "node", worker = (
      modules = .modules,
      compatibilityDate = "2026-01-01",
      compatibilityFlags = ["nodejs_compat"],
      globalOutbound = "here",
    )),
    (name = "here", network = (allow = ["local"])),
  ],
  sockets = [
    (name = "plain", address = "127.0.0.1:0", http = (), service = "plain"),
    (name = "node", address = "127.0.0.1:0", http = (), service = "node"),
  ],
);

const modules :List(Workerd.Worker.Module) = [
  (name = "worker.js", esModule = embed "public-key-worker.js"),
  (name = "public-key.js", esModule = embed "../dist/public-key.js"),
  (name = "look-up.js", esModule = embed "../dist/look-up.js"),
];
