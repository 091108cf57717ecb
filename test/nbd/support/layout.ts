/**
 * An export whose pages are of every kind, written through the server, and what its bytes are:
 *
 *     page   0      1     2   3      4            5          6        7 …
 *            text   hole  noise      zeros        one word   text     hole
 *                                    (written)               (as 0)
 */

import { SeededRandom } from "../../../src/base/random.ts";
import { numberedPage, randomPage, samePage } from "../../support/pages.ts";
import type { RawClient } from "./raw-client.ts";
import { bytes, CMD, request, simpleReply } from "./wire.ts";

export const PAGE = 4096;
const noise = new SeededRandom(2024);
const NOISE = bytes(Buffer.from(randomPage(noise)), Buffer.from(randomPage(noise)));
const TEXT = Buffer.from(numberedPage(1));

const pieces: readonly { readonly page: number; readonly data: Buffer }[] = [
  { page: 0, data: TEXT },
  { page: 2, data: NOISE },
  { page: 4, data: Buffer.alloc(PAGE) },
  { page: 5, data: Buffer.from(samePage(0x01020304, 0x05060708)) },
  { page: 6, data: TEXT },
];

/** Writes the pages; gives the export's bytes. */
export async function writeLayout(client: RawClient, sizeBytes: number): Promise<Buffer> {
  const content = Buffer.alloc(sizeBytes);
  for (const { page, data } of pieces) {
    data.copy(content, page * PAGE);
    client.send(request(CMD.WRITE, { offset: page * PAGE, payload: data }));
    await client.expect(simpleReply(0));
  }
  return content;
}
