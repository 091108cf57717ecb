/** What the client puts on the wire, what it refuses to put there, and how it ends. */

import { Socket } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { NbdClient } from "../../../src/nbd/client/client.ts";
import type { ConnectOptions } from "../../../src/nbd/client/types.ts";
import {
  chunk,
  GONE,
  optionReply,
  type Peer,
  replies,
  type SeenRequest,
  simpleReply,
  u16,
  u32,
  u64,
  withFakeServer,
} from "../../support/fake-nbd-server.ts";
import { expectRejection, type Refusal, refusal } from "../../support/refusals.ts";

const GIB = 2 ** 30;
const DISC = 2;
const BLOCK_STATUS = 7;
const GO = 7;
const INFO = 3;
const ALL_FLAGS = 0xffff & ~2;

const clients: NbdClient[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  await Promise.all(clients.splice(0).map((client) => client.disconnect()));
});

async function connectTo(uri: string, options: ConnectOptions = {}): Promise<NbdClient> {
  const client = await NbdClient.connect(uri, options);
  clients.push(client);
  return client;
}

interface Told {
  readonly size?: number;
  readonly flags?: number;
  readonly contexts?: string[];
}

/** Says done to every request and notes it. Reads get no data: they are not for it. */
async function agree(peer: Peer, seen: SeenRequest[]): Promise<void> {
  for (;;) {
    const request = await peer.request();
    const { type, cookie, length } = request;
    if (type === GONE || type === DISC) return;
    seen.push(request);
    const extent = Buffer.concat([u32(40), u32(length), u32(0)]);
    peer.send(type === BLOCK_STATUS ? chunk(cookie, 5, extent) : simpleReply(cookie));
  }
}

/** Lets a client in, then agrees to all it wants. */
function agreeing(seen: SeenRequest[], { size = GIB, flags = ALL_FLAGS, ...told }: Told = {}) {
  return async (peer: Peer) => {
    await peer.letIn({ size, flags, ...told });
    await agree(peer, seen);
  };
}

/** The same, telling its block sizes too. */
function tellingBlocks(seen: SeenRequest[], told: { flags: number; blocks: readonly number[] }) {
  const size = Buffer.concat([u16(0), u64(GIB), u16(told.flags)]);
  const blocks = Buffer.concat([u16(3), ...told.blocks.map(u32)]);
  return async (peer: Peer) => {
    await peer.greet();
    for (let option = 0; option !== GO; ) {
      ({ option } = await peer.option());
      if (option !== GO) peer.send(optionReply(option, 0x8000_0001));
    }
    peer.send(replies(GO, INFO)(size, blocks));
    await agree(peer, seen);
  };
}

const ranges = (seen: readonly SeenRequest[]) => seen.map(({ offset, length }) => [offset, length]);

