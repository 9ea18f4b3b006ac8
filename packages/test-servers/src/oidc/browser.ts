// A browser that can do what a login needs: follow redirects, keep cookies, send the forms that it is shown.

/** One user's browser, logged in nowhere at first. */
export class Browser {
  readonly #login: string;
  readonly #cookies = new Map<string, string>();

  constructor(login: string) {
    this.#login = login;
  }

  /** From the authorization request to the callback that it leads to, which is not called. */
  async logIn(authorization: string | URL): Promise<URL> {
    let url = new URL(authorization);
    const { origin } = url;
    let form: URLSearchParams | undefined;
    for (let steps = 0; steps < 20; steps++) {
      const response = await fetch(url, {
        method: form ? "POST" : "GET",
        ...(form && { body: form }),
        headers: { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
        redirect: "manual",
      });
      this.#keepCookies(response);
      const location = response.headers.get("location");
      const page = await response.text();
      form = undefined;
      if (location === null) {
        const action = /<form[^>]* action="([^"]+)"/.exec(page)?.[1];
        const prompt = /name="prompt" value="([^"]+)"/.exec(page)?.[1];
        if (action === undefined || prompt === undefined) throw new Error(`${response.status}, no form: ${page}`);
        form = new URLSearchParams({ prompt, login: this.#login, password: "any" });
        url = new URL(action, url);
      } else {
        url = new URL(location, url);
        if (url.origin !== origin) return url;
      }
    }
    throw new Error("the login does not come to an end");
  }

  #keepCookies(response: Response): void {
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (value === "") this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }
}
