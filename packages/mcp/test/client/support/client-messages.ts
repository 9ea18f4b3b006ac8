/** What a client's process and the test that started it tell each other. */

export interface ClientSettings {
  readonly storeUrl: string;
  /** Base64. */
  readonly key: string;
  readonly server: string;
  readonly principal: string;
  readonly redirectUrl: string;
}

export type ClientCommand =
  | { readonly type: "start"; readonly settings: ClientSettings }
  /** Calls the tool so many times at once. */
  | { readonly type: "call"; readonly times: number }
  /** The callback of a login, which any process may be given. */
  | { readonly type: "callback"; readonly query: string };

export interface Answered {
  readonly type: "answered";
  /** What the tool said, or the error's message. */
  readonly results: readonly string[];
  /** Where the user was sent meanwhile. */
  readonly redirects: readonly string[];
}