describe("NbdClient", () => {
  it("sends in one piece what is asked for in one turn", async () => {
    const seen: SeenRequest[] = [];
    await withFakeServer(agreeing(seen), async (uri) => {
      const client = await connectTo(uri);
      const write = vi.spyOn(Socket.prototype, "write");
      const source = new Uint8Array(4096);
      await Promise.all(Array.from({ length: 16 }, (_, at) => client.write(at * 4096, source)));
      const pieces = write.mock.calls.map(([bytes]) => (bytes as Uint8Array).length);
      expect(pieces.filter((length) => length !== 16)).toEqual([16 * (28 + 4096)]);
    });
    expect(seen).toHaveLength(16);
  });

  it("sends in one piece what is asked for when the replies to one piece are in", async () => {
    const seen: SeenRequest[] = [];
    const script = async (peer: Peer) => {
      await peer.letIn({ size: GIB });
      for (let round = 0; round < 2; round++) {
        const requests: SeenRequest[] = [];
        while (requests.length < 8) requests.push(await peer.request());
        peer.send(...requests.map(({ cookie }) => simpleReply(cookie)));
        seen.push(...requests);
      }
      await peer.rest();
    };
    await withFakeServer(script, async (uri) => {
      const client = await connectTo(uri);
      const write = vi.spyOn(Socket.prototype, "write");
      const worker = async (_: unknown, wrappers: number) => {
        await client.write(0, new Uint8Array(512));
        // However many functions the caller has put around the client.
        for (let wrapper = 0; wrapper < wrappers; wrapper++) await null;
        await client.write(512, new Uint8Array(512));
      };
      await Promise.all(Array.from({ length: 8 }, worker));
      const pieces = write.mock.calls.map(([bytes]) => (bytes as Uint8Array).length);
      expect(pieces).toEqual([8 * 540, 8 * 16, 8 * 540, 8 * 16]);
    });
    expect(seen).toHaveLength(16);
  });

  it("sends long payloads and short ones in the order they were asked for", async () => {
    const seen: SeenRequest[] = [];
    await withFakeServer(agreeing(seen), async (uri) => {
      const client = await connectTo(uri);
      const lengths = [10, 40_000, 32_768, 300_000, 32_769, 1, 200_000, 20_000, 20_000];
      const writes = Array.from({ length: 45 }, (_, at) => {
        const source = new Uint8Array(lengths[at % lengths.length]!).fill(at);
        return client.write(at * 2 ** 20, source);
      });
      await Promise.all(writes);
    });
    const wrong = seen.filter(
      ({ offset, payload }, at) => offset !== at * 2 ** 20 || payload.some((byte) => byte !== at),
    );
    expect([seen.length, wrong]).toEqual([45, []]);
  });

  it("asks at offsets of 64 bits", async () => {
    const seen: SeenRequest[] = [];
    await withFakeServer(agreeing(seen, { size: 2 ** 52 }), async (uri) => {
      await (await connectTo(uri)).trim(2 ** 51 + 3 * 2 ** 32 + 7, 5);
    });
    expect(ranges(seen)).toEqual([[2 ** 51 + 3 * 2 ** 32 + 7, 5]]);
  });

  it("sends nothing where nothing is asked for", async () => {
    const seen: SeenRequest[] = [];
    await withFakeServer(agreeing(seen), async (uri) => {
      const client = await connectTo(uri);
      await client.read(0, new Uint8Array(0));
      await client.write(GIB, new Uint8Array(0));
      await client.trim(0, 0);
    });
    expect(seen).toEqual([]);
  });

  it("splits trims and zeroes of more than 2 GiB", async () => {
    const seen: SeenRequest[] = [];
    await withFakeServer(agreeing(seen, { size: 16 * GIB }), async (uri) => {
      const client = await connectTo(uri);
      await client.trim(512, 5 * GIB);
      await client.writeZeroes(0, 2 * GIB);
    });
    expect(ranges(seen)).toEqual([
      [512, 2 * GIB],
      [2 * GIB + 512, 2 * GIB],
      [4 * GIB + 512, GIB],
      [0, 2 * GIB],
    ]);
  });

  it("asks for the state of 2 GiB at most", async () => {
    const seen: SeenRequest[] = [];
    const contexts = ["base:allocation"];
    await withFakeServer(agreeing(seen, { size: 16 * GIB, contexts }), async (uri) => {
      const client = await connectTo(uri, { contexts });
      const extents = await client.blockStatus(512, 5 * GIB);
      expect(extents.get("base:allocation")).toEqual([{ length: 2 * GIB, state: 0 }]);
    });
    expect(ranges(seen)).toEqual([[512, 2 * GIB]]);
  });

  it("splits payloads and what is cached by the server's most, a multiple of its block", async () => {
    const seen: SeenRequest[] = [];
    const told = { flags: ALL_FLAGS, blocks: [4096, 4096, 10_000] };
    await withFakeServer(tellingBlocks(seen, told), async (uri) => {
      const client = await connectTo(uri);
      await client.write(4096, new Uint8Array(20_480));
      await client.cache(0, 12_288);
    });
    expect(ranges(seen)).toEqual([
      [4096, 8192],
      [12_288, 8192],
      [20_480, 4096],
      [0, 8192],
      [8192, 4096],
    ]);
  });

  it("asks for 32 MiB at once even of a server that has no limit", async () => {
    const seen: SeenRequest[] = [];
    const told = { flags: ALL_FLAGS, blocks: [1, 4096, 0xffff_ffff] };
    await withFakeServer(tellingBlocks(seen, told), async (uri) => {
      await (await connectTo(uri)).cache(0, 2 ** 25 + 1);
    });
    expect(ranges(seen)).toEqual([
      [0, 2 ** 25],
      [2 ** 25, 1],
    ]);
  });

  it("settles a split request when the last part is in, with the first part's error", async () => {
    let isLastIn = false;
    const script = async (peer: Peer) => {
      await peer.letIn({ size: GIB });
      const [first, second] = [await peer.request(), await peer.request()];
      peer.send(simpleReply(first!.cookie, 28));
      await new Promise((resolve) => setTimeout(resolve, 20));
      isLastIn = true;
      peer.send(simpleReply(second!.cookie, 5));
      await peer.rest();
    };
    await withFakeServer(script, async (uri) => {
      const client = await connectTo(uri);
      await expectRejection(
        () => client.write(0, new Uint8Array(2 ** 25 + 512)),
        refusal.noSpace("offset 0"),
      );
      expect(isLastIn).toBe(true);
    });
  });
});

