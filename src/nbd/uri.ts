/**
 * NBD URIs as the specification has them (doc/uri.md of NetworkBlockDevice/nbd), with libnbd's two parameters for the
 * files of TLS, `tls-certificates` and `tls-psk-file`. What is parsed and formatted again means the same; what is not
 * understood is refused, never ignored.
 */

import { PagefoldError } from "../base/errors.ts";
import { printable } from "../base/text.ts";
import { DEFAULT_PORT, MOST_STRING_BYTES } from "./protocol.ts";

/** How a client proves itself and checks the server: by keys of `pskPath` if given, by certificates otherwise. */
export interface NbdTls {
  /** Folder with ca-cert.pem and, for a server that asks for them, client-cert.pem and client-key.pem. */
  readonly certificatesPath?: string;
  /** File of lines `user:key in hexadecimal`. */
  readonly pskPath?: string;
  /** Whose key of `pskPath` is used. */
  readonly userName?: string;
  /** The name the server's certificate must have, where it is not the host connected to. */
  readonly hostname?: string;
  /** Whether the server's certificate is checked; it is, unless this is false. */
  readonly verifyPeer?: boolean;
}

export type NbdPlace =
  | { readonly socketPath: string }
  | { readonly host: string; readonly port: number };

/** An export at a place, and how to go there. */
export type NbdAddress = NbdPlace & { readonly exportName: string; readonly tls?: NbdTls };

const SCHEMES: Readonly<Record<string, { readonly isUnix: boolean; readonly isTls: boolean }>> = {
  nbd: { isUnix: false, isTls: false },
  nbds: { isUnix: false, isTls: true },
  "nbd+unix": { isUnix: true, isTls: false },
  "nbds+unix": { isUnix: true, isTls: true },
};

/** Of Linux; the system would cut off what is longer. */
const MOST_SOCKET_PATH_BYTES = 107;

const TLS_PARAMETERS = [
  "tls-type",
  "tls-certificates",
  "tls-psk-file",
  "tls-hostname",
  "tls-verify-peer",
];

/** Of RFC 3986, appendix B: scheme, authority, path, query, fragment. */
const PARTS = /^(?:([^:/?#]+):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(#.*)?$/s;
/** User, bracketed or plain host, port. */
const AUTHORITY = /^(?:([^@]*)@)?(\[[\w:.%-]+\]|[^:[\]@]*)(?::(\d*))?$/;

type Refuse = (why: string) => PagefoldError;

/** @throws PagefoldError INVALID_ARGUMENT, or UNSUPPORTED for TLS in which nobody proves anything. */
export function parseNbdUri(text: string): NbdAddress {
  const refuse: Refuse = (why) =>
    new PagefoldError("INVALID_ARGUMENT", `"${printable(text)}" is no NBD URI: ${why}`);

  const [, name = "", authority, path = "", query = "", fragment] = PARTS.exec(text) ?? [];
  const scheme = SCHEMES[name.toLowerCase()];
  if (scheme === undefined || authority === undefined) {
    throw refuse(`it must begin with one of ${Object.keys(SCHEMES).join("://, ")}://`);
  }
  if (fragment !== undefined) throw refuse("it has a # in it; write that as %23");
  const parameters = parseQuery(query, refuse);
  const { userName, host, port } = parseAuthority(authority, refuse);
  const rest = {
    exportName: parseExportName(path, refuse),
    ...(scheme.isTls ? { tls: tlsOf(parameters, userName, refuse) } : {}),
  };
  const needsTls = TLS_PARAMETERS.find((key) => parameters.has(key));
  if (!scheme.isTls && needsTls !== undefined) {
    throw refuse(`${needsTls} needs TLS; begin with ${scheme.isUnix ? "nbds+unix:" : "nbds:"}`);
  }

  const socketPath = parameters.get("socket");
  if (!scheme.isUnix) {
    if (socketPath === undefined) {
      return { host: host ?? "localhost", port: port ?? DEFAULT_PORT, ...rest };
    }
    throw refuse(`${name}: goes over TCP; for a socket begin with ${name}+unix:///`);
  }
  if (host !== undefined || port !== undefined) {
    throw refuse(`a Unix socket has no host; write ${name}:///NAME?socket=PATH`);
  }
  if (socketPath === undefined) {
    throw refuse(`it does not say which socket; write ${name}:///NAME?socket=PATH`);
  }
  const pathBytes = Buffer.byteLength(socketPath);
  if (pathBytes > MOST_SOCKET_PATH_BYTES) {
    throw refuse(
      `the socket's path has ${pathBytes} bytes; the system allows ${MOST_SOCKET_PATH_BYTES}, so choose a shorter one`,
    );
  }
  // A first NUL marks Linux's abstract names.
  if (socketPath.includes("\0", 1)) throw refuse("a socket's path cannot hold NUL (%00)");
  return { socketPath, ...rest };
}

function decoded(part: string, refuse: Refuse): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw refuse(`"${printable(part)}" is not percent-encoded UTF-8; write a percent sign as %25`);
  }
}

function parseQuery(query: string, refuse: Refuse): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const item of query.split("&").filter((item) => item !== "")) {
    const [, encodedKey = "", encodedValue = ""] = /^([^=]*)=?(.*)$/s.exec(item) ?? [];
    const key = decoded(encodedKey, refuse);
    const value = decoded(encodedValue, refuse);
    if (key !== "socket" && !TLS_PARAMETERS.includes(key)) {
      const known = ["socket", ...TLS_PARAMETERS].join(", ");
      throw refuse(`"${printable(key)}" is none of its parameters; there are ${known}`);
    }
    if (parameters.has(key)) throw refuse(`${key} is given twice; leave one out`);
    if (value === "") throw refuse(`${key} is empty; give it a value or leave it out`);
    parameters.set(key, value);
  }
  return parameters;
}

