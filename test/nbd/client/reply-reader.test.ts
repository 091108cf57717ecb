/** What the client makes of replies: right ones in every order and cut anywhere, and each kind of wrong one. */

import { afterEach, describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { NbdClient } from "../../../src/nbd/client/client.ts";
import type { ConnectOptions } from "../../../src/nbd/client/types.ts";
import {
  chunk,
  type Peer,
  type SeenRequest,
  simpleReply,
  u16,
  u32,
  u64,
  withFakeServer,
} from "../../support/fake-nbd-server.ts";
import { expectRejection } from "../../support/refusals.ts";
import { testSeed } from "../../support/seed.ts";

const SIZE = 2 ** 20;
/** Everything a request needs is offered. */
const ALL_FLAGS = 0xffff & ~2;

const NONE = 0;
const DATA = 1;
const HOLE = 2;
const STATUS = 5;
const ERROR = 0x8001;
const ERROR_AT = 0x8002;
const MORE = 0;

const clients: NbdClient[] = [];

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.disconnect()));
});

async function connectTo(uri: string, options: ConnectOptions = {}): Promise<NbdClient> {
  const client = await NbdClient.connect(uri, options);
  clients.push(client);
  return client;
}

const data = (offset: number, length: number, fill = 0x61) =>
  Buffer.concat([u64(offset), Buffer.alloc(length, fill)]);
const hole = (offset: number, length: number) => Buffer.concat([u64(offset), u32(length)]);
const error = (number: number, text = "", rest: Uint8Array = Buffer.alloc(0)) =>
  Buffer.concat([u32(number), u16(Buffer.byteLength(text)), Buffer.from(text), rest]);
const status = (context: number, ...words: readonly number[]) =>
  Buffer.concat([u32(context), ...words.map(u32)]);

interface Told {
  readonly isSimple?: boolean;
  readonly contexts?: string[];
}

/** Lets one client in, takes `count` requests, and sends what `answer` makes of them. */
function answering(
  answer: (...requests: SeenRequest[]) => Uint8Array,
  { count = 1, ...told }: Told & { readonly count?: number } = {},
) {
  return async (peer: Peer) => {
    await peer.letIn({ size: SIZE, flags: ALL_FLAGS, ...told });
    const requests: SeenRequest[] = [];
    while (requests.length < count) requests.push(await peer.request());
    peer.send(answer(...requests));
    await peer.rest();
  };
}

