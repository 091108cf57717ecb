/** LIST_META_CONTEXT and SET_META_CONTEXT: which contexts are found, which count afterwards, and what is malformed. */

import { beforeEach, describe, expect, it } from "vitest";
import { ServedExport } from "../../../src/nbd/server/served-export.ts";
import { MemoryDisk } from "../support/memory-disk.ts";
import type { RawClient } from "../support/raw-client.ts";
import { servedStore, TestServer } from "../support/test-server.ts";
import {
  bytes,
  CMD,
  contextData,
  ERR,
  hex,
  infoData,
  OPT,
  option,
  optionReply,
  REP,
  request,
  sized,
  statusChunk,
  text,
  u32,
} from "../support/wire.ts";

const { LIST_META_CONTEXT: LIST, SET_META_CONTEXT: SET } = OPT;
const BASE = "base:allocation";
const STATE = "x-pagefold:state";
/** The data every option here has to begin with: the name of export "a". */
const A = sized("a");

let client: RawClient;

async function startStructured(): Promise<void> {
  client.send(option(OPT.STRUCTURED_REPLY));
  await client.expect(optionReply(OPT.STRUCTURED_REPLY, REP.ACK));
}

/** Exports "a" and "b" with contexts, "plain" without any. */
beforeEach(async () => {
  const sizeBytes = 2 ** 20;
  const { served } = await servedStore([
    { name: "a", sizeBytes },
    { name: "b", sizeBytes },
  ]);
  const plain = new ServedExport("plain", new MemoryDisk(sizeBytes));
  const server = await TestServer.start([...served, plain]);
  client = await server.negotiate();
});

/** The answer: contexts with their numbers, then ACK. */
function contexts(number: number, found: readonly (readonly [id: number, name: string])[]): Buffer {
  const replies = found.map(([id, name]) =>
    optionReply(number, REP.META_CONTEXT, bytes(u32(id), text(name))),
  );
  return bytes(...replies, optionReply(number, REP.ACK));
}

const listed = (...names: readonly string[]) =>
  contexts(
    LIST,
    names.map((name) => [0, name]),
  );

describe("NbdServer answers LIST_META_CONTEXT", () => {
  it.each([
    { what: "no query", queries: [], found: [BASE, STATE] },
    { what: "the wildcard base:", queries: ["base:"], found: [BASE] },
    { what: "the wildcard x-pagefold:", queries: ["x-pagefold:"], found: [STATE] },
    { what: "a context's name", queries: [BASE], found: [BASE] },
    { what: "both names, the other way round", queries: [STATE, BASE], found: [BASE, STATE] },
    { what: "a name twice", queries: [BASE, BASE, "base:"], found: [BASE] },
    { what: "an unknown leaf", queries: ["base:dirty"], found: [] },
    { what: "the beginning of a leaf", queries: ["base:alloc"], found: [] },
    { what: "an unknown namespace", queries: ["qemu:dirty-bitmap:x"], found: [] },
    { what: "an unknown namespace's wildcard", queries: ["nbd-server:"], found: [] },
    { what: "a known name among unknown ones", queries: ["y:z", BASE, "base:x"], found: [BASE] },
    { what: "another case", queries: ["BASE:ALLOCATION"], found: [] },
  ])("to $what", async ({ queries, found }) => {
    await startStructured();
    client.send(option(LIST, contextData("a", queries)));
    await client.expect(listed(...found));
  });

  it("with none where the disk cannot tell of its extents", async () => {
    await startStructured();
    client.send(option(LIST, contextData("plain", [])));
    await client.expect(listed());
  });

  it("of the first export to the empty name", async () => {
    await startStructured();
    client.send(option(LIST, contextData("", ["base:"])));
    await client.expect(listed(BASE));
  });
});

describe("NbdServer answers SET_META_CONTEXT", () => {
  it.each([
    { what: "no query", queries: [], found: [] },
    { what: "a wildcard, which selects nothing", queries: ["base:"], found: [] },
    { what: "a name", queries: [BASE], found: [[1, BASE]] },
    { what: "the other name", queries: [STATE], found: [[2, STATE]] },
    {
      what: "both names",
      queries: [STATE, BASE],
      found: [
        [1, BASE],
        [2, STATE],
      ],
    },
    { what: "a name twice", queries: [BASE, BASE], found: [[1, BASE]] },
    { what: "an unknown leaf", queries: ["base:dirty"], found: [] },
    { what: "an unknown namespace", queries: ["qemu:allocation-depth", BASE], found: [[1, BASE]] },
  ] as const)("to $what", async ({ queries, found }) => {
    await startStructured();
    client.send(option(SET, contextData("a", queries)));
    await client.expect(contexts(SET, found));
  });
});

