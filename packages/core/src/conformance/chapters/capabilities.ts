/** Chapter "capabilities": what is claimed works, as the other chapters show; what is not claimed says so. */
import { allCapabilities, type Capability } from "../../capabilities.ts";
import { defineLayer } from "../../driver/layer.ts";
import { UnsupportedOperationError } from "../../errors.ts";
import { deepEqual, equal, ok, rejects } from "../assertions.ts";
import { type Definition, type Property, property } from "../property.ts";
import { call, collectionOperations, keyOperations, keysTo, type OperationCase, storeOperations } from "../support.ts";

function needing(operations: readonly OperationCase[], capability: Capability): readonly OperationCase[] {
  return operations.filter(({ needs }) => needs === capability);
}

/** Each operation of a capability that lacks is refused; what was stored stays as it is, where something can be stored. */
function refused(capability: Capability): Definition<never>["run"] {
  return async ({ store, unique }) => {
    const c = store.collection(unique());
    if (store.can("write")) await call(c, "put", "a", 1);
    const before = await c.getMany(["a", "b"]);
    const shape = { code: "UNSUPPORTED", retryable: false };
    for (const { method, writes, args } of needing([...keyOperations, ...collectionOperations], capability)) {
      for (const key of ["a", "b"]) {
        await rejects(
          () => call(c, method, ...args(key)),
          UnsupportedOperationError,
          `${method} of a store that does not claim "${capability}"`,
          {
            ...shape,
            operation: method,
            collection: c.name,
            outcome: writes ? "not-applied" : undefined,
          },
        );
      }
    }
    for (const { method, args } of needing(storeOperations, capability)) {
      await rejects(
        () => call(store, method, ...args("a")),
        UnsupportedOperationError,
        `${method} of a store that does not claim "${capability}"`,
        {
          ...shape,
          operation: method,
        },
      );
    }
    deepEqual(await c.getMany(["a", "b"]), before, "the records after all that was refused");
  };
}

export const capabilities: readonly Property[] = [
  property({
    id: "capabilities/are-frozen-data",
    title: "Capabilities are one frozen object of booleans and limits, the same for the store and its collections.",
    async run({ store, unique }) {
      const { capabilities } = store;
      ok(Object.isFrozen(capabilities), "capabilities is frozen");
      for (const one of allCapabilities) ok(typeof capabilities[one] === "boolean", `capabilities.${one} is a boolean`);
      deepEqual(store.collection(unique()).capabilities, capabilities, "a collection's capabilities");
      const { recordBytes, batch } = capabilities.limits ?? {};
      for (const [name, limit] of Object.entries({ recordBytes, ...batch })) {
        ok(
          limit === undefined || (Number.isSafeInteger(limit) && limit > 0),
          `the limit ${name} is a whole number above 0`,
        );
      }
    },
  }),
  property({
    id: "capabilities/can",
    title: "`can` answers by the capabilities: whether all that are asked for are there.",
    async run(context) {
      const withdrawing = allCapabilities.map((one) =>
        defineLayer("withdrawing", (inner) => inner, { withdraws: [one] }),
      );
      for (const store of [context.store, ...withdrawing.map((layer) => context.store.with(layer))]) {
        const { capabilities } = store;
        const c = store.collection(context.unique());
        for (const first of allCapabilities) {
          equal(store.can(first), capabilities[first], `store.can("${first}")`);
          equal(c.can(first), capabilities[first], `collection.can("${first}")`);
          for (const second of allCapabilities) {
            const both = capabilities[first] && capabilities[second];
            equal(store.can(first, second), both, `store.can("${first}", "${second}")`);
            equal(c.can(first, second), both, `collection.can("${first}", "${second}")`);
          }
        }
        equal(store.can(), true, "can()");
      }
    },
  }),
  property({
    id: "capabilities/ping",
    title: "`ping` answers where the backend can serve.",
    async run({ store }) {
      equal(await store.ping(), undefined, "what ping resolves to");
    },
  }),
  property({
    id: "capabilities/without-write",
    title: 'A store that does not claim "write" refuses to write.',
    lacks: ["write"],
    run: refused("write"),
  }),
  property({
    id: "capabilities/without-atomic",
    title: 'A store that does not claim "atomic" refuses atomic operations, and never does them by halves.',
    lacks: ["atomic"],
    run: refused("atomic"),
  }),
  property({
    id: "capabilities/without-enumerate",
    title: 'A store that does not claim "enumerate" refuses to enumerate, rather than to show nothing.',
    lacks: ["enumerate"],
    run: refused("enumerate"),
  }),
  property({
    id: "capabilities/without-clear",
    title: 'A store that does not claim "clear" refuses to clear, rather than to do nothing.',
    lacks: ["clear"],
    run: refused("clear"),
  }),
  ...(["write", "atomic", "enumerate", "clear"] as const).map((capability) =>
    property({
      id: `capabilities/${capability}-withdrawn`,
      title: `Where a layer withdraws "${capability}", the store refuses as if its backend had never had it.`,
      needs: ["write", capability],
      async run(context) {
        const layer = defineLayer("withdrawing", (inner) => inner, { withdraws: [capability] });
        const store = context.store.with(layer);
        equal(store.capabilities[capability], false, `capabilities.${capability} under the layer`);
        equal(context.store.capabilities[capability], true, `capabilities.${capability} of the store itself`);
        await refused(capability)({ ...context, store });
      },
    }),
  ),
  property({
    id: "capabilities/durable",
    title: 'Of a store that claims "durable" nothing vanishes, however much is put.',
    needs: ["write", "durable"],
    async run({ collection, settings }) {
      const c = collection();
      const keys = keysTo(settings.records);
      const filler = "x".repeat(1000);
      await c.putMany(keys.map((key, at) => ({ key, value: { at, filler } })));
      for (const [at, value] of (await c.getMany(keys)).entries())
        deepEqual(value, { at, filler }, `the record ${at} of ${keys.length}`);
    },
  }),
];
