/**
 * TLS for the server: certificates or pre-shared keys, from files, and the upgrade of a connection in the middle of its
 * handshake.
 */

import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { createServer, type TLSSocket, type TlsOptions } from "node:tls";
import { PagefoldError } from "../../base/errors.ts";
import { fileError } from "../../base/file-error.ts";
import { printable } from "../../base/text.ts";
import { PSK_CIPHERS, parsePskFile } from "../psk.ts";

/** Where TLS's secrets are: a certificate and its key, or a file of pre-shared keys. */
export interface TlsFiles {
  /** The server's certificate and its private key, PEM. */
  readonly certPath?: string;
  readonly keyPath?: string;
  /** Authorities, PEM: only clients with a certificate of theirs are let in. */
  readonly caPath?: string;
  /** Lines of `user:key`, the key in hexadecimal, as gnutls's psktool writes them. */
  readonly pskPath?: string;
}

/** Most time for the handshake of TLS itself. */
const HANDSHAKE_TIMEOUT_MS = 30_000;

function readSecret(path: string, what: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw fileError(`${what} "${printable(path)}"`, { act: "read", cause });
  }
}

function pskOptions(keys: ReadonlyMap<string, Buffer>): TlsOptions {
  return {
    ciphers: PSK_CIPHERS,
    maxVersion: "TLSv1.2",
    pskIdentityHint: "pagefold",
    pskCallback: (_socket, user) => keys.get(user) ?? null,
  };
}

function certificateOptions(files: TlsFiles): TlsOptions {
  const { certPath, keyPath, caPath } = files;
  if (certPath === undefined || keyPath === undefined) {
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      "TLS needs a certificate and its key, or a file of pre-shared keys; one of the two is missing",
    );
  }
  const ca = caPath === undefined ? undefined : readSecret(caPath, "the authorities' certificate");
  return {
    cert: readSecret(certPath, "the certificate"),
    key: readSecret(keyPath, "the certificate's key"),
    ...(ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true }),
  };
}

export class ServerTls {
  /** Who may come with a key, in the order of the file. */
  readonly users: readonly string[];
  readonly #options: TlsOptions;

  /** @throws PagefoldError for files that are missing, unreadable, or not what they should be. */
  constructor(files: TlsFiles) {
    const { pskPath } = files;
    const keys =
      pskPath === undefined
        ? undefined
        : parsePskFile(readSecret(pskPath, "the file of keys").toString("utf8"), pskPath);
    this.users = [...(keys?.keys() ?? [])];
    this.#options = {
      minVersion: "TLSv1.2",
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      ...(keys === undefined ? certificateOptions(files) : pskOptions(keys)),
    };
    try {
      createServer(this.#options);
      // OpenSSL passes over authorities it cannot read, and would then let nobody in.
      const { ca } = this.#options;
      if (ca !== undefined) new X509Certificate(ca as Buffer);
    } catch (cause) {
      throw new PagefoldError(
        "INVALID_ARGUMENT",
        `the certificate, its key and the authorities do not go together: ${printable((cause as Error).message)}`,
        { cause },
      );
    }
  }

  /** Encrypts a connection; fails if the client is not let in. */
  upgrade(socket: Socket): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const server = createServer(this.#options, resolve);
      server.on("tlsClientError", (cause, encrypted) => reject(whyRefused(cause, encrypted)));
      // The TLS socket, which knows more, tells of it in the same turn.
      socket.once("close", () => setImmediate(() => reject(new Error("the client went"))));
      server.emit("connection", socket);
    });
  }
}

/** Why a client was not let in, in one line: OpenSSL's messages hold places in its sources. */
function whyRefused(cause: Error, { authorizationError }: TLSSocket): Error {
  if (authorizationError) {
    return new Error(`its certificate is not of the authorities given (${authorizationError})`);
  }
  const { reason } = cause as { readonly reason?: string };
  return reason === undefined ? cause : new Error(reason);
}
