/** An authority of a test and certificates that it signs, made with OpenSSL in a new folder. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateOptions {
  /** As `subjectAltName` writes them: `DNS:localhost`, `IP:127.0.0.1`. */
  readonly names: readonly string[];
  /** Of X.509: `20200101000000Z`. @default a day ago */
  readonly from?: string;
  /** @default in a day */
  readonly until?: string;
}

const EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
const DAY_MS = 86_400_000;
const CONFIG = `[ca]
default_ca = one
[one]
database = index.txt
new_certs_dir = new
serial = serial
unique_subject = no
policy = any
default_md = sha256
[any]
commonName = supplied
`;

const text = (date: Date): string => date.toISOString().replace(/[-:T]|\.\d+/g, "");

export class CertificateAuthority implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "sigil-certificates-"));
  /** Its own certificate, as PEM. */
  readonly certificate: string;
  #count = 0;

  constructor(name = "Authority of a test") {
    mkdirSync(join(this.#folder, "new"));
    for (const [file, content] of Object.entries({ "index.txt": "", serial: "01", conf: CONFIG }))
      writeFileSync(join(this.#folder, file), content);
    this.#openssl(
      ...["req", "-x509", ...EC, "-days", "2", "-subj", `/CN=${name}`],
      ...["-keyout", "ca.key", "-out", "ca.pem"],
    );
    this.certificate = this.#read("ca.pem");
  }

  signs({
    names,
    from = text(new Date(Date.now() - DAY_MS)),
    until = text(new Date(Date.now() + DAY_MS)),
  }: CertificateOptions): Pair {
    const file = (kind: string): string => `${this.#count}.${kind}`;
    this.#count++;
    writeFileSync(
      join(this.#folder, file("ext")),
      `subjectAltName=${names.join(",")}\nbasicConstraints=CA:FALSE\n`,
    );
    this.#openssl(
      ...["req", ...EC, "-subj", "/CN=A host of a test"],
      ...["-keyout", file("key"), "-out", file("csr")],
    );
    this.#openssl(
      ...["ca", "-batch", "-config", "conf", "-notext", "-startdate", from, "-enddate", until],
      ...["-cert", "ca.pem", "-keyfile", "ca.key", "-extfile", file("ext")],
      ...["-in", file("csr"), "-out", file("pem")],
    );
    return { cert: this.#read(file("pem")), key: this.#read(file("key")) };
  }

  /** A certificate that vouches for itself. */
  selfSigned(names: readonly string[]): Pair {
    this.#openssl(
      ...["req", "-x509", ...EC, "-days", "2", "-subj", "/CN=A host by itself"],
      ...["-addext", `subjectAltName=${names.join(",")}`, "-keyout", "own.key", "-out", "own.pem"],
    );
    return { cert: this.#read("own.pem"), key: this.#read("own.key") };
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #openssl(...args: readonly string[]): void {
    execFileSync("openssl", args, { cwd: this.#folder, stdio: ["ignore", "ignore", "pipe"] });
  }

  #read(file: string): string {
    return readFileSync(join(this.#folder, file), "utf8");
  }
}
