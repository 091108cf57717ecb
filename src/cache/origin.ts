/**
 * What a cache stands in front of. Holds always: a read or a write is all done or it is an error; a write is durable
 * once a `sync` begun after its end has ended well, if none failed between. What fails is a PagefoldError; nothing is
 * tried again here.
 */

export interface Origin {
  /** For messages. */
  readonly name: string;
  readonly isReadOnly: boolean;
  /** Bytes it has now; any number of them. */
  sizeBytes(): Promise<number>;
  /** Fills `target` from byte `offset` on; any alignment. */
  read(offset: number, target: Uint8Array): Promise<void>;
  /** Writes all of `source`; whole pages of 4096 bytes at their places, but for the last page's end. */
  write(offset: number, source: Uint8Array): Promise<void>;
  /** Done when everything written before is durable. */
  sync(): Promise<void>;
  /** Ends it, after what is under way; idempotent. */
  close(): Promise<void>;
}
