/** Where the browser comes back to after a login: a page on this machine, for as long as the client runs. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { LoginStateError } from "@kv/mcp/client";
import { html } from "../html.ts";
import { UsageError } from "../options.ts";

export interface Callback {
  readonly url: string;
  /**
   * Resolves once `finish` has taken a callback, and rejects with what it throws, or after `patience` milliseconds. A
   * callback of an unknown state, which any page in the browser may have made, is answered and not counted.
   */
  finished(finish: (params: URLSearchParams) => Promise<void>, patience: number): Promise<void>;
  close(): void;
}

const PATH = "/callback";
const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
  connection: "close",
};

/** @param port the one to listen on if it is free; else, and for 0, another one */
export async function listenForCallback(port: number): Promise<Callback> {
  const http = createServer();
  const listen = (on: number): Promise<void> =>
    new Promise((resolve, reject) => {
      http.once("error", reject);
      http.listen(on, "127.0.0.1", () => {
        http.off("error", reject);
        resolve();
      });
    });
  await listen(port).catch(() => listen(0));

  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}${PATH}`,
    finished: async (finish, patience) => {
      const outcome = new Promise<void>((resolve, reject) => {
        http.on("request", async ({ url = "/" }, response) => {
          const { pathname, searchParams } = new URL(url, "http://localhost");
          if (pathname !== PATH) return void response.writeHead(404, HEADERS).end();
          try {
            await finish(searchParams);
            response.once("close", resolve);
            response.writeHead(200, HEADERS).end(page("You are logged in", "You can close this page."));
          } catch (error) {
            if (!(error instanceof LoginStateError)) response.once("close", () => reject(error));
            response.writeHead(400, HEADERS).end(page("This did not log you in", "The program tells why."));
          }
        });
      });
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((_, reject) => {
        timer = setTimeout(() => reject(new UsageError("nobody has logged in in time")), patience);
      });
      try {
        await Promise.race([outcome, late]);
      } finally {
        clearTimeout(timer);
        http.removeAllListeners("request");
      }
    },
    close: () => {
      http.close();
      http.closeAllConnections();
    },
  };
}

function page(title: string, text: string): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title></head>
<body><main><h1>${title}</h1><p>${text}</p></main></body></html>
`.text;
}
