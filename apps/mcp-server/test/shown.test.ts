/** What the server prints of its store's URL. */
import { expect, test } from "vitest";
import { shown } from "../src/store.ts";

test.each([
  ["redis://localhost:6379/0", "redis://localhost:6379/0"],
  ["redis://:s3cret@localhost", "redis://localhost"],
  ["redis://user:s3@cr/et@localhost:6379/2?token=s3cret", "redis://localhost:6379/2"],
  ["disk:.kv", "disk:.kv"],
])("%s is shown as %s", (url, expected) => {
  expect(shown(url)).toBe(expected);
});
