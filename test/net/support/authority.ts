/** The certificate authority of the small internet, and one certificate for all of its hosts. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CERTIFIED } from "./plan.ts";

export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** For the same names, of an authority that no program trusts: of itself. */
  readonly strange: { readonly cert: string; readonly key: string };
}

const EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** Makes them in a folder. The trap has the certificate too, so that a hole is an answer. */
export function makeCertificates(folder: string): Certificates {
  const path = (name: string): string => join(folder, name);
  const openssl = (...args: readonly string[]): void => {
    execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
  };
  openssl(
    ...["req", "-x509", ...EC, "-days", "2", "-subj", "/CN=Authority of a test"],
    ...["-keyout", path("ca.key"), "-out", path("ca.pem")],
  );
  const { names, addresses } = CERTIFIED;
  const alternatives = [
    ...names.map((name) => `DNS:${name}`),
    ...addresses.map((address) => `IP:${address}`),
  ];
  writeFileSync(
    path("leaf.ext"),
    `subjectAltName=${alternatives.join(",")}\nbasicConstraints=CA:FALSE\n`,
  );
  openssl(
    ...["req", ...EC, "-subj", "/CN=A host of a test"],
    ...["-keyout", path("leaf.key"), "-out", path("leaf.csr")],
  );
  openssl(
    ...["x509", "-req", "-in", path("leaf.csr"), "-days", "2", "-extfile", path("leaf.ext")],
    ...["-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial"],
    ...["-out", path("leaf.pem")],
  );
  openssl(
    ...["req", "-x509", ...EC, "-days", "2", "-subj", "/CN=A stranger"],
    ...["-addext", `subjectAltName=${alternatives.join(",")}`],
    ...["-keyout", path("strange.key"), "-out", path("strange.pem")],
  );
  return {
    ca: path("ca.pem"),
    cert: path("leaf.pem"),
    key: path("leaf.key"),
    strange: { cert: path("strange.pem"), key: path("strange.key") },
  };
}
