/** Chapter "batches": what fails in part. */
import { BatchError } from "../../../errors.ts";
import { deepEqual, equal, rejects } from "../../assertions.ts";
import { type Property, property } from "../../property.ts";
import { text } from "../../schemas.ts";

export const failures: readonly Property[] = [
  property({
    id: "batches/one-failure-leaves-the-rest",
    title: "A batch that fails in part rejects with BatchError: which keys, why, and the results of the others.",
    needs: ["write"],
    async run({ store, unique }) {
      const name = unique();
      const plain = store.collection(name);
      await plain.putMany([
        { key: "a", value: "good" },
        { key: "b", value: 2 },
        { key: "c", value: "good too" },
      ]);
      const typed = store.collection(name, { schema: text });
      for (const method of ["getMany", "getEntries"] as const) {
        const error = await rejects(
          () => typed[method](["a", "b", "missing", "c", "b"]),
          BatchError,
          `${method} where one record does not fit`,
          {
            code: "BATCH_FAILED",
            operation: method,
            collection: name,
          },
        );
        deepEqual(
          error.failures.map(({ index, key, error: { code } }) => ({ index, key, code })),
          [
            { index: 1, key: "b", code: "SCHEMA_MISMATCH" },
            { index: 4, key: "b", code: "SCHEMA_MISMATCH" },
          ],
          `the failures of ${method}`,
        );
        deepEqual(
          error.failures.map((failure) => failure.error.key),
          ["b", "b"],
          "the keys in the errors themselves",
        );
        equal(error.results.length, 5, "the number of results");
        const values = error.results.map((one) =>
          typeof one === "object" && one !== null ? Reflect.get(one, "value") : one,
        );
        deepEqual(values, ["good", undefined, undefined, "good too", undefined], `the results of ${method}`);
      }
    },
  }),
];
