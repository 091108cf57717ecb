/** The side of a connection that its transmission sees. */

/** What a transmission asks of its connection. */
export interface TransmissionHost {
  /** Whether the server is ending: further requests are told so. */
  isEnding(): boolean;
  /** The client sent what is no request; the connection is to be cut. */
  onGarbage(what: string): void;
  /** A request failed of what no disk should fail of; the client was told that it failed. */
  onFault(cause: unknown): void;
  /** Our own mistake: nothing here holds any more, and the connection is to be cut. */
  onBroken(cause: unknown): void;
  /** Stops or goes on reading from the socket. */
  setReading(isReading: boolean): void;
}
