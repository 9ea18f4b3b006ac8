/** A client in a process of its own, as tests hold it. */
import { runNode } from "@kv/test-servers";
import { Browser } from "@kv/test-servers/oidc";
import { onTestFinished } from "vitest";
import type { Answered, ClientCommand, ClientSettings } from "./client-messages.ts";

export class ClientProcess {
  readonly #child = runNode(new URL("../children/client.ts", import.meta.url), []);

  /** Killed with the test. */
  static async start(settings: ClientSettings): Promise<ClientProcess> {
    const client = new ClientProcess();
    onTestFinished(() => client.kill());
    await client.#tell({ type: "start", settings });
    return client;
  }

  /** The first process of a user, who has logged in with it. */
  static async loggedIn(settings: ClientSettings): Promise<ClientProcess> {
    const client = await ClientProcess.start(settings);
    const { redirects } = await client.call();
    await client.finishLogin(await new Browser(settings.principal).logIn(redirects[0] ?? ""));
    return client;
  }

  call(times = 1): Promise<Answered> {
    return this.#tell({ type: "call", times });
  }

  finishLogin(callback: URL): Promise<Answered> {
    return this.#tell({ type: "callback", query: callback.search });
  }

  async kill(): Promise<void> {
    this.#child.process.kill("SIGKILL");
    await this.#child.ended;
  }

  #tell(command: ClientCommand): Promise<Answered> {
    return new Promise((resolve, reject) => {
      this.#child.process.once("message", (answer: Answered) => resolve(answer));
      this.#child.ended.then((how) => reject(new Error(`the client's process ended: ${how}`)), reject);
      this.#child.process.send(command);
    });
  }
}
