/**
 * The control socket of a running server, beside its NBD socket and as private: one line of JSON with a command in, one
 * with its result or its refusal out.
 */

import { connect, createServer, type Server, type Socket } from "node:net";
import { type ErrorCode, PagefoldError, reasonOf } from "../base/errors.ts";
import { printable } from "../base/text.ts";

/** Longest line either side takes, in bytes. */
const MOST_LINE_BYTES = 2 ** 20;

/** A command and what it needs. */
export interface ControlRequest {
  readonly command: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** What a server does for each command; fails with a PagefoldError. */
export type ControlHandlers = Readonly<
  Record<string, (options: Readonly<Record<string, unknown>>) => unknown>
>;

type ControlAnswer =
  | { readonly result: unknown }
  | { readonly refusal: { readonly code: ErrorCode; readonly message: string } };

/** Where the control socket of the server at this NBD socket is. */
export function controlPathOf(socketPath: string): string {
  return `${socketPath}.control`;
}

export class ControlServer {
  readonly #listener: Server;
  readonly #handlers: ControlHandlers;
  readonly #sockets = new Set<Socket>();

  constructor(handlers: ControlHandlers) {
    this.#handlers = handlers;
    this.#listener = createServer((socket) => this.#serve(socket));
  }

  get listener(): Server {
    return this.#listener;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    readLine(socket).then(
      async (line) => {
        const answer = await this.#answer(line);
        socket.end(`${JSON.stringify(answer)}\n`);
      },
      () => socket.destroy(),
    );
  }

  async #answer(line: string): Promise<ControlAnswer> {
    try {
      const request = parseRequest(line);
      const handler = this.#handlers[request.command];
      if (handler === undefined || !Object.hasOwn(this.#handlers, request.command)) {
        throw new PagefoldError(
          "UNSUPPORTED",
          `this server knows no command "${request.command}"; it knows ${Object.keys(this.#handlers).join(", ")}`,
        );
      }
      return { result: await handler(request.options ?? {}) };
    } catch (cause) {
      if (cause instanceof PagefoldError)
        return { refusal: { code: cause.code, message: cause.message } };
      const message = reasonOf(cause);
      return { refusal: { code: "IO", message: `the server failed: ${message}` } };
    }
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

function parseRequest(line: string): ControlRequest {
  try {
    const request = JSON.parse(line) as ControlRequest;
    const { command, options } = request;
    const isRequest =
      typeof command === "string" &&
      (options === undefined || (typeof options === "object" && options !== null));
    if (isRequest) return request;
  } catch {
    // The refusal below says what is wanted.
  }
  throw new PagefoldError(
    "PROTOCOL",
    `a control request is one line of JSON with a command, not ${printable(line.slice(0, 80))}`,
  );
}

/** The first line a socket sends. */
function readLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    let isDone = false;
    const fail = () => reject(new PagefoldError("IO", "the connection ended before its answer"));
    socket.on("data", (part: Buffer) => {
      if (isDone) return;
      const end = part.indexOf(0x0a);
      parts.push(end < 0 ? part : part.subarray(0, end));
      bytes += part.length;
      isDone = end >= 0 || bytes > MOST_LINE_BYTES;
      if (end >= 0) resolve(Buffer.concat(parts).toString("utf8"));
      else if (isDone) fail();
    });
    socket.on("end", fail);
    socket.on("error", fail);
  });
}

/**
 * Asks a running server.
 * @throws PagefoldError NOT_FOUND if none listens there, and whatever the server refuses with.
 */
export async function askServer(controlPath: string, request: ControlRequest): Promise<unknown> {
  const socket = connect(controlPath);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", (cause: NodeJS.ErrnoException) => reject(noServer(controlPath, cause)));
    });
    const answered = readLine(socket);
    socket.write(`${JSON.stringify(request)}\n`);
    const answer = JSON.parse(await answered) as ControlAnswer;
    if ("refusal" in answer) throw new PagefoldError(answer.refusal.code, answer.refusal.message);
    return answer.result;
  } finally {
    socket.destroy();
  }
}

function noServer(path: string, cause: NodeJS.ErrnoException): PagefoldError {
  const isDenied = cause.code === "EACCES" || cause.code === "EPERM";
  return new PagefoldError(
    isDenied ? "NOT_PERMITTED" : "NOT_FOUND",
    isDenied
      ? `"${printable(path)}" may only be used by who started the server`
      : `no server listens at "${printable(path)}" (${cause.code}); start one with pagefold serve, or say where it is with --socket or --port`,
    { cause },
  );
}
