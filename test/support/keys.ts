/** Keys and certificates for TLS, made anew by the usual tools. */

import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

function make(program: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${stderr}`);
}

/** A file of keys, one for each user. */
export function makePskFile(path: string, users: readonly string[]): string {
  for (const user of users) make("psktool", ["-u", user, "-p", path]);
  return path;
}

/** A new elliptic key; quicker to make than RSA's. */
const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** An authority in `folder`: ca-cert.pem, ca-key.pem. */
export function makeAuthority(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const [cert, key] = [join(folder, "ca-cert.pem"), join(folder, "ca-key.pem")];
  make("openssl", [
    ...["req", "-x509", ...NEW_KEY, "-days", "2", "-subj", "/CN=authority"],
    ...["-out", cert, "-keyout", key],
  ]);
}

/** A certificate of the authority in `folder` for localhost, as `name`-cert.pem and `name`-key.pem in `into`. */
export function makeCertificate(folder: string, name: "server" | "client", into = folder): void {
  mkdirSync(into, { recursive: true });
  const request = join(into, `${name}.csr`);
  const extensions = join(into, `${name}.ext`);
  writeFileSync(extensions, "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  make("openssl", [
    ...["req", ...NEW_KEY, "-subj", `/CN=${name}`],
    ...["-out", request, "-keyout", join(into, `${name}-key.pem`)],
  ]);
  make("openssl", [
    ...["x509", "-req", "-in", request, "-days", "2", "-extfile", extensions],
    ...["-CA", join(folder, "ca-cert.pem"), "-CAkey", join(folder, "ca-key.pem")],
    ...["-CAcreateserial", "-out", join(into, `${name}-cert.pem`)],
  ]);
}
