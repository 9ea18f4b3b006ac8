/** Which stores each part takes: what it could not keep its promises on does not compile. */
import type { KeyValueStore } from "@kv/core";
import {
  cachedTokenVerifier,
  KvEventStore,
  type KvSessionsOptions,
  kvRequestState,
  kvSessions,
  replayGuard,
  responseCache,
} from "@kv/mcp/server";
import type { OAuthTokenVerifier as OAuthTokenVerifierOfV1 } from "@modelcontextprotocol/sdk/server/auth/provider.js";
import type { EventStore as EventStoreOfV1 } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { EventStore, OAuthTokenVerifier } from "@modelcontextprotocol/server";

declare const whole: KeyValueStore<"write" | "atomic" | "enumerate" | "clear" | "durable">;
declare const least: KeyValueStore<"write">;
declare const readOnly: KeyValueStore<"enumerate">;
/** As of a store with a limit, or Memcached. */
declare const evicting: KeyValueStore<"write" | "atomic">;
declare const plain: KeyValueStore<"write" | "durable">;
declare const verifier: OAuthTokenVerifier;
declare const parts: Pick<KvSessionsOptions, "factory" | "transport">;
const server = { name: "tested", version: "1.0.0" };

responseCache({ store: whole, server });
responseCache({ store: least, server });
// @ts-expect-error what cannot be written keeps no answers
responseCache({ store: readOnly, server });
responseCache({ store: whole, server, lease: "10s" });
// @ts-expect-error a lease that is evicted is none
responseCache({ store: evicting, server, lease: "10s" });
// @ts-expect-error a lease is atomic
responseCache({ store: plain, server, lease: "10s" });

cachedTokenVerifier({ store: least, verifier });
// @ts-expect-error what cannot be written knows no tokens
cachedTokenVerifier({ store: readOnly, verifier });

kvSessions({ ...parts, store: whole });
kvSessions({ ...parts, store: evicting });
// @ts-expect-error a session that was ended must not come back by being used
kvSessions({ ...parts, store: plain });

new KvEventStore({ store: whole });
// @ts-expect-error an evicted event is a gap
new KvEventStore({ store: evicting });
// @ts-expect-error two nodes could take one number
new KvEventStore({ store: plain });

kvRequestState({ store: whole });
// @ts-expect-error an evicted state is lost
kvRequestState({ store: evicting });
// @ts-expect-error a state is good once
kvRequestState({ store: plain });

replayGuard({ store: whole });
// @ts-expect-error an evicted mark is a replay let through
replayGuard({ store: evicting });
// @ts-expect-error two could be the first
replayGuard({ store: plain });

// Version 1 of the SDK takes the same.
const events = new KvEventStore({ store: whole }).forSession("id");
events satisfies EventStore;
events satisfies EventStoreOfV1;
cachedTokenVerifier({ store: least, verifier }) satisfies OAuthTokenVerifierOfV1;
