// A real OAuth authorization server for tests of MCP clients and servers, and a browser that logs in there.

export {
  AuthorizationServer,
  type AuthorizationServerOptions,
  type Counts,
  startAuthorizationServer,
} from "./authorization-server.ts";
export { Browser } from "./browser.ts";
