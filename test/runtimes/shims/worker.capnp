using Workerd = import "/workerd/workerd.capnp";

# Loopback, any free port: the caller reads which one from --control-fd.
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    (name = "smoke.js", esModule = embed "../dist/smoke.js"),
  ],
  compatibilityDate = "2026-01-01",
);
