/** What the client asks a server without going into an export, and where it insists on TLS. */

import { describe, expect, it } from "vitest";
import { NbdClient } from "../../../src/nbd/client/client.ts";
import {
  answering,
  optionReply,
  type Peer,
  replies,
  text,
  u32,
  withFakeServer,
} from "../../support/fake-nbd-server.ts";
import { expectRejection } from "../../support/refusals.ts";

const ABORT = 2;
const LIST = 3;
const STARTTLS = 5;
const STRUCTURED_REPLY = 8;
const LIST_CONTEXTS = 9;

const ACK = 1;
const SERVER = 2;
const CONTEXT = 4;

const listing = replies(LIST, SERVER);

describe("NbdClient.connect with TLS", () => {
  it("turns away a server that has none", async () => {
    const seen: (readonly [number, string])[] = [];
    await withFakeServer(answering({}, seen), async (uri) => {
      await expectRejection(() => NbdClient.connect(uri.replace("nbd+", "nbds+")), {
        code: "UNSUPPORTED",
        errno: "ENOTSUP",
        says: ["STARTTLS"],
      });
    });
    // Not one option goes out unprotected.
    expect(seen.map(([option]) => option)).toEqual([STARTTLS, ABORT]);
  });

  it("turns away a server that has no options", async () => {
    const script = async (peer: Peer) => {
      await peer.greet(0);
      await peer.rest();
    };
    await withFakeServer(script, async (uri) => {
      await expectRejection(() => NbdClient.connect(uri.replace("nbd+", "nbds+")), {
        code: "UNSUPPORTED",
        errno: "ENOTSUP",
        says: ["no TLS"],
      });
    });
  });

  it("believes nothing that was sent before TLS began", async () => {
    const injected = optionReply(STRUCTURED_REPLY, ACK);
    const answers = { [STARTTLS]: Buffer.concat([optionReply(STARTTLS, ACK), injected]) };
    await withFakeServer(answering(answers), async (uri) => {
      const connecting = () => NbdClient.connect(uri.replace("nbd+", "nbds+"));
      await expectRejection(connecting, {
        code: "PROTOCOL",
        errno: "EPROTO",
        says: ["agreed to start TLS"],
      });
    });
  });

  it("turns away a server that only says so", async () => {
    const script = async (peer: Peer) => {
      await peer.greet();
      await peer.option();
      peer.send(optionReply(STARTTLS, ACK));
      await peer.take(100);
      peer.send(Buffer.alloc(300, 65));
      await peer.rest();
    };
    await withFakeServer(script, async (uri) => {
      await expectRejection(() => NbdClient.connect(uri.replace("nbd+", "nbds+")), {
        code: "NOT_PERMITTED",
        errno: "EPERM",
        says: ["TLS with"],
      });
    });
  });

  it("turns away a server that hangs up on it", async () => {
    const script = async (peer: Peer) => {
      await peer.greet();
      await peer.option();
      peer.send(optionReply(STARTTLS, ACK));
      await peer.take(100);
      peer.hangUp();
    };
    await withFakeServer(script, async (uri) => {
      await expectRejection(() => NbdClient.connect(uri.replace("nbd+", "nbds+")), {
        code: "NOT_PERMITTED",
        errno: "EPERM",
        says: ["TLS with"],
      });
    });
  });
});

describe("NbdClient.listExports", () => {
  it("gives names and descriptions", async () => {
    const items = [text("a"), Buffer.concat([text("ß"), Buffer.from("for guests")])];
    await withFakeServer(answering({ [LIST]: listing(...items) }), async (uri) => {
      expect(await NbdClient.listExports(uri)).toEqual([
        { name: "a", description: "" },
        { name: "ß", description: "for guests" },
      ]);
    });
  });

  it("says why the server does not tell", async () => {
    const answers = { [LIST]: optionReply(LIST, 0x8000_0002, Buffer.from("secret")) };
    await withFakeServer(answering(answers), async (uri) => {
      await expectRejection(() => NbdClient.listExports(uri), {
        code: "NOT_PERMITTED",
        errno: "EPERM",
        says: ["LIST", "secret"],
      });
    });
  });

  it("refuses where the server has no options", async () => {
    const script = async (peer: Peer) => {
      await peer.greet(0);
      await peer.rest();
    };
    await withFakeServer(script, async (uri) => {
      await expectRejection(() => NbdClient.listExports(uri), {
        code: "UNSUPPORTED",
        errno: "ENOTSUP",
        says: ["lists nothing"],
      });
    });
  });
});

describe("NbdClient.listContexts", () => {
  it("asks for the export and the queries, and gives the names", async () => {
    const seen: (readonly [number, string])[] = [];
    const item = Buffer.concat([u32(0), Buffer.from("base:allocation")]);
    const answers = {
      [STRUCTURED_REPLY]: optionReply(STRUCTURED_REPLY, ACK),
      [LIST_CONTEXTS]: replies(LIST_CONTEXTS, CONTEXT)(item),
    };
    await withFakeServer(answering(answers, seen), async (uri) => {
      const queries = ["base:"];
      expect(await NbdClient.listContexts(uri, { queries })).toEqual(["base:allocation"]);
    });
    const query = Buffer.concat([u32(0), u32(1), text("base:")]).toString("hex");
    expect(seen).toContainEqual([LIST_CONTEXTS, query]);
  });
});
