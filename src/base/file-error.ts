/**
 * What the system says about a file, as a PagefoldError with one sentence a person can act on. Holds always: the
 * message begins with the file and ends with a remedy; the system's own error is kept as the cause.
 */

import { type ErrorCode, PagefoldError, reasonOf } from "./errors.ts";

const KNOWN: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOENT: ["NOT_FOUND", "there is no such file; check the path"],
  ENOTDIR: ["NOT_FOUND", "a part of the path is not a directory; check the path"],
  ENAMETOOLONG: ["NAME_TOO_LONG", "the system does not allow a name that long; use a shorter one"],
  ELOOP: ["NOT_FOUND", "its symbolic links go in a circle; name the file itself"],
  EACCES: ["NOT_PERMITTED", "permission is denied; check who may access it with ls -l"],
  EPERM: ["NOT_PERMITTED", "the system does not permit it; check who may access it with ls -l"],
  EROFS: ["NOT_PERMITTED", "the file system is read-only; choose another folder"],
  EISDIR: ["IO", "it is a directory; name a file"],
  ENOSPC: ["NO_SPACE", "no space is left on its file system; free some or choose another folder"],
  EDQUOT: ["NO_SPACE", "the disk quota is used up; free some or choose another folder"],
  EMFILE: ["IO", "too many files are open; raise the limit with ulimit -n"],
};

/** The system's code of an error (`ENOENT`), or "" where it has none. */
export function systemCode(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : "";
  return typeof code === "string" ? code : "";
}

/**
 * The refusal for `path`, which could not be `read`, `written` or `opened`; what the file is for may stand before it. A
 * PagefoldError passes through unchanged.
 */
export function fileError(
  path: string,
  options: { act: "read" | "written" | "opened"; cause: unknown },
) {
  const { act, cause } = options;
  if (cause instanceof PagefoldError) return cause;
  const code = systemCode(cause);
  const reason = reasonOf(cause);
  const [kind, sentence] = KNOWN[code] ?? ["IO", `the system says "${reason}"; check the disk`];
  return new PagefoldError(kind, `${path} cannot be ${act}: ${sentence}`, { cause });
}

/** A path as it can be pasted into a shell. */
export function shellQuoted(path: string): string {
  if (/^[\w./+@%,:=][\w./+@%,:=-]*$/.test(path)) return path;
  const guarded = path.startsWith("-") ? `./${path}` : path;
  return `'${guarded.replaceAll("'", "'\\''")}'`;
}
