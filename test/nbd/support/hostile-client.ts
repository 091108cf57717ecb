/** A client that sends what it likes, as it likes, and leaves as it likes. */

import { connect, type Socket } from "node:net";
import type { SeededRandom } from "../../../src/base/random.ts";
import { pick } from "./hostile-bytes.ts";

/** When a server that does not end a connection is given up. */
const PATIENCE_MS = 20_000;

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function opened(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      // Being cut off is what it asks for.
      socket.off("error", reject).on("error", () => {});
      resolve(socket);
    });
  });
}

/** Returns when the server has ended the connection. */
function ended(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    if (socket.destroyed || socket.readableEnded) resolve();
    const patience = setTimeout(
      () => reject(new Error("the server does not end the connection of a client that has left")),
      PATIENCE_MS,
    );
    const end = () => {
      clearTimeout(patience);
      resolve();
    };
    socket.once("end", end).once("close", end);
  });
}

/** Sends the bytes in pieces, reads or does not, and leaves in one way or another; the connection is gone then. */
export async function attack(path: string, random: SeededRandom, sent: Buffer): Promise<void> {
  const socket = await opened(path);
  const isReading = random.below(4) > 0;
  if (isReading) socket.resume();
  const most = pick(random, [1, 30, 1000, 70_000, sent.length + 1]);
  const pace = pick(random, [0, 0, 1, 3]);
  // So many pieces at most: a long conversation byte by byte would take all the time there is.
  const least = Math.ceil(sent.length / 400);
  for (let at = 0; at < sent.length && !socket.destroyed; ) {
    const piece = least + random.below(most);
    socket.write(sent.subarray(at, at + piece));
    at += piece;
    for (let left = pace; left > 0; left--) await turn();
  }
  for (let left = random.below(10); left > 0; left--) await turn();
  if (random.below(3) > 0) {
    socket.resume();
    socket.end();
    await ended(socket);
  }
  socket.destroy();
}
