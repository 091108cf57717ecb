/**
 * Where a server's sockets are unless the user says: for `serve`, which makes them, and `stat` and `ctl`, which look.
 */

import { lstatSync, mkdirSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { PagefoldError } from "../base/errors.ts";
import { printable } from "../base/text.ts";

/** $XDG_RUNTIME_DIR, else a folder of this user's own among the temporary files. */
function runtimeFolder(): string {
  const given = process.env.XDG_RUNTIME_DIR;
  return given !== undefined && given !== "" ? given : join(tmpdir(), `pagefold-${userInfo().uid}`);
}

/** The NBD socket unless the user names another. */
export function defaultSocketPath(): string {
  return join(runtimeFolder(), "pagefold.sock");
}

/** The socket that a server on a TCP port would have; its control socket is beside it. */
export function portSocketPath(port: number): string {
  return join(runtimeFolder(), `pagefold-${port}.sock`);
}

/**
 * Makes the folder of the default sockets where it is missing.
 * @throws PagefoldError NOT_PERMITTED if it is another user's, or open to others.
 */
export function ensureRuntimeFolder(): void {
  mkdirSync(runtimeFolder(), { recursive: true, mode: 0o700 });
  checkRuntimeFolder();
}

/**
 * Checks that nobody else can have put sockets into the folder of the default ones; a missing folder has none.
 * @throws PagefoldError NOT_PERMITTED if it is another user's, or open to others.
 */
export function checkRuntimeFolder(): void {
  const folder = runtimeFolder();
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return;
  const { uid } = userInfo();
  const isPrivate = found.isDirectory() && found.uid === uid && (found.mode & 0o022) === 0;
  if (isPrivate || uid < 0) return;
  throw new PagefoldError(
    "NOT_PERMITTED",
    `"${printable(folder)}" is not a folder that only this user may write to; say --socket, or set XDG_RUNTIME_DIR`,
  );
}
