/** What a user of the client sees of it: options, and what a server tells. Needs no types of Node. */

export interface HandshakeOptions {
  /** Most time until the server has answered everything; 30,000 unless given. */
  readonly handshakeTimeoutMs?: number;
}

export interface ConnectOptions extends HandshakeOptions {
  /** Metadata contexts that `blockStatus` is to tell of, as "base:allocation"; none unless given. */
  readonly contexts?: readonly string[];
}

export interface ListContextsOptions extends HandshakeOptions {
  /** As "base:" for all of a namespace. */
  readonly queries?: readonly string[];
}

/** An export as the server lists it; the description is empty where there is none. */
export interface ListedExport {
  readonly name: string;
  readonly description: string;
}

/** In bytes: what offsets and lengths must be multiples of, what is quick, and what one request may carry. */
export interface BlockSize {
  readonly minimum: number;
  readonly preferred: number;
  readonly most: number;
}

/** An export one is connected to. */
export interface ExportInfo {
  readonly exportName: string;
  readonly sizeBytes: number;
  readonly isReadOnly: boolean;
  readonly isRotational: boolean;
  readonly canFlush: boolean;
  readonly canFua: boolean;
  readonly canTrim: boolean;
  readonly canWriteZeroes: boolean;
  readonly canFastZero: boolean;
  readonly canCache: boolean;
  /** Whether a flush on one connection covers the writes on others. */
  readonly canMultiConn: boolean;
  readonly blockSize: BlockSize;
  /** Of the metadata contexts asked for, those the server has. */
  readonly contexts: readonly string[];
  readonly hasStructuredReplies: boolean;
  readonly isEncrypted: boolean;
}
