/** The way into an export: what the client sends, what it makes of every answer, and which servers it turns away. */

import { afterEach, describe, expect, it } from "vitest";
import { NbdClient } from "../../../src/nbd/client/client.ts";
import type { ConnectOptions } from "../../../src/nbd/client/types.ts";
import {
  type Answers,
  answering,
  NBDMAGIC,
  optionReply,
  type Peer,
  replies,
  text,
  u16,
  u32,
  u64,
  withFakeServer,
} from "../../support/fake-nbd-server.ts";
import { expectRejection, type Refusal } from "../../support/refusals.ts";

const EXPORT_NAME = 1;
const ABORT = 2;
const LIST = 3;
const GO = 7;
const STRUCTURED_REPLY = 8;
const SET_CONTEXTS = 10;

const ACK = 1;
const SERVER = 2;
const INFO = 3;
const CONTEXT = 4;
const UNSUP = 0x8000_0001;

const clients: NbdClient[] = [];

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.disconnect()));
});

async function connectTo(uri: string, options: ConnectOptions = {}): Promise<NbdClient> {
  const client = await NbdClient.connect(uri, options);
  clients.push(client);
  return client;
}

const size = (bytes: number | bigint, flags = 1) => Buffer.concat([u16(0), u64(bytes), u16(flags)]);
const blocks = (...sizes: readonly number[]) => Buffer.concat([u16(3), ...sizes.map(u32)]);
const go = replies(GO, INFO);
const listing = replies(LIST, SERVER);
const contexts = replies(SET_CONTEXTS, CONTEXT);

const protocol = (...says: readonly string[]): Refusal => ({
  code: "PROTOCOL",
  errno: "EPROTO",
  says,
});