function parseAuthority(authority: string, refuse: Refuse) {
  const [matched, user = "", host = "", port = ""] = AUTHORITY.exec(authority) ?? [];
  if (matched === undefined) {
    throw refuse(
      `"${printable(authority)}" is no host and port; an IPv6 address stands in brackets, as [::1]:${DEFAULT_PORT}`,
    );
  }
  if (port !== "" && (Number(port) < 1 || Number(port) > 65_535)) {
    throw refuse(`port ${port} is outside 1 to 65535`);
  }
  const bare = decoded(host.replace(/^\[(.*)\]$/, "$1"), refuse);
  return {
    userName: user === "" ? undefined : decoded(user, refuse),
    host: bare === "" ? undefined : bare,
    port: port === "" ? undefined : Number(port),
  };
}

function parseExportName(path: string, refuse: Refuse): string {
  const exportName = decoded(path.replace(/^\//, ""), refuse);
  const bytes = Buffer.byteLength(exportName);
  if (exportName.includes("\0")) throw refuse("an export's name cannot hold NUL (%00)");
  if (bytes <= MOST_STRING_BYTES) return exportName;
  throw refuse(`the export's name has ${bytes} bytes; the protocol allows ${MOST_STRING_BYTES}`);
}

function tlsOf(
  parameters: ReadonlyMap<string, string>,
  userName: string | undefined,
  refuse: Refuse,
): NbdTls {
  const certificatesPath = parameters.get("tls-certificates");
  const pskPath = parameters.get("tls-psk-file");
  const hostname = parameters.get("tls-hostname");
  const verify = parameters.get("tls-verify-peer");
  const type = parameters.get("tls-type");
  if (certificatesPath !== undefined && pskPath !== undefined) {
    throw refuse("tls-certificates and tls-psk-file exclude each other; leave one out");
  }
  if (verify !== undefined && verify !== "0" && verify !== "1") {
    throw refuse(`tls-verify-peer is "${printable(verify)}"; it may be 0 or 1`);
  }
  if (type === "anon") {
    throw new PagefoldError(
      "UNSUPPORTED",
      "tls-type is anon, which protects from nobody who can reply; use x509 or psk",
    );
  }
  if (type === "psk" && pskPath === undefined) {
    throw refuse("tls-type psk needs the file of keys; add tls-psk-file=PATH");
  }
  if (type === "x509" && pskPath !== undefined) {
    throw refuse("tls-type x509 has no use for tls-psk-file; leave one out");
  }
  if (type !== undefined && type !== "psk" && type !== "x509") {
    throw refuse(`tls-type is "${printable(type)}"; it may be x509 or psk`);
  }
  return {
    ...(certificatesPath === undefined ? {} : { certificatesPath }),
    ...(pskPath === undefined ? {} : { pskPath }),
    ...(userName === undefined ? {} : { userName }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(verify === "0" ? { verifyPeer: false } : {}),
  };
}

/** The URI of an address. Its parts have been checked: no NUL, no half of a surrogate pair, a port from 1 to 65535. */
export function formatNbdUri(address: NbdAddress): string {
  const { exportName, tls } = address;
  const isUnix = "socketPath" in address;
  const parameters = [
    ["socket", isUnix ? address.socketPath : undefined],
    ["tls-certificates", tls?.certificatesPath],
    ["tls-psk-file", tls?.pskPath],
    ["tls-hostname", tls?.hostname],
    ["tls-verify-peer", tls?.verifyPeer === false ? "0" : undefined],
  ].flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${encoded(value)}`]));

  const scheme = `nbd${tls ? "s" : ""}${isUnix ? "+unix" : ""}`;
  const user = tls?.userName === undefined ? "" : `${encodeURIComponent(tls.userName)}@`;
  const query = parameters.length === 0 ? "" : `?${parameters.join("&")}`;
  return `${scheme}://${user}${isUnix ? "" : formatHost(address)}/${encoded(exportName)}${query}`;
}

function formatHost({ host, port }: { readonly host: string; readonly port: number }): string {
  const name = host.includes(":") ? `[${host.replaceAll("%", "%25")}]` : encodeURIComponent(host);
  return port === DEFAULT_PORT ? name : `${name}:${port}`;
}

/** Slashes are allowed in paths and queries alike, and paths are easier to read with them. */
function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll("%2F", "/");
}