describe("NbdClient.read", () => {
  it("puts chunks together that come in any order", async () => {
    const answer = ({ cookie }: SeenRequest) =>
      Buffer.concat([
        chunk(cookie, DATA, data(4096 + 300, 100, 4), MORE),
        chunk(cookie, HOLE, hole(4096 + 100, 100), MORE),
        chunk(cookie, DATA, data(4096, 100, 1), MORE),
        chunk(cookie, DATA, data(4096 + 200, 100, 3), MORE),
        chunk(cookie, DATA, data(4096 + 400, 112, 5), MORE),
        chunk(cookie, NONE),
      ]);
    await withFakeServer(answering(answer), async (uri) => {
      const target = new Uint8Array(512).fill(9);
      await (await connectTo(uri)).read(4096, target);
      const expected = [1, 0, 3, 4, 5].map((fill, at) => Buffer.alloc(at === 4 ? 112 : 100, fill));
      expect(Buffer.compare(target, Buffer.concat(expected))).toBe(0);
    });
  });

  it("keeps apart the chunks of two reads that are sent by turns", async () => {
    const answer = (first: SeenRequest, second: SeenRequest) =>
      Buffer.concat([
        chunk(second.cookie, DATA, data(second.offset + 256, 256, 4), MORE),
        chunk(first.cookie, DATA, data(first.offset, 256, 1), MORE),
        chunk(second.cookie, DATA, data(second.offset, 256, 3)),
        chunk(first.cookie, HOLE, hole(first.offset + 256, 256)),
      ]);
    await withFakeServer(answering(answer, { count: 2 }), async (uri) => {
      const client = await connectTo(uri);
      const targets = [new Uint8Array(512), new Uint8Array(512)];
      await Promise.all([client.read(0, targets[0]!), client.read(8192, targets[1]!)]);
      expect(targets.map((target) => [target[0], target[256]])).toEqual([
        [1, 0],
        [3, 4],
      ]);
    });
  });

  it.each([
    ["simple", true],
    ["structured", false],
  ])("takes %s replies that are cut anywhere", async (_, isSimple) => {
    const random = new SeededRandom(testSeed("places to cut"));
    const reads = 40;
    const script = async (peer: Peer) => {
      await peer.letIn({ size: SIZE, isSimple });
      const replies: Buffer[] = [];
      while (replies.length < reads) {
        const { cookie, offset, length } = await peer.request();
        const bytes = Buffer.alloc(length, offset / 512);
        const whole = chunk(cookie, DATA, Buffer.concat([u64(offset), bytes]));
        replies.push(isSimple ? simpleReply(cookie, 0, bytes) : whole);
      }
      const all = Buffer.concat(replies);
      for (let at = 0; at < all.length; ) {
        const end = at + 1 + random.below(random.below(3) === 0 ? 700 : 20);
        peer.send(all.subarray(at, end));
        at = end;
        // Lets the client see this piece alone.
        await new Promise((resolve) => setImmediate(resolve));
      }
      await peer.rest();
    };
    await withFakeServer(script, async (uri) => {
      const client = await connectTo(uri);
      const targets = Array.from({ length: reads }, (_, at) => new Uint8Array(1 + at * 10));
      await Promise.all(targets.map((target, at) => client.read(at * 512, target)));
      const wrong = targets.filter((target, at) => target.some((byte) => byte !== at));
      expect(wrong).toEqual([]);
    });
  });

  it("says what the server says of an error, and where, made printable", async () => {
    const answer = ({ cookie }: SeenRequest) =>
      Buffer.concat([
        chunk(cookie, DATA, data(0, 512), MORE),
        chunk(cookie, ERROR_AT, error(5, "bad \x1b[31m sector", u64(100))),
      ]);
    await withFakeServer(answering(answer), async (uri) => {
      const client = await connectTo(uri);
      await expectRejection(() => client.read(0, new Uint8Array(512)), {
        code: "IO",
        errno: "EIO",
        says: ["READ of 512 bytes at offset 0", "at offset 100", "EIO", "bad \\x1b[31m sector"],
      });
    });
  });

  it("takes a long message in two pieces", async () => {
    const script = async (peer: Peer) => {
      await peer.letIn({ size: SIZE });
      const reply = chunk((await peer.request()).cookie, ERROR, error(5, "bad".repeat(1000)));
      peer.send(reply.subarray(0, 1000));
      await new Promise((resolve) => setTimeout(resolve, 20));
      peer.send(reply.subarray(1000));
      await peer.rest();
    };
    await withFakeServer(script, async (uri) => {
      const client = await connectTo(uri);
      await expectRejection(() => client.read(0, new Uint8Array(512)), {
        code: "IO",
        errno: "EIO",
        says: [`"${"bad".repeat(1000)}"`],
      });
    });
  });

  it("takes an error for what it is, whatever else comes", async () => {
    const answer = ({ cookie }: SeenRequest) =>
      Buffer.concat([
        chunk(cookie, ERROR, error(28, "full"), MORE),
        chunk(cookie, DATA, data(0, 512), MORE),
        chunk(cookie, ERROR, error(5, "later"), MORE),
        chunk(cookie, NONE),
      ]);
    await withFakeServer(answering(answer), async (uri) => {
      const client = await connectTo(uri);
      const read = () => client.read(0, new Uint8Array(512));
      await expectRejection(read, { code: "NO_SPACE", errno: "ENOSPC", says: ["full"] });
    });
  });
});

