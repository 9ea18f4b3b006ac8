/** What the store uses of memjs, which brings no types of its own. */
declare module "memjs" {
  import type { EventEmitter } from "node:events";

  export class Server extends EventEmitter {
    constructor(host: string, port: number, username?: string, password?: string, options?: object);
    readonly host: string;
    readonly port: number;
    username: string | undefined;
    password: string | undefined;
    /** Hands a response to the callback that waits for it. */
    respond(response: object): void;
    /** Tells all callbacks that wait. */
    error(error: Error): void;
    write(request: Buffer): void;
    close(): void;
  }

  export class Client {
    constructor(servers: readonly Server[], options?: object);
    readonly servers: readonly Server[];
    getServer(key: string): number;
  }

  export const Utils: { parseMessage(bytes: Buffer): object };
}