const unsupported = (...says: readonly string[]): Refusal => ({
  code: "UNSUPPORTED",
  errno: "ENOTSUP",
  says,
});

type Ask = (client: NbdClient) => Promise<unknown>;

describe("NbdClient refuses, without asking the server,", () => {
  const page = new Uint8Array(4096);
  const noBytes = "0123" as unknown as Uint8Array;
  const cases: readonly (readonly [string, number, Ask, Refusal])[] = [
    [
      "to write where it may only read",
      3,
      (c) => c.write(0, page),
      {
        code: "NOT_PERMITTED",
        errno: "EPERM",
        says: ["WRITE of 4096 bytes at offset 0", "read-only"],
      },
    ],
    [
      "to trim where it may only read",
      0xffff,
      (c) => c.trim(0, 1),
      { code: "NOT_PERMITTED", errno: "EPERM", says: ["TRIM"] },
    ],
    [
      "to zero where it may only read",
      0xffff,
      (c) => c.writeZeroes(0, 1),
      { code: "NOT_PERMITTED", errno: "EPERM", says: ["WRITE_ZEROES"] },
    ],
    ["a flush that is not offered", 1, (c) => c.flush(), unsupported("FLUSH")],
    ["a trim that is not offered", 1, (c) => c.trim(0, 1), unsupported("TRIM")],
    ["zeroes that are not offered", 1, (c) => c.writeZeroes(0, 1), unsupported("WRITE_ZEROES")],
    ["a cache request that is not offered", 1, (c) => c.cache(0, 1), unsupported("CACHE")],
    ["FUA that is not offered", 1, (c) => c.write(0, page, { fua: true }), unsupported("FUA")],
    [
      "quick zeroes that are not offered",
      0x41,
      (c) => c.writeZeroes(0, 1, { fastZero: true }),
      unsupported("FAST_ZERO"),
    ],
    ["extents of no context", ALL_FLAGS, (c) => c.blockStatus(0, 1), unsupported("context")],
    [
      "to read past the end",
      1,
      (c) => c.read(GIB - 4095, page),
      refusal.outOfRange(GIB - 4095, GIB),
    ],
    ["to trim past the end", ALL_FLAGS, (c) => c.trim(GIB, 1), refusal.outOfRange(GIB)],
    ["an offset below 0", 1, (c) => c.read(-1, page), refusal.invalid("offset -1")],
    ["an offset of parts", 1, (c) => c.read(0.5, page), refusal.invalid("offset 0.5")],
    ["an offset that is none", 1, (c) => c.read(Number.NaN, page), refusal.invalid("offset NaN")],
    ["a length below 0", ALL_FLAGS, (c) => c.trim(5, -1), refusal.invalid("-1 bytes")],
    ["a target without bytes", 1, (c) => c.read(0, noBytes), refusal.invalid("target")],
    ["a source without bytes", 1, (c) => c.write(0, noBytes), refusal.invalid("source")],
  ];

  it.each(cases)("%s", async (_, flags, ask, expected) => {
    const seen: SeenRequest[] = [];
    await withFakeServer(agreeing(seen, { flags }), async (uri) => {
      const client = await connectTo(uri);
      await expectRejection(() => ask(client), expected);
    });
    expect(seen).toEqual([]);
  });

  it("the extents of nothing", async () => {
    const contexts = ["base:allocation"];
    await withFakeServer(agreeing([], { contexts }), async (uri) => {
      const client = await connectTo(uri, { contexts });
      await expectRejection(() => client.blockStatus(0, 0), refusal.invalid("0 bytes"));
    });
  });

  it("what is not a multiple of the server's block", async () => {
    const seen: SeenRequest[] = [];
    const told = { flags: 1, blocks: [512, 4096, GIB] };
    await withFakeServer(tellingBlocks(seen, told), async (uri) => {
      const client = await connectTo(uri);
      await expectRejection(() => client.read(100, page), refusal.invalid("offset 100", 512));
      await expectRejection(() => client.read(0, page.subarray(1)), refusal.invalid("4095", 512));
    });
    expect(seen).toEqual([]);
  });
});