describe("NbdClient.connect", () => {
  it.each([
    [3, 3],
    [1, 1],
    [0xffff, 3],
  ])("answers handshake flags %i with %i", async (offered, answered) => {
    let flags = -1;
    const script = async (peer: Peer) => {
      flags = await peer.greet(offered);
      peer.hangUp();
    };
    await withFakeServer(script, async (uri) => {
      await expect(NbdClient.connect(uri)).rejects.toThrow("is lost");
    });
    expect(flags).toBe(answered);
  });

  it("asks for structured replies, contexts, and the export with its block sizes", async () => {
    const seen: (readonly [number, string])[] = [];
    const answers = {
      [STRUCTURED_REPLY]: optionReply(STRUCTURED_REPLY, ACK),
      [SET_CONTEXTS]: optionReply(SET_CONTEXTS, ACK),
      [GO]: go(size(4096)),
    };
    await withFakeServer(answering(answers, seen), async (uri) => {
      const wanted = ["base:allocation", "x-a:b"];
      await connectTo(uri.replace("///", "///na%C3%AFve"), { contexts: wanted });
    });
    const name = text("naïve").toString("hex");
    const queries = Buffer.concat([u32(2), text("base:allocation"), text("x-a:b")]).toString("hex");
    expect(seen).toEqual([
      [STRUCTURED_REPLY, ""],
      [SET_CONTEXTS, name + queries],
      [GO, `${name}00010003`],
    ]);
  });

  it("takes what the server tells, in any order, and leaves what it does not know", async () => {
    const items = [
      Buffer.from([0, 9, 1, 2]),
      blocks(512, 4096, 2 ** 20),
      size(2 ** 40, 0b1001_0000_1011),
    ];
    await withFakeServer(answering({ [GO]: go(...items) }), async (uri) => {
      expect((await connectTo(uri)).info).toEqual({
        exportName: "",
        sizeBytes: 2 ** 40,
        isReadOnly: true,
        isRotational: false,
        canFlush: false,
        canFua: true,
        canTrim: false,
        canWriteZeroes: false,
        // Offered, but not without writing zeroes.
        canFastZero: false,
        canCache: false,
        canMultiConn: true,
        blockSize: { minimum: 512, preferred: 4096, most: 2 ** 20 },
        contexts: [],
        hasStructuredReplies: false,
        isEncrypted: false,
      });
    });
  });

  it.each([
    [1, 134],
    [3, 10],
  ])("goes in by name where there is no GO, with flags %i and %i bytes", async (flags, bytes) => {
    const asked: string[] = [];
    const script = async (peer: Peer) => {
      await peer.greet(flags);
      for (;;) {
        const { option, data } = await peer.option();
        if (option === EXPORT_NAME) {
          asked.push(data.toString());
          break;
        }
        peer.send(optionReply(option, UNSUP));
      }
      peer.send(Buffer.concat([u64(12_288), u16(1), Buffer.alloc(124)]).subarray(0, bytes));
      peer.send(Buffer.concat([u32(0x67446698), u32(0), (await peer.request()).cookie]));
      await peer.rest();
    };
    await withFakeServer(script, async (uri) => {
      const client = await connectTo(uri.replace("///", "///disk"));
      expect(client.info.sizeBytes).toBe(12_288);
      await client.write(0, new Uint8Array(512));
    });
    expect(asked).toEqual(["disk"]);
  });

  it("goes in by name at once where there are no options", async () => {
    const script = async (peer: Peer) => {
      await peer.greet(0);
      expect((await peer.option()).option).toBe(EXPORT_NAME);
      peer.send(u64(4096), u16(1), Buffer.alloc(124));
      await peer.rest();
    };
    await withFakeServer(script, async (uri) => {
      expect((await connectTo(uri)).info.sizeBytes).toBe(4096);
    });
  });

  it("takes a server that hangs up on a name for one that does not have it", async () => {
    const script = async (peer: Peer) => {
      await peer.greet(0);
      await peer.option();
      peer.hangUp();
    };
    await withFakeServer(script, async (uri) => {
      await expectRejection(() => NbdClient.connect(uri.replace("///", "///disk")), {
        code: "NOT_FOUND",
        errno: "ENOENT",
        says: ['"disk"'],
      });
    });
  });

  it("names the exports there are, made printable, and takes its leave", async () => {
    const seen: (readonly [number, string])[] = [];
    const listed = [text("swap"), Buffer.concat([text("\x1b[2J"), Buffer.from("a disk")])];
    const answers = {
      [GO]: optionReply(GO, 0x8000_0006, Buffer.from("no such disk")),
      [LIST]: listing(...listed),
      [ABORT]: optionReply(ABORT, ACK),
    };
    await withFakeServer(answering(answers, seen), async (uri) => {
      await expectRejection(() => NbdClient.connect(uri.replace("///", "///disk")), {
        code: "NOT_FOUND",
        errno: "ENOENT",
        says: ['"disk"', '"swap", "\\x1b[2J"'],
      });
    });
    expect(seen.at(-1)).toEqual([ABORT, ""]);
  });

  it("says that there is no such export even if the server lists none", async () => {
    const answers = {
      [GO]: optionReply(GO, 0x8000_0006),
      [LIST]: optionReply(LIST, 0x8000_0002),
    };
    await withFakeServer(answering(answers), async (uri) => {
      await expectRejection(() => NbdClient.connect(uri), {
        code: "NOT_FOUND",
        errno: "ENOENT",
        says: ["it lists none"],
      });
    });
  });

  it.each([
    ["POLICY", 2, "NOT_PERMITTED", "EPERM", "policy"],
    ["INVALID", 3, "INVALID_ARGUMENT", "EINVAL", "invalid"],
    ["PLATFORM", 4, "UNSUPPORTED", "ENOTSUP", "platform"],
    ["TLS_REQD", 5, "NOT_PERMITTED", "EPERM", "nbds"],
    ["SHUTDOWN", 7, "SHUTDOWN", "ESHUTDOWN", "ending"],
    ["BLOCK_SIZE_REQD", 8, "UNSUPPORTED", "ENOTSUP", "block sizes"],
    ["TOO_BIG", 9, "INVALID_ARGUMENT", "EINVAL", "too big"],
    ["an unknown error", 99, "UNSUPPORTED", "ENOTSUP", "2147483747"],
  ])("says why the server refuses with %s", async (_, type, code, errno, says) => {
    const answers = { [GO]: optionReply(GO, 0x8000_0000 + type, Buffer.from("its own words")) };
    await withFakeServer(answering(answers), async (uri) => {
      const connecting = () => NbdClient.connect(uri);
      await expectRejection(connecting, { code, errno, says: [says, "its own words"] });
    });
  });

  it.each([
    ["from the start", (peer: Peer) => peer.rest()],
    ["when it is to let in", (peer: Peer) => peer.greet(0).then(() => peer.rest())],
  ])("gives a server that is silent %s its time and no more", async (_, waits) => {
    const script = async (peer: Peer) => {
      await waits(peer);
    };
    await withFakeServer(script, async (uri) => {
      await expectRejection(() => NbdClient.connect(uri, { handshakeTimeoutMs: 50 }), {
        code: "IO",
        errno: "EIO",
        says: ["50 ms", uri],
      });
    });
  });

  it("says where nothing listens", async () => {
    await expectRejection(() => NbdClient.connect("nbd+unix:///?socket=/nowhere/socket"), {
      code: "NOT_FOUND",
      errno: "ENOENT",
      says: ["/nowhere/socket", "no such socket"],
    });
  });

  it("turns away a server that speaks the old style", async () => {
    const script = async (peer: Peer) => {
      peer.send(NBDMAGIC, u64(0x00420281861253n), u64(4096), u32(1), Buffer.alloc(124));
      await peer.rest();
    };
    await withFakeServer(script, async (uri) => {
      await expectRejection(() => NbdClient.connect(uri), {
        code: "UNSUPPORTED",
        errno: "ENOTSUP",
        says: ["old style"],
      });
    });
  });

  it("turns away an export of more bytes than a number can count", async () => {
    const answers = { [GO]: go(size(2n ** 63n - 1n)) };
    await withFakeServer(answering(answers), async (uri) => {
      await expectRejection(() => NbdClient.connect(uri), {
        code: "UNSUPPORTED",
        errno: "ENOTSUP",
        says: ["9223372036854775807", "9007199254740991"],
      });
    });
  });

  it("turns away what is no NBD server", async () => {
    const script = async (peer: Peer) => {
      peer.send(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"));
      await peer.rest();
    };
    await withFakeServer(script, async (uri) => {
      await expectRejection(() => NbdClient.connect(uri), protocol("485454502f312e31"));
    });
  });
});

/** What the server did wrong, its answers, and what the message must tell of it. */
const WRONG: readonly (readonly [string, Answers, string])[] = [
  ["another magic number", { [GO]: Buffer.alloc(20, 1) }, "0101010101010101"],
  ["a reply to another option", { [GO]: optionReply(LIST, ACK) }, "LIST, not to GO"],
  ["a reply of a kind that does not fit", { [GO]: optionReply(GO, SERVER, text("a")) }, "type 2"],
  ["data with an acknowledgement", { [GO]: optionReply(GO, ACK, u16(0)) }, "GO with data"],
  [
    "more replies than anyone needs",
    { [GO]: Buffer.concat([optionReply(GO, INFO).subarray(0, 16), u32(2 ** 24)]) },
    "16777216 bytes",
  ],
  ["no size of the export", { [GO]: go() }, "without its size"],
  ["an item without a type", { [GO]: go(Buffer.alloc(1)) }, "no type"],
  ["a size cut short", { [GO]: go(size(1).subarray(0, 11)) }, "has 11 bytes"],
  ["a size with more behind", { [GO]: go(Buffer.concat([size(1), u16(0)])) }, "has 14 bytes"],
  ["block sizes cut short", { [GO]: go(size(1), blocks(1, 512)) }, "have 10 bytes"],
  ["a least block of 0", { [GO]: go(size(1), blocks(0, 512, 512)) }, "minimum block size is 0"],
  ["a least block of 3", { [GO]: go(size(1), blocks(3, 512, 512)) }, "minimum block size is 3"],
  ["a least block of 128 KiB", { [GO]: go(size(1), blocks(2 ** 17, 2 ** 17, 2 ** 17)) }, "131072"],
  ["a preferred block below 512", { [GO]: go(size(1), blocks(1, 256, 512)) }, "256, not a power"],
  [
    "a preferred block below the least",
    { [GO]: go(size(1), blocks(1024, 512, 1024)) },
    "from 1024",
  ],
  ["a preferred block of 3000", { [GO]: go(size(1), blocks(1, 3000, 4096)) }, "3000, not a power"],
  ["too small a payload", { [GO]: go(size(1), blocks(1, 4096, 512)) }, "most payload is 512"],
  [
    "an export's name past its reply",
    { [GO]: optionReply(GO, 0x8000_0006), [LIST]: listing(u32(1)) },
    "longer than the reply",
  ],
  [
    "an export without a name's length",
    { [GO]: optionReply(GO, 0x8000_0006), [LIST]: listing(u16(0)) },
    "longer than the reply",
  ],
  ["a context without a name", { [SET_CONTEXTS]: contexts(u32(1)) }, "no name"],
  [
    "one number for two contexts",
    {
      [SET_CONTEXTS]: contexts(
        Buffer.concat([u32(1), Buffer.from("a:b")]),
        Buffer.concat([u32(1), Buffer.from("a:c")]),
      ),
    },
    "same number or name",
  ],
];

describe("NbdClient.connect ends the connection for", () => {
  const cases = WRONG.map(([wrong, answers, says]) => ({ wrong, answers, says }));

  it.each(cases)("$wrong", async ({ answers, says }) => {
    const all = {
      [STRUCTURED_REPLY]: optionReply(STRUCTURED_REPLY, ACK),
      [SET_CONTEXTS]: optionReply(SET_CONTEXTS, ACK),
      [LIST]: optionReply(LIST, ACK),
      ...answers,
    };
    await withFakeServer(answering(all), async (uri) => {
      const options = { contexts: ["base:allocation"], handshakeTimeoutMs: 2000 };
      await expectRejection(() => NbdClient.connect(uri, options), protocol(says));
    });
  });
});
