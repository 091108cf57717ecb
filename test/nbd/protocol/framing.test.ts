/** Where a message ends and the next begins, however they arrive; and what comes of bytes that are no message. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { testSeed } from "../../support/seed.ts";
import { type RawClient, settle } from "../support/raw-client.ts";
import { takeMessage } from "../support/take-reply.ts";
import { serveStore } from "../support/test-server.ts";
import {
  bytes,
  CLIENT_FIXED_NO_ZEROES,
  CMD,
  ERR,
  GREETING,
  hex,
  infoData,
  OPT,
  option,
  optionReply,
  REP,
  request,
  simpleReply,
} from "../support/wire.ts";

const SIZE = 2 ** 20;
const written = Buffer.from("every boundary is a boundary");

/** Requests of each kind, those that are refused too, and their answers. */
const CONVERSATION = bytes(
  request(CMD.WRITE, { cookie: 1, offset: 4090, payload: written }),
  request(CMD.READ, { cookie: 2, offset: 4090, length: written.length }),
  request(CMD.WRITE, { cookie: 3, offset: SIZE, payload: request(CMD.FLUSH, { cookie: 99 }) }),
  request(77, { cookie: 4, offset: 5, length: 6 }),
  request(CMD.FLUSH, { cookie: 5 }),
  request(CMD.WRITE, { cookie: 6 }),
  request(CMD.TRIM, { cookie: 7, length: 4096 }),
);
const ANSWERS = bytes(
  simpleReply(1),
  simpleReply(2, 0, written),
  simpleReply(3, ERR.ENOSPC),
  simpleReply(4, ERR.EINVAL),
  simpleReply(5),
  simpleReply(6),
  simpleReply(7),
);

describe("Transmission", () => {
  it("reads a conversation cut at every byte", async () => {
    const server = await serveStore(SIZE);
    const client = await server.use();
    for (let cut = 1; cut < CONVERSATION.length; cut++) {
      await client.sendAll(CONVERSATION.subarray(0, cut));
      await settle();
      client.send(CONVERSATION.subarray(cut));
      await client.expect(ANSWERS);
    }
  });

  it("reads a conversation byte by byte", async () => {
    const server = await serveStore(SIZE);
    const client = await server.use();
    await client.sendBytewise(CONVERSATION);
    await client.expect(ANSWERS);
  });

  it("reads many requests that arrive together, and answers each", async () => {
    const server = await serveStore(SIZE);
    const client = await server.use();
    const rounds = 500;
    client.send(...Array.from({ length: rounds }, () => CONVERSATION));
    for (let round = 0; round < rounds; round++) await client.expect(ANSWERS);
  });

  it("reads requests that arrive together with the options before them", async () => {
    const server = await serveStore(SIZE);
    const client = await server.connect();
    client.send(
      CLIENT_FIXED_NO_ZEROES,
      option(OPT.GO, infoData("")),
      CONVERSATION,
      request(CMD.DISC),
    );
    await client.expect(GREETING);
    await client.take(20 + 12);
    await client.expect(optionReply(OPT.GO, REP.ACK), ANSWERS);
    await client.expectEnd();
  });

  it("reads long writes cut anywhere", async () => {
    const random = new SeededRandom(testSeed("framing"));
    const server = await serveStore(2 ** 22);
    const client = await server.use();
    const content = Buffer.alloc(2 ** 22);
    const sent: Buffer[] = [];
    const count = 30;
    for (let cookie = 0; cookie < count; cookie++) {
      const offset = random.below(2 ** 21);
      const payload = content.subarray(offset, offset + random.below(2 ** 21));
      payload.fill(1 + random.below(255));
      sent.push(request(CMD.WRITE, { cookie, offset, payload }));
    }
    const all = bytes(...sent);
    for (let at = 0; at < all.length; ) {
      const piece = 1 + random.below(random.below(2) === 0 ? 100 : 400_000);
      await client.sendAll(all.subarray(at, at + piece));
      at += piece;
    }
    for (let cookie = 0; cookie < count; cookie++) await client.expect(simpleReply(cookie));
    client.send(request(CMD.READ, { cookie: 7, length: content.length }));
    const { data } = await takeMessage(client, () => content.length);
    expect(data?.equals(content)).toBe(true);
  });
});

describe("Transmission cuts off a client", () => {
  async function expectCut(client: RawClient, log: readonly string[]): Promise<void> {
    await client.expectEnd();
    expect(log.length).toBe(1);
    expect(log[0]).toMatch(/^client \d+/);
    expect(log[0]).not.toMatch(/\n|\bat .*:\d+/);
  }

  it.each([
    { what: "sends zeros", sent: Buffer.alloc(28) },
    { what: "sends a historic magic number", sent: hex("12560953").subarray(0, 4) },
    { what: "sends the magic of nbd-server's log", sent: hex("25609514") },
    { what: "sends an extended request", sent: hex("21e41c71") },
    { what: "sends an option", sent: option(OPT.LIST, Buffer.alloc(12)) },
    { what: "sends text", sent: Buffer.from("GET /index.html HTTP/1.1\r\n\r\n") },
  ])("that $what, and says so once", async ({ sent }) => {
    const server = await serveStore(SIZE);
    const client = await server.use();
    client.send(Buffer.concat([sent, Buffer.alloc(28)]), request(CMD.FLUSH));
    await expectCut(client, server.log);
    await server.untilNobody();
  });

  it("that sends control characters, which the log shows as such", async () => {
    const server = await serveStore(SIZE);
    const client = await server.use();
    client.send(Buffer.alloc(28, 0x1b));
    await expectCut(client, server.log);
    expect(server.log[0]).not.toMatch(/\p{Cc}/u);
  });

  it("and no other", async () => {
    const server = await serveStore(SIZE);
    const [bad, good] = [await server.use(), await server.use()];
    bad.send(Buffer.alloc(28));
    await bad.expectEnd();
    good.send(CONVERSATION);
    await good.expect(ANSWERS);
  });
});
