/**
 * What a client asks before it reads and writes: the way into an export, and the lists of exports and of metadata
 * contexts. A handshake ends in its time or fails; whatever goes wrong, no connection is left open.
 */

import { PagefoldError } from "../../base/errors.ts";
import { printable } from "../../base/text.ts";
import { EXPORT_NAME_ZEROES, INFO, OPTION, OPTION_REPLY } from "../protocol.ts";
import type { NbdAddress } from "../uri.ts";
import { Connection } from "./connection.ts";
import { protocolError } from "./errors.ts";
import { parseBlockSize, parseExport, UNTOLD_BLOCK_SIZE } from "./info.ts";
import { Negotiation } from "./negotiation.ts";
import { loadTls } from "./tls.ts";
import type {
  ConnectOptions,
  ExportInfo,
  HandshakeOptions,
  ListContextsOptions,
  ListedExport,
} from "./types.ts";

const HANDSHAKE_TIMEOUT_MS = 30_000;
/** Names in the message about one that does not exist. */
const MOST_NAMES_SHOWN = 20;

export interface OpenedExport {
  readonly connection: Connection;
  readonly info: ExportInfo;
  readonly contextNames: ReadonlyMap<number, string>;
}

/** Connects and goes into the export. */
export function openExport(address: NbdAddress, options: ConnectOptions): Promise<OpenedExport> {
  return negotiate(address, options, async (negotiation, connection) => {
    const { exportName } = address;
    const isStructured = await hasStructuredReplies(negotiation);
    const contextNames =
      isStructured && options.contexts && options.contexts.length > 0
        ? await setContexts(negotiation, exportName, options.contexts)
        : new Map<number, string>();
    const told =
      (await go(negotiation, exportName)) ??
      (await enterByName({ negotiation, connection, exportName }));
    const info: ExportInfo = {
      exportName,
      ...told,
      contexts: [...contextNames.values()],
      hasStructuredReplies: isStructured,
      isEncrypted: address.tls !== undefined,
    };
    return { connection, info, contextNames };
  });
}

/** The exports the server lists; which one `address` names does not matter. */
export function listExports(
  address: NbdAddress,
  options: HandshakeOptions,
): Promise<readonly ListedExport[]> {
  return negotiate(address, options, async (negotiation) => {
    needOptions(negotiation);
    const listed = await list(negotiation);
    await negotiation.abort();
    return listed;
  });
}

/** Names of the metadata contexts of the export that match one of `queries`, or of all if there are none. */
export function listContexts(
  address: NbdAddress,
  options: ListContextsOptions,
): Promise<readonly string[]> {
  return negotiate(address, options, async (negotiation) => {
    needOptions(negotiation);
    await hasStructuredReplies(negotiation);
    const query = contextQuery(address.exportName, options.queries ?? []);
    const { items, refusal } = await negotiation.ask(
      OPTION.LIST_META_CONTEXT,
      query,
      OPTION_REPLY.META_CONTEXT,
    );
    if (refusal) throw refusal.error;
    await negotiation.abort();
    return items.map((item) => parseContext(item).name);
  });
}

async function negotiate<Result>(
  address: NbdAddress,
  { handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS }: HandshakeOptions,
  work: (negotiation: Negotiation, connection: Connection) => Promise<Result>,
): Promise<Result> {
  const host = "host" in address ? address.host : undefined;
  const tls = address.tls && (await loadTls(address.tls, host));
  const connection = new Connection(address, tls === undefined);
  let late: PagefoldError | undefined;
  const timer = setTimeout(() => {
    const message = `${connection.place} did not finish the handshake in ${handshakeTimeoutMs} ms; see whether the server is an NBD server and not overloaded`;
    late = new PagefoldError("IO", message);
    connection.fail(late);
  }, handshakeTimeoutMs);
  let negotiation: Negotiation | undefined;
  try {
    await connection.opened();
    negotiation = await Negotiation.begin(connection);
    if (tls) await negotiation.startTls(tls);
    return await work(negotiation, connection);
  } catch (error) {
    const isOrderly = error instanceof PagefoldError && error.code !== "PROTOCOL";
    if (negotiation && isOrderly && !connection.lost) await negotiation.abort();
    else connection.fail(error as Error);
    throw late ?? error;
  } finally {
    clearTimeout(timer);
  }
}

function needOptions(negotiation: Negotiation): void {
  if (negotiation.hasOptions) return;
  throw new PagefoldError(
    "UNSUPPORTED",
    "the server speaks the newstyle of NBD before it was fixed, which lists nothing; name the export to connect to",
  );
}

async function hasStructuredReplies(negotiation: Negotiation): Promise<boolean> {
  if (!negotiation.hasOptions) return false;
  const { refusal } = await negotiation.ask(OPTION.STRUCTURED_REPLY);
  if (refusal?.type === OPTION_REPLY.ERR_TLS_REQD) throw refusal.error;
  return refusal === undefined;
}

