// The process of the authorization server: oidc-provider, registration open, refresh tokens rotated, reuse punished.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import Provider, { type Configuration } from "oidc-provider";
import { FileStorage } from "./file-adapter.ts";
import type { Command, Counts, Report, Settings } from "./messages.ts";

let holding = false;
let failing = 0;
const held: (() => unknown)[] = [];
const counts: { -readonly [K in keyof Counts]: Counts[K] } = {
  registrations: 0,
  tokenRequests: 0,
  refusals: 0,
  logins: 0,
  machineLogins: 0,
  refreshes: 0,
};

process.on("message", (command: Command) => {
  if (command.type === "start") return void start(command.settings);
  if (command.type === "count") return report({ type: "counts", counts });
  if (command.type === "hold") holding = true;
  if (command.type === "release") {
    holding = false;
    // Once the loop has come round, so that it is known who has gone before this was told.
    setImmediate(() => setImmediate(goOn));
  }
  if (command.type === "fail") failing = command.times;
  report({ type: "done" });
});
process.on("disconnect", () => process.exit());

function goOn(): void {
  for (const go of held.splice(0)) go();
}

async function start(settings: Settings): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(settings.port, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  serve(server, new Provider(`http://127.0.0.1:${port}`, configurationOf(settings)));
  report({ type: "ready", port });
}

function serve(server: Server, provider: Provider): void {
  provider.on("registration_create.success", () => counts.registrations++);
  provider.on("grant.error", () => counts.refusals++);
  provider.on("grant.success", (ctx) => {
    const { grant_type } = ctx.oidc.params ?? {};
    if (grant_type === "refresh_token") counts.refreshes++;
    else if (grant_type === "client_credentials") counts.machineLogins++;
    else counts.logins++;
  });
  const answer = provider.callback();
  server.on("request", (request, response) => {
    if (request.method !== "POST" || request.url !== "/token") return void answer(request, response);
    counts.tokenRequests++;
    if (failing > 0) {
      failing--;
      return void response.writeHead(503, { "content-type": "text/plain" }).end("out of order");
    }
    if (!holding) return void answer(request, response);
    // Who has gone meanwhile has not asked.
    held.push(() => request.destroyed || request.socket.destroyed || void answer(request, response));
    report({ type: "held" });
  });
}

function configurationOf(settings: Settings): Configuration {
  const { resource, scopes, accessTokenSeconds, machine, jwks, cookieKey, file } = settings;
  const storage = new FileStorage(file);
  return {
    adapter: (model) => storage.adapterFor(model),
    jwks,
    cookies: { keys: [cookieKey] },
    clients: machine && [
      {
        client_id: machine.clientId,
        client_secret: machine.clientSecret,
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
        token_endpoint_auth_method: "client_secret_basic",
      },
    ],
    scopes: ["openid", "offline_access", ...scopes],
    clientDefaults: { grant_types: ["authorization_code", "refresh_token"], token_endpoint_auth_method: "none" },
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    // Else it would ask for `offline_access`, with `prompt=consent`.
    issueRefreshToken: async () => true,
    rotateRefreshToken: true,
    ttl: {
      AccessToken: accessTokenSeconds,
      AuthorizationCode: 60,
      ClientCredentials: accessTokenSeconds,
      Grant: 86_400,
      IdToken: 3600,
      Interaction: 3600,
      RefreshToken: 86_400,
      Session: 86_400,
    },
    features: {
      devInteractions: { enabled: true },
      registration: { enabled: true },
      revocation: { enabled: true },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: async () => resource,
        useGrantedResource: async () => true,
        getResourceServerInfo: async () => ({
          scope: scopes.join(" "),
          audience: resource,
          accessTokenTTL: accessTokenSeconds,
          accessTokenFormat: "jwt",
        }),
      },
    },
  };
}

function report(message: Report): void {
  process.send?.(message);
}