describe("NbdClient", () => {
  it.each([
    [1, "NOT_PERMITTED", "EPERM"],
    [5, "IO", "EIO"],
    [12, "NO_MEMORY", "ENOMEM"],
    [22, "INVALID_ARGUMENT", "EINVAL"],
    [28, "NO_SPACE", "ENOSPC"],
    [75, "UNSUPPORTED", "ENOTSUP"],
    [95, "UNSUPPORTED", "ENOTSUP"],
    [108, "SHUTDOWN", "ESHUTDOWN"],
    [4711, "INVALID_ARGUMENT", "EINVAL"],
  ])("rejects a request that is answered with error %i", async (number, code, errno) => {
    const answer = ({ cookie }: SeenRequest) => simpleReply(cookie, number);
    await withFakeServer(answering(answer), async (uri) => {
      const client = await connectTo(uri);
      await expectRejection(() => client.trim(0, 512), {
        code,
        errno,
        says: ["TRIM of 512 bytes at offset 0"],
      });
    });
  });

  it("lives on after an error chunk of a kind it does not know", async () => {
    const script = async (peer: Peer) => {
      await peer.letIn({ size: SIZE, flags: ALL_FLAGS });
      peer.send(chunk((await peer.request()).cookie, 0x8123, error(5, "new", Buffer.alloc(40))));
      peer.send(simpleReply((await peer.request()).cookie));
      await peer.rest();
    };
    await withFakeServer(script, async (uri) => {
      const client = await connectTo(uri);
      const trim = () => client.trim(0, 512);
      await expectRejection(trim, { code: "IO", errno: "EIO", says: ["new"] });
      await client.flush();
    });
  });

  it("takes extents per context, the last longer than asked for", async () => {
    const contexts = ["base:allocation", "x-test:colour"];
    const answer = ({ cookie }: SeenRequest) =>
      Buffer.concat([
        chunk(cookie, STATUS, status(41, 8192, 7), MORE),
        chunk(cookie, STATUS, status(40, 512, 3, 512, 0, 9000, 1), MORE),
        chunk(cookie, NONE),
      ]);
    await withFakeServer(answering(answer, { contexts }), async (uri) => {
      const client = await connectTo(uri, { contexts });
      expect(await client.blockStatus(0, 4096)).toEqual(
        new Map([
          ["x-test:colour", [{ length: 8192, state: 7 }]],
          [
            "base:allocation",
            [
              { length: 512, state: 3 },
              { length: 512, state: 0 },
              { length: 9000, state: 1 },
            ],
          ],
        ]),
      );
    });
  });
});

type Ask = (client: NbdClient) => Promise<unknown>;
type Answer = (cookie: Buffer) => Uint8Array;

const read: Ask = (client) => client.read(4096, new Uint8Array(512));
const write: Ask = (client) => client.write(4096, new Uint8Array(512));
const flush: Ask = (client) => client.flush();
const ask: Ask = (client) => client.blockStatus(4096, 512);
const askOne: Ask = (client) => client.blockStatus(4096, 512, { requestOne: true });
const both = (...parts: readonly Answer[]): Answer => {
  return (cookie) => Buffer.concat(parts.map((part) => part(cookie)));
};
const one =
  (type: number, payload?: Uint8Array, flags?: number): Answer =>
  (cookie) =>
    chunk(cookie, type, payload, flags);

