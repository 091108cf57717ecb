/**
 * Keeps a log from being laid over something else: a file or device that begins neither with zeros nor with a log's
 * header is refused before anything of it is changed.
 */

import { open, stat } from "node:fs/promises";
import { PagefoldError } from "../base/errors.ts";
import { systemCode } from "../base/file-error.ts";
import { hasHeaderMagic } from "./format/header-record.ts";
import { refuseUsedDevice } from "./media/block-device.ts";

/** Of the beginning; file systems, partition tables and images have something in it. */
const LOOKED_AT_BYTES = 2 ** 16;

/**
 * What cannot be read is left to whoever opens it.
 * @throws PagefoldError BUSY if something else is there, or a device is in use.
 */
export async function refuseForeignContents(path: string): Promise<void> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    const found = await stat(path, { bigint: true });
    // Opening a pipe would wait for its other end.
    if (!found.isFile() && !found.isBlockDevice()) return;
    // Nobody is to be told to clear what is mounted.
    if (found.isBlockDevice()) await refuseUsedDevice(path, found.rdev);
    file = await open(path, "r");
  } catch (cause) {
    if (systemCode(cause) !== "") return;
    throw cause;
  }
  try {
    const bytes = new Uint8Array(LOOKED_AT_BYTES);
    const { bytesRead } = await file.read(bytes, 0, LOOKED_AT_BYTES, 0);
    if (bytesRead >= 12 && hasHeaderMagic(bytes, 0)) return;
    if (bytes.every((byte) => byte === 0)) return;
  } finally {
    await file.close();
  }
  throw new PagefoldError(
    "BUSY",
    `${path} holds something that is no overflow log, which would be lost; name another file, or clear its first ${LOOKED_AT_BYTES} bytes`,
  );
}
