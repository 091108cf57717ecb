/**
 * What a hostile or broken client might send: valid conversations, damaged in one way or several, and bytes that never
 * were one. All of it follows from the random source.
 */

import type { SeededRandom } from "../../../src/base/random.ts";
import {
  bytes,
  CMD,
  contextData,
  FLAG,
  infoData,
  OPT,
  option,
  request,
  text,
  u32,
} from "./wire.ts";

export function pick<Item>(random: SeededRandom, items: readonly Item[]): Item {
  return items[random.below(items.length)]!;
}

export function noise(random: SeededRandom, length: number): Buffer {
  const data = Buffer.alloc(length);
  random.fill(data);
  return data;
}

/** Contents that everybody writes, so that attackers share objects with their victims. */
export const POPULAR: readonly Buffer[] = Array.from({ length: 12 }, (_, number) =>
  Buffer.alloc(4096, `page ${number} of those that everybody has; `),
);

export interface Target {
  /** Names of the exports that may be attacked, and how long they are. */
  readonly names: readonly string[];
  readonly sizeBytes: number;
}

const QUERIES = ["base:allocation", "x-pagefold:state", "base:", "qemu:dirty-bitmap:a", "nothing"];

function someOption(random: SeededRandom, { names }: Target): Buffer {
  const name = pick(random, [...names, "nobody's"]);
  const queries = Array.from({ length: random.below(4) }, () => pick(random, QUERIES));
  const items = Array.from({ length: random.below(5) }, () => random.below(6));
  switch (random.below(25)) {
    case 0:
      return option(OPT.STARTTLS);
    case 1:
    case 2:
      return option(OPT.STRUCTURED_REPLY);
    case 3:
      return option(OPT.LIST_META_CONTEXT, contextData(name, queries));
    case 4:
    case 5:
      return option(OPT.SET_META_CONTEXT, contextData(name, queries));
    case 6:
      return option(OPT.INFO, infoData(name, items));
    case 7:
      return option(random.below(20), noise(random, random.below(100)));
    default:
      return option(OPT.LIST);
  }
}

function payload(random: SeededRandom): Buffer {
  switch (random.below(4)) {
    case 0:
      return noise(random, random.below(10_000));
    case 1:
      return Buffer.alloc(random.below(400_000), random.below(256));
    default:
      return bytes(...Array.from({ length: 1 + random.below(12) }, () => pick(random, POPULAR)));
  }
}

function someRequest(random: SeededRandom, { sizeBytes }: Target): Buffer {
  const type = pick(random, [0, 0, 1, 1, 1, 3, 4, 4, 5, 6, 6, 7, 7, random.below(20)]);
  const flags = random.below(4) === 0 ? random.below(64) : pick(random, [0, 0, FLAG.FUA]);
  const cookie = random.uint32();
  const page = random.below(sizeBytes / 4096) * 4096;
  const offset = random.below(3) === 0 ? random.below(sizeBytes + 5000) : page;
  if (type === CMD.FLUSH) return request(type, { flags, cookie });
  if (type === CMD.WRITE) return request(type, { flags, cookie, offset, payload: payload(random) });
  const length = pick(random, [0, 1, 4096, random.below(sizeBytes), random.below(20_000)]);
  return request(type, { flags, cookie, offset, length });
}

/** A conversation by the rules, message by message. */
function conversation(random: SeededRandom, target: Target): Buffer[] {
  const messages = [u32(random.below(10) === 0 ? random.below(4) : 3)];
  for (let left = random.below(6); left > 0; left--) messages.push(someOption(random, target));
  const name = pick(random, target.names);
  if (random.below(2) === 0) messages.push(option(OPT.STRUCTURED_REPLY));
  if (random.below(2) === 0)
    messages.push(option(OPT.SET_META_CONTEXT, contextData(name, QUERIES.slice(0, 2))));
  messages.push(
    random.below(4) === 0
      ? option(OPT.EXPORT_NAME, text(name))
      : option(OPT.GO, infoData(name, [3])),
  );
  for (let left = random.below(30); left > 0; left--) messages.push(someRequest(random, target));
  if (random.below(3) === 0) messages.push(request(CMD.DISC));
  return messages;
}

const LENGTHS = [
  0,
  1,
  2,
  28,
  4096,
  4097,
  65_535,
  65_536,
  65_537,
  2 ** 18,
  2 ** 18 + 1,
  2 ** 25,
  2 ** 25 + 1,
  2 ** 26,
  2 ** 26 + 1,
  2 ** 31,
  2 ** 32 - 1,
];

/** Damages the messages in one way; all of them are copies. */
function damage(random: SeededRandom, messages: Buffer[]): void {
  // Rather late than early, so that much of the conversation is had.
  const at = Math.max(random.below(messages.length), random.below(messages.length));
  const message = messages[at]!;
  switch (random.below(8)) {
    case 0:
      for (let bits = 1 + random.below(8); bits > 0 && message.length > 0; bits--)
        message[random.below(message.length)]! ^= 1 << random.below(8);
      break;
    case 1: {
      // The length of an option is at 12, that of a request at 24; elsewhere there are others.
      const place = pick(random, [12, 16, 24, random.below(message.length)]);
      if (place + 4 <= message.length) message.writeUInt32BE(pick(random, LENGTHS), place);
      break;
    }
    case 2:
      messages[at] = message.subarray(0, random.below(message.length + 1));
      break;
    case 3:
      messages.splice(at, 0, Buffer.from(message));
      break;
    case 4: {
      const other = random.below(messages.length);
      messages[at] = messages[other]!;
      messages[other] = message;
      break;
    }
    case 5:
      if (messages.length > 1) messages.splice(at, 1);
      break;
    case 6:
      messages.splice(at, 0, noise(random, random.below(200)));
      break;
    default:
      messages[at] = bytes(message, noise(random, 1 + random.below(40)));
  }
}

/** All that one client sends. */
export function hostileBytes(random: SeededRandom, target: Target): Buffer {
  if (random.below(20) === 0) return noise(random, random.below(5000));
  const messages = conversation(random, target);
  if (random.below(20) === 0) messages.push(noise(random, random.below(5000)));
  const damages = pick(random, [0, 1, 1, 1, 2, 3, 5]);
  for (let left = damages; left > 0; left--) damage(random, messages);
  return bytes(...messages);
}
