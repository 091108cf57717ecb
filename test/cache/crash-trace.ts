/**
 * What strace saw of a server of a cached file: its writes and syncs of the file, and its replies. Tells for each reply
 * whether all that was written to the file before was synced before, as the system did it.
 */

interface Write {
  /** Lines of the trace. */
  readonly begun: number;
  ended: number;
}

export interface TracedReply {
  /** Writes of the file so far, and those of them that no sync made sure of when the reply was sent. */
  readonly writes: number;
  readonly unsynced: number;
  /** Syncs of the file that had ended well. */
  readonly syncs: number;
}

/** The first words of a reply, simple or structured, as strace shows them. */
const REPLY = /^(write|writev|sendto|sendmsg)\(\d+<[^>]*>, .*?"(gDf\\230|f\\2163\\357)/;
const FILE_CALL = /^(pwrite64|pwritev|write|writev|fdatasync|fsync|ftruncate)\(\d+<([^>]*)>/;

/** `trace` is of `strace -f -y`. */
export function tracedReplies(trace: string, path: string): TracedReply[] {
  const replies: TracedReply[] = [];
  const writes: Write[] = [];
  const underWay = new Map<string, (at: number, result: string) => void>();
  let syncedAt = -1;
  let syncs = 0;
  for (const [at, line] of trace.split("\n").entries()) {
    const [, thread, event] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (thread === undefined || event === undefined) continue;
    const result = / = (\S+)/.exec(event)?.[1] ?? "";
    if (/^<\.\.\. \w+ resumed>/.test(event)) {
      underWay.get(thread)?.(at, result);
      underWay.delete(thread);
      continue;
    }
    if (REPLY.test(event)) {
      const unsynced = writes.filter(({ ended }) => ended > syncedAt).length;
      replies.push({ writes: writes.length, unsynced, syncs });
    }
    const [, call, file] = FILE_CALL.exec(event) ?? [];
    if (file !== path) continue;
    let end: (ended: number, result: string) => void;
    if (call === "fdatasync" || call === "fsync") {
      end = (_, code) => {
        if (code !== "0") return;
        syncedAt = Math.max(syncedAt, at);
        syncs += 1;
      };
    } else {
      const write: Write = { begun: at, ended: Number.POSITIVE_INFINITY };
      writes.push(write);
      end = (ended) => {
        write.ended = ended;
      };
    }
    if (event.endsWith("<unfinished ...>")) underWay.set(thread, end);
    else end(at, result);
  }
  return replies;
}