describe.each([
  { what: "LIST_META_CONTEXT", number: LIST },
  { what: "SET_META_CONTEXT", number: SET },
])("NbdServer refuses $what", ({ number }) => {
  it("with INVALID before STRUCTURED_REPLY", async () => {
    client.send(option(number, contextData("a", [BASE])));
    await client.expectOptionError(number, REP.ERR_INVALID);
  });

  it("with UNKNOWN for an unknown export", async () => {
    await startStructured();
    client.send(option(number, contextData("c", [BASE])));
    await client.expectOptionError(number, REP.ERR_UNKNOWN);
  });

  it.each([
    { what: "has no data", data: Buffer.alloc(0) },
    { what: "has a name that ends early", data: bytes(u32(2), text("a")) },
    { what: "has no count", data: A },
    { what: "has half a count", data: bytes(A, hex("0000")) },
    { what: "counts a query that is not there", data: bytes(A, u32(1)) },
    { what: "counts 2^32 - 1 queries", data: bytes(A, hex("ffffffff"), sized(BASE)) },
    { what: "has a query that ends early", data: bytes(A, u32(1), u32(16), text(BASE)) },
    {
      what: "has a query of 2^32 - 1 bytes",
      data: bytes(A, u32(1), hex("ffffffff"), text(BASE)),
    },
    { what: "has a query that is not counted", data: bytes(A, u32(0), sized(BASE)) },
    { what: "has a byte behind its queries", data: bytes(contextData("a", [BASE]), hex("00")) },
    { what: "has a query without a colon", data: contextData("a", ["base"]) },
    { what: "has a query without a namespace", data: contextData("a", [":allocation"]) },
    { what: "has an empty query", data: contextData("a", [""]) },
    { what: "has a query with a NUL", data: contextData("a", ["base:\0"]) },
    { what: "has a query of 4097 bytes", data: contextData("a", [`x:${"y".repeat(4095)}`]) },
    { what: "has a query that is not UTF-8", data: bytes(A, u32(1), u32(3), hex("783aff")) },
  ])("with INVALID where it $what, and reads on", async ({ data }) => {
    await startStructured();
    client.send(option(number, data));
    await client.expectOptionError(number, REP.ERR_INVALID);
    client.send(option(LIST, contextData("a", ["base:"])));
    await client.expect(listed(BASE));
  });
});

/** Enters transmission with export "a" and asks for the state of its first page. */
async function askStatus(): Promise<void> {
  client.send(option(OPT.GO, infoData("a")));
  await client.take(20 + 12);
  await client.expect(optionReply(OPT.GO, REP.ACK));
  client.send(request(CMD.BLOCK_STATUS, { cookie: 5, length: 4096 }));
}

const allocation = (isDone: boolean) =>
  statusChunk(5, { context: 1, extents: [[4096, 3]], isDone });

describe("NbdServer counts as chosen", () => {
  beforeEach(startStructured);

  it("what the last SET_META_CONTEXT chose", async () => {
    client.send(option(SET, contextData("a", [STATE])));
    await client.expect(contexts(SET, [[2, STATE]]));
    client.send(option(SET, contextData("a", [BASE])));
    await client.expect(contexts(SET, [[1, BASE]]));
    await askStatus();
    await client.expect(allocation(true));
  });

  it("both contexts, one chunk each", async () => {
    client.send(option(SET, contextData("a", [BASE, STATE])));
    await client.take(2 * 24 + 15 + 16);
    await client.expect(optionReply(SET, REP.ACK));
    await askStatus();
    const state = statusChunk(5, { context: 2, extents: [[4096, 0]], isDone: true });
    await client.expect(allocation(false), state);
  });

  it("the same after LIST_META_CONTEXT and INFO of another export", async () => {
    client.send(option(SET, contextData("a", [BASE])));
    await client.expect(contexts(SET, [[1, BASE]]));
    client.send(option(LIST, contextData("b", [STATE])));
    await client.expect(listed(STATE));
    client.send(option(OPT.INFO, infoData("b")));
    await client.take(20 + 12 + 20);
    await askStatus();
    await client.expect(allocation(true));
  });

  const setBase = option(SET, contextData("a", [BASE]));
  it.each([
    { what: "no SET_META_CONTEXT", options: [] },
    { what: "one that chose nothing", options: [setBase, option(SET, contextData("a", []))] },
    { what: "one that found nothing", options: [setBase, option(SET, contextData("a", ["x:y"]))] },
    { what: "one that was malformed", options: [setBase, option(SET, u32(9))] },
    {
      what: "one for an unknown export",
      options: [setBase, option(SET, contextData("c", [BASE]))],
    },
    { what: "one for another export", options: [setBase, option(SET, contextData("b", [BASE]))] },
    { what: "one that was too big", options: [setBase, option(SET, Buffer.alloc(70_000))] },
  ])("nothing after $what", async ({ options }) => {
    client.send(...options, option(OPT.LIST, text("a mark")));
    // What is answered in between is another test's; LIST with data is answered last.
    for (let isMark = false; !isMark; ) {
      const head = await client.take(20);
      await client.take(head.readUInt32BE(16));
      isMark = head.readUInt32BE(8) === OPT.LIST;
    }
    await askStatus();
    await client.expectErrorChunk(5, ERR.EINVAL);
    expect(client.unreadBytes).toBe(0);
  });
});
