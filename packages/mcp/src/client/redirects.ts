/** Where the user is being sent: calls that need the same login meanwhile join, so that it is shown once. */

/** What differs between the requests of parallel calls for one login: each may have registered a client of its own. */
const OWN = ["state", "code_challenge", "client_id"];

export class Redirects {
  readonly #underWay = new Map<string, Promise<void>>();

  /**
   * Sends the user to where `send` does, unless they are on their way there already.
   * @returns the end of it, for all who joined; `joined` where somebody else had begun it
   */
  begin(url: URL, send: () => Promise<void>): { readonly sent: Promise<void>; readonly joined: boolean } {
    const login = new URL(url);
    for (const name of OWN) login.searchParams.delete(name);
    const underWay = this.#underWay.get(login.href);
    if (underWay) return { sent: underWay, joined: true };
    const sent = send().finally(() => this.#underWay.delete(login.href));
    this.#underWay.set(login.href, sent);
    return { sent, joined: false };
  }
}
