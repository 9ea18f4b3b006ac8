// A TCP proxy between a store and its server that loses replies.

import { type Link, Relay } from "./relay.ts";

/** Passes all on, but loses a reply when told, and the connection with it. */
export class LossyProxy extends Relay {
  readonly #losing = new WeakSet<Link>();

  static start(target: number): Promise<LossyProxy> {
    return new LossyProxy(target).listen();
  }

  loseNextReply(): void {
    for (const link of this.links) this.#losing.add(link);
  }

  protected override pass(link: Link): void {
    const { near, far } = link;
    near.on("data", (bytes) => far.write(bytes));
    far.on("data", (bytes) => {
      if (this.#losing.has(link)) this.drop(link);
      else near.write(bytes);
    });
  }
}
