/** A parameter that names a file to be read: refused with the path to its key before anything runs. */

import { accessSync, constants, statSync } from "node:fs";
import { z } from "zod";
import { PagefoldError } from "../base/errors.ts";
import { fileError } from "../base/file-error.ts";

/** Why the file cannot be read, or null. */
function whyNotReadable(path: string): string | null {
  try {
    accessSync(path, constants.R_OK);
    if (statSync(path).isFile()) return null;
    throw new PagefoldError("IO", `${path} is no regular file; name one`);
  } catch (cause) {
    return fileError(path, { act: "read", cause }).message;
  }
}

export const inputFile = z
  .string()
  .superRefine((path, context) => {
    const reason = whyNotReadable(path);
    if (reason !== null) context.addIssue({ code: "custom", message: reason });
  })
  .meta({ title: "a file" });