/** What the server did wrong, what was asked, what it sends, and what the message must tell of it. */
const WRONG: readonly (readonly [string, Ask, Answer, string, Told?])[] = [
  ["another magic number", read, (c) => Buffer.concat([u32(0x67446699), u32(0), c]), "0x67446699"],
  ["a structured reply nobody agreed on", read, one(NONE), "0x668e33ef", { isSimple: true }],
  ["a cookie nobody gave", read, () => simpleReply(u64(0x1_0000_0000_0007n)), "0x1000000000007"],
  [
    "another sequence for a known place",
    flush,
    (c) => simpleReply(Buffer.from(c).fill(7, 0, 4)),
    "no request has",
  ],
  ["a second reply to one request", flush, both(one(NONE), one(NONE)), "no request has"],
  ["a simple reply to a read", read, (c) => simpleReply(c, 5), "simple reply to READ"],
  ["NONE that is not the last", flush, one(NONE, undefined, MORE), "type 0 and 0 bytes"],
  ["NONE with a payload", flush, one(NONE, u32(1)), "type 0 and 4 bytes"],
  ["an unknown chunk", read, one(77, u64(0)), "type 77 and 8 bytes"],
  ["data for a write", write, one(DATA, data(4096, 512)), "type 1 and 520 bytes"],
  ["a hole for a write", write, one(HOLE, hole(4096, 512)), "type 2 and 12 bytes"],
  ["data of no bytes", read, one(DATA, data(4096, 0)), "type 1 and 8 bytes"],
  ["data before the request", read, one(DATA, data(4095, 512)), "512 bytes at offset 4095"],
  ["data past the request", read, one(DATA, data(4096, 513)), "513 bytes at offset 4096"],
  [
    "data at an offset of 64 bits",
    read,
    one(DATA, Buffer.concat([u64(2n ** 64n - 1n), u64(0)])),
    "bytes at offset",
  ],
  ["a hole before the request", read, one(HOLE, hole(0, 512)), "512 bytes at offset 0"],
  ["a hole past the request", read, one(HOLE, hole(4608, 1)), "1 bytes at offset 4608"],
  ["a hole of no bytes", read, one(HOLE, hole(4096, 0)), "0 bytes at offset 4096"],
  ["a hole of another length", read, one(HOLE, u64(4096)), "type 2 and 8 bytes"],
  [
    "the same data twice",
    read,
    both(one(DATA, data(4096, 512), MORE), one(DATA, data(4096, 512))),
    "offset 4096 twice",
  ],
  [
    "data over a hole",
    read,
    both(one(HOLE, hole(4200, 100), MORE), one(DATA, data(4250, 10))),
    "offset 4250 twice",
  ],
  [
    "data around a hole",
    read,
    both(one(HOLE, hole(4200, 100), MORE), one(DATA, data(4100, 300))),
    "offset 4100 twice",
  ],
  [
    "a hole over data's end",
    read,
    both(one(DATA, data(4096, 100), MORE), one(HOLE, hole(4195, 100))),
    "offset 4195 twice",
  ],
  [
    "data where an error was",
    read,
    both(one(ERROR_AT, error(5, "", u64(4100)), MORE), one(DATA, data(4096, 512))),
    "offset 4096 twice",
  ],
  ["too little", read, one(DATA, data(4096, 511)), "with 511 bytes only"],
  ["nothing", read, one(NONE), "with 0 bytes only"],
  ["an error of number 0", write, one(ERROR, error(0)), "numbered 0"],
  [
    "an error before the request",
    read,
    one(ERROR_AT, error(5, "", u64(4095))),
    "error at offset 4095",
  ],
  [
    "an error past the request",
    read,
    one(ERROR_AT, error(5, "", u64(4608))),
    "error at offset 4608",
  ],
  [
    "an error at an offset of what has none",
    flush,
    one(ERROR_AT, error(5, "", u64(0))),
    "error at offset 0",
  ],
  ["an error too short for its number", write, one(ERROR, u32(5)), "4 bytes"],
  [
    "an error too short for its message",
    write,
    one(ERROR, Buffer.concat([u32(5), u16(9)])),
    "longer than the chunk",
  ],
  [
    "an error too short for its offset",
    write,
    one(ERROR_AT, error(5, "12345678")),
    "longer than the chunk",
  ],
  [
    "an error with a message past all bounds",
    write,
    one(ERROR, error(5, "x".repeat(4200))),
    "4206 bytes",
  ],
  ["extents nobody asked for", write, one(STATUS, status(40, 512, 0)), "unasked"],
  ["extents of an unknown context", ask, one(STATUS, status(39, 512, 0)), "number 39"],
  [
    "extents of one context twice",
    ask,
    both(one(STATUS, status(40, 512, 0), MORE), one(STATUS, status(40, 512, 0))),
    "twice",
  ],
  ["no extents", ask, one(NONE), "for 0 of 1 contexts"],
  ["no extents in a simple reply", ask, (c) => simpleReply(c), "for 0 of 1 contexts"],
  ["no extent in a chunk", ask, one(STATUS, status(40)), "type 5 and 4 bytes"],
  ["an extent and a half", ask, one(STATUS, status(40, 256, 1, 256)), "type 5 and 16 bytes"],
  ["half an extent", ask, one(STATUS, status(40, 512)), "type 5 and 8 bytes"],
  ["an extent of no bytes", ask, one(STATUS, status(40, 0, 1)), "an extent of 0 bytes"],
  ["extents past the range", ask, one(STATUS, status(40, 512, 1, 512, 0)), "from offset 4608"],
  [
    "two extents for one",
    askOne,
    one(STATUS, status(40, 256, 1, 256, 0)),
    "2 extents of 512 bytes",
  ],
  ["a longer extent for one", askOne, one(STATUS, status(40, 513, 1)), "1 extents of 513 bytes"],
  [
    "more extents than a chunk may have",
    ask,
    (c) => Buffer.concat([u32(0x668e33ef), u16(1), u16(STATUS), c, u32(4 + 8 * (2 ** 20 + 1))]),
    "type 5 and 8388620 bytes",
  ],
];

