/** Sockets of the file system that are their owner's alone, and what stands in their way. */

import { chmodSync, existsSync, lstatSync, readFileSync, readlinkSync, unlinkSync } from "node:fs";
import { connect, type Server } from "node:net";
import { dirname } from "node:path";
import { PagefoldError } from "../../base/errors.ts";
import { printable } from "../../base/text.ts";

/** Longest path of a socket, in bytes: the kernel's, less the NUL at its end. */
const MOST_PATH_BYTES = 107;

/**
 * Listens at `path` with mode 0600; a socket that a dead server left there is replaced if that is wanted.
 * @throws PagefoldError BUSY, NOT_FOUND, NOT_PERMITTED, NAME_TOO_LONG, IO.
 */
export async function listenPrivately(
  server: Server,
  path: string,
  { replaceDead }: { readonly replaceDead: boolean },
): Promise<void> {
  const bytes = Buffer.byteLength(path);
  if (bytes > MOST_PATH_BYTES) {
    throw new PagefoldError(
      "NAME_TOO_LONG",
      `"${printable(path)}" has ${bytes} bytes, and a socket's path may have ${MOST_PATH_BYTES}; choose a shorter one`,
    );
  }
  await makeWay(path, replaceDead);
  await new Promise<void>((resolve, reject) => {
    const onError = (cause: Error) => reject(placeError(cause, path));
    server.once("error", onError);
    // The socket is made within this call, and must not be open to others for a moment.
    const before = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off("error", onError);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
  chmodSync(path, 0o600);
}

/** Removes a socket; its listener may have done so. */
export function removeSocket(path: string): void {
  try {
    unlinkSync(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw placeError(cause as Error, path);
  }
}

/** The path of a socket this process was handed, which Node does not tell; Linux does. */
export function pathOfSocket(fd: number): string | undefined {
  try {
    const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
    const lines = readFileSync("/proc/net/unix", "utf8").split("\n");
    // Num RefCount Protocol Flags Type St Inode Path
    const found = lines.map((line) => /^(?:\S+ +){6}(\d+) (\/.*)$/.exec(line));
    return found.find((match) => match?.[1] === inode)?.[2];
  } catch {
    return undefined;
  }
}

function placeError(cause: Error, path: string): PagefoldError {
  const { code } = cause as NodeJS.ErrnoException;
  const folder = dirname(path);
  // Node calls a folder that is not there EACCES.
  if (!existsSync(folder)) {
    return new PagefoldError(
      "NOT_FOUND",
      `there is no folder "${printable(folder)}" for the socket; make it, or choose another --socket`,
      { cause },
    );
  }
  return new PagefoldError(
    code === "EACCES" || code === "EPERM" ? "NOT_PERMITTED" : "IO",
    `cannot make the socket "${printable(path)}": ${printable(cause.message)}; choose another --socket`,
    { cause },
  );
}

/** Makes sure that nothing is in the way at `path`. */
async function makeWay(path: string, replaceDead: boolean): Promise<void> {
  const failure = await new Promise<string>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve("");
    });
    probe.on("error", (cause: NodeJS.ErrnoException) => resolve(cause.code ?? cause.message));
  });
  if (failure === "ENOENT") return;
  // An ordinary file refuses connections too.
  const isDead = failure === "ECONNREFUSED" && lstatSync(path).isSocket();
  if (isDead && replaceDead) {
    removeSocket(path);
    return;
  }
  const shown = `"${printable(path)}"`;
  let message = `${shown} is there, and not a socket one may use (${failure}); choose another --socket`;
  if (failure === "")
    message = `a server listens at ${shown} already; stop it, or choose another --socket`;
  if (isDead)
    message = `${shown} is there, and no server listens at it; if one died there, --force replaces it`;
  throw new PagefoldError("BUSY", message);
}