/** Which contexts the server took, by the numbers it will use; a server that refuses the option has none. */
async function setContexts(
  negotiation: Negotiation,
  exportName: string,
  contexts: readonly string[],
): Promise<ReadonlyMap<number, string>> {
  const { items, refusal } = await negotiation.ask(
    OPTION.SET_META_CONTEXT,
    contextQuery(exportName, contexts),
    OPTION_REPLY.META_CONTEXT,
  );
  if (refusal) return new Map();
  const parsed = items.map(parseContext);
  const names = new Map(parsed.map(({ id, name }) => [id, name]));
  if (names.size < items.length || new Set(names.values()).size < items.length) {
    throw protocolError("it gives two metadata contexts the same number or name");
  }
  return names;
}

/** What the server tells of the export it let us into; undefined if it does not know the option. */
async function go(negotiation: Negotiation, exportName: string) {
  if (!negotiation.hasOptions) return undefined;
  const name = lengthPrefixed(exportName);
  const request = Buffer.concat([name, Buffer.from([0, 1, 0, INFO.BLOCK_SIZE])]);
  const { items, refusal } = await negotiation.ask(OPTION.GO, request, OPTION_REPLY.INFO);
  if (refusal?.type === OPTION_REPLY.ERR_UNSUP) return undefined;
  if (refusal?.type === OPTION_REPLY.ERR_UNKNOWN) {
    throw await unknownExport(negotiation, exportName, refusal.error);
  }
  if (refusal) throw refusal.error;

  let told: ReturnType<typeof parseExport> | undefined;
  let blockSize = UNTOLD_BLOCK_SIZE;
  for (const item of items) {
    if (item.length < 2) throw protocolError("an information item has no type");
    const type = item.readUInt16BE(0);
    if (type === INFO.EXPORT) told = parseExport(item.subarray(2));
    if (type === INFO.BLOCK_SIZE) blockSize = parseBlockSize(item.subarray(2));
  }
  if (told === undefined) throw protocolError("it lets us into an export without its size");
  return { ...told, blockSize };
}

/** The old way in, which knows no errors: the server closes the connection instead. */
async function enterByName({
  negotiation,
  connection,
  exportName,
}: {
  readonly negotiation: Negotiation;
  readonly connection: Connection;
  readonly exportName: string;
}) {
  negotiation.send(OPTION.EXPORT_NAME, Buffer.from(exportName));
  let told: Buffer;
  try {
    told = await connection.take(10 + (negotiation.hasZeroes ? EXPORT_NAME_ZEROES : 0));
  } catch (cause) {
    if (!(cause instanceof PagefoldError) || cause.code !== "IO") throw cause;
    const name = printable(exportName);
    throw new PagefoldError(
      "NOT_FOUND",
      `${connection.place} hung up when asked for the export "${name}", as servers do that have none of that name; check the name`,
      { cause },
    );
  }
  return { ...parseExport(told.subarray(0, 10)), blockSize: UNTOLD_BLOCK_SIZE };
}

async function unknownExport(
  negotiation: Negotiation,
  exportName: string,
  cause: PagefoldError,
): Promise<PagefoldError> {
  let listed: readonly ListedExport[] = [];
  try {
    listed = await list(negotiation);
  } catch (error) {
    // It may keep its list to itself, but the connection has to stand.
    if (!(error instanceof PagefoldError) || ["PROTOCOL", "IO"].includes(error.code)) throw error;
  }
  const shown = listed.slice(0, MOST_NAMES_SHOWN).map(({ name }) => `"${printable(name)}"`);
  const more = listed.length > shown.length ? ` and ${listed.length - shown.length} more` : "";
  const names = listed.length > 0 ? shown.join(", ") + more : "none, so ask who runs it";
  return new PagefoldError(
    "NOT_FOUND",
    `the server has no export "${printable(exportName)}"; it lists ${names}`,
    { cause },
  );
}

async function list(negotiation: Negotiation): Promise<readonly ListedExport[]> {
  const { items, refusal } = await negotiation.ask(OPTION.LIST, undefined, OPTION_REPLY.SERVER);
  if (refusal) throw refusal.error;
  return items.map((item) => {
    const length = item.length < 4 ? Number.NaN : item.readUInt32BE(0);
    if (!(length <= item.length - 4)) {
      throw protocolError("an export's name is longer than the reply it is in");
    }
    return {
      name: item.toString("utf8", 4, 4 + length),
      description: item.toString("utf8", 4 + length),
    };
  });
}

function contextQuery(exportName: string, queries: readonly string[]): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(queries.length);
  return Buffer.concat([lengthPrefixed(exportName), count, ...queries.map(lengthPrefixed)]);
}

function parseContext(item: Buffer): { readonly id: number; readonly name: string } {
  if (item.length < 5) throw protocolError("a metadata context has no name");
  return { id: item.readUInt32BE(0), name: item.toString("utf8", 4) };
}

function lengthPrefixed(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