describe("NbdClient.disconnect", () => {
  it("takes leave with DISC and nothing after it", async () => {
    let heard: Buffer | undefined;
    const script = async (peer: Peer) => {
      await peer.letIn({ size: GIB });
      heard = await peer.rest();
    };
    await withFakeServer(script, async (uri) => {
      const client = await connectTo(uri);
      await Promise.all([client.disconnect(), client.disconnect()]);
    });
    expect(heard?.toString("hex")).toBe(`2560951300000002${"0".repeat(40)}`);
  });

  it("waits for what is in flight and takes nothing more", async () => {
    const script = async (peer: Peer) => {
      await peer.letIn({ size: GIB });
      const { cookie } = await peer.request();
      await new Promise((resolve) => setTimeout(resolve, 20));
      peer.send(simpleReply(cookie));
      expect((await peer.request()).type).toBe(DISC);
    };
    await withFakeServer(script, async (uri) => {
      const client = await connectTo(uri);
      const write = client.write(0, new Uint8Array(512));
      const left = client.disconnect();
      await expectRejection(
        () => client.read(0, new Uint8Array(1)),
        refusal.closed("disconnected"),
      );
      await write;
      await left;
    });
  });

  it("gives a server that does not close its time and no more", async () => {
    const script = async (peer: Peer) => {
      await peer.letIn({ size: GIB });
      peer.stopListening();
    };
    await withFakeServer(script, async (uri) => {
      const client = await connectTo(uri);
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      const left = client.disconnect();
      await vi.advanceTimersByTimeAsync(5000);
      await left;
      vi.useRealTimers();
    });
  });

  it("is done at once where the server has gone already", async () => {
    const script = async (peer: Peer) => {
      await peer.letIn({ size: GIB });
      await peer.request();
      peer.hangUp();
    };
    await withFakeServer(script, async (uri) => {
      const client = await connectTo(uri);
      const lost = { code: "IO", errno: "EIO", says: [uri] };
      await expectRejection(() => client.write(0, new Uint8Array(512)), lost);
      await expectRejection(() => client.write(0, new Uint8Array(512)), lost);
      await client.disconnect();
    });
  });

  it("ends too when the server goes before it has answered", async () => {
    const script = async (peer: Peer) => {
      await peer.letIn({ size: GIB });
      await peer.request();
      await new Promise((resolve) => setTimeout(resolve, 20));
      peer.hangUp();
    };
    await withFakeServer(script, async (uri) => {
      const client = await connectTo(uri);
      const write = client.write(0, new Uint8Array(512));
      const settled = Promise.allSettled([write]);
      await client.disconnect();
      expect((await settled)[0]?.status).toBe("rejected");
    });
  });
});

describe("NbdClient, told that the server is ending,", () => {
  it("waits for the replies it is owed, takes leave, and refuses more", async () => {
    let last: SeenRequest | undefined;
    const script = async (peer: Peer) => {
      await peer.letIn({ size: GIB });
      const [first, second] = [await peer.request(), await peer.request()];
      peer.send(simpleReply(second!.cookie, 108));
      await new Promise((resolve) => setTimeout(resolve, 20));
      peer.send(simpleReply(first!.cookie));
      last = await peer.request();
    };
    const shutdown = { code: "SHUTDOWN", errno: "ESHUTDOWN", says: [] };
    await withFakeServer(script, async (uri) => {
      const client = await connectTo(uri);
      const first = client.write(0, new Uint8Array(512));
      await expectRejection(() => client.write(512, new Uint8Array(512)), shutdown);
      await expectRejection(() => client.write(0, new Uint8Array(512)), shutdown);
      await first;
      await client.disconnect();
    });
    expect(last?.type).toBe(DISC);
  });
});
