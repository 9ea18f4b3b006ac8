import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { KeyValueStore } from "@kv/core";
import { KvOAuthClientProvider, refreshCoordinator } from "@kv/mcp/client";
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";

type Store = KeyValueStore<"write" | "atomic" | "durable">;

/** A client of the server. Whoever has not logged in there yet is shown where to. */
export async function connect(store: Store, server: URL, show: (login: URL) => void): Promise<Client> {
  const keys = [{ id: "2026-01", key: Buffer.from(process.env.KV_ENCRYPTION_KEY ?? "", "base64") }];
  // Where the browser comes back to: a port that is free in this run.
  const loopback = createServer().listen(0, "127.0.0.1");
  await once(loopback, "listening");
  const { port } = loopback.address() as AddressInfo;

  const provider = new KvOAuthClientProvider({
    store,
    keys,
    server,
    principal: "me", // a gateway for many: the verified id of the user
    redirectUrl: `http://127.0.0.1:${port}/callback`,
    clientMetadata: { client_name: "My client" },
    redirect: show,
  });
  const coordinated = refreshCoordinator({ store, keys })(fetch);
  const transport = () => new StreamableHTTPClientTransport(server, { authProvider: provider, fetch: coordinated });
  const client = new Client({ name: "my-client", version: "1.0.0" });
  const first = transport();
  try {
    await client.connect(first);
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    const [request, response] = await once(loopback, "request");
    response.end("You can close this window.");
    const callback = new URL(request.url, "http://127.0.0.1");
    // Checks the callback's state, and hands the SDK the verifier that belongs to it.
    await provider.finishLogin(callback.searchParams, (params) => first.finishAuth(params));
    await client.connect(transport());
  } finally {
    loopback.closeAllConnections();
    loopback.close();
  }
  return client;
}
