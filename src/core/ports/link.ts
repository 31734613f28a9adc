/** One message: a JSON value and, beside it, raw bytes that are not part of the JSON. */
export interface Message {
  readonly head: unknown;
  readonly data?: Uint8Array | undefined;
  /**
   * Of large data that arrived: its memory is such as `Files.bulkBuffer` gives, and is used again once its receiver says so. It need not;
   * then it is collected.
   */
  readonly giveBack?: (() => void) | undefined;
}

/** One two-way connection. Messages arrive whole and in order, or the connection closes. */
export interface Channel {
  /** Resolves when the message is handed over (backpressure), rejects with LinkError when the channel is closed. */
  send(message: Message): Promise<void>;
  onMessage(listener: (message: Message) => void): void;
  /** Called once, with the reason when it was not an ordinary end. */
  onClose(listener: (reason?: Error) => void): void;
  close(): void;
}

export interface Listener {
  readonly address: string;
  /** Takes no new connections; resolves when the address is free again. Open channels stay. */
  close(): Promise<void>;
}

export type LinkFault = 'no-listener' | 'closed' | 'too-large' | 'malformed';

export class LinkError extends Error {
  override readonly name = 'LinkError';
  readonly fault: LinkFault;
  constructor(fault: LinkFault, message: string, cause?: unknown) {
    super(message, { cause });
    this.fault = fault;
  }
}

/** Reaches other processes by an address (a socket path on the real machine, of any length). */
export interface Link {
  /** A left-over address of a dead process is taken over: only the owner of a system listens at its address. */
  listen(address: string, onChannel: (channel: Channel) => void): Promise<Listener>;
  /** Rejects with LinkError `no-listener` when nobody is there. */
  connect(address: string): Promise<Channel>;
}