describe("NbdClient ends the connection and rejects all for", () => {
  const cases = WRONG.map(([wrong, asks, answer, says, told]) => ({
    wrong,
    asks,
    answer,
    says,
    told,
  }));

  it.each(cases)("$wrong", async ({ asks, answer, says, told }) => {
    const contexts = ["base:allocation"];
    let heard: Buffer | undefined;
    const script = async (peer: Peer) => {
      await peer.letIn({ size: SIZE, flags: ALL_FLAGS, contexts, ...told });
      const { cookie } = await peer.request();
      // The second request is never answered.
      await peer.request();
      peer.send(answer(cookie));
      heard = await peer.rest();
    };
    await withFakeServer(script, async (uri) => {
      const client = await connectTo(uri, { contexts });
      const first = asks(client);
      const second = client.cache(0, 512);
      // An answer that is right up to its wrong end settles the first.
      await first.catch(() => {});
      await expectRejection(() => second, { code: "PROTOCOL", errno: "EPROTO", says: [says] });
      await expectRejection(() => flush(client), { code: "PROTOCOL", errno: "EPROTO", says: [] });
    });
    expect(heard).toHaveLength(0);
  });
});

describe("NbdClient, sent anything at all,", () => {
  it("settles every request", async () => {
    const seed = testSeed("replies made of chance");
    const random = new SeededRandom(seed);
    const answer = (...requests: SeenRequest[]) => {
      const parts: Buffer[] = [];
      for (let part = 0; part < 6; part++) {
        const { cookie, offset } = requests[random.below(requests.length)]!;
        const types = [NONE, DATA, HOLE, STATUS, ERROR, ERROR_AT, random.below(65_536)];
        const payload = Buffer.alloc(random.below(40));
        random.fill(payload);
        if (payload.length >= 8 && random.below(2) === 0) u64(offset).copy(payload);
        const reply = chunk(cookie, types[random.below(types.length)]!, payload, random.below(2));
        if (random.below(4) === 0) reply[random.below(reply.length)]! ^= 1 << random.below(8);
        parts.push(reply);
      }
      return Buffer.concat(parts);
    };
    for (let round = 0; round < 100; round++) {
      const contexts = ["base:allocation"];
      const script = async (peer: Peer) => {
        await peer.letIn({ size: SIZE, flags: ALL_FLAGS, contexts });
        const requests: SeenRequest[] = [];
        while (requests.length < 4) requests.push(await peer.request());
        peer.send(answer(...requests));
        peer.hangUpSoon();
        await peer.rest();
      };
      await withFakeServer(script, async (uri) => {
        const client = await NbdClient.connect(uri, { contexts });
        const settled = await Promise.allSettled(
          [read, write, ask, flush].map((act) => act(client)),
        );
        const codes = settled.flatMap((one) =>
          one.status === "rejected" ? [one.reason.code] : [],
        );
        expect(codes.filter((code) => code === undefined)).toEqual([]);
        await client.disconnect();
      });
    }
  });
});
