// One table shared with py-key-value-aio, live and both ways. On moto: dynalite knows no times to live, which Python turns on.

import { PythonStore, pythonFor, pythonSuite } from "@kv/test-servers";
import * as vitest from "vitest";
import { afterAll } from "vitest";
import { dynamodbStore } from "../src/index.ts";
import { credentials, optionsFor, serverWithTable } from "./helpers.ts";

const { server, skipped: noServer, table } = await serverWithTable(vitest, "moto", "python");
const { python, skipped: noPython } = await pythonFor();

pythonSuite(vitest, {
  name: "DynamoDBStore",
  skipped: noServer ?? noPython,
  python: () =>
    new PythonStore(python, {
      imports: "from key_value.aio.stores.dynamodb import DynamoDBStore",
      store:
        'DynamoDBStore(table_name="python", region_name="us-east-1", endpoint_url=server["endpoint"], ' +
        'aws_access_key_id=server["accessKeyId"], aws_secret_access_key=server["secretAccessKey"])',
      server: () => ({ endpoint: optionsFor(server, "python").endpoint, ...credentials }),
    }),
  open: (options) => dynamodbStore({ ...optionsFor(server, "python"), ...options }),
  empty: () => table.empty(),
  names: [
    { collection: "p::q", key: "k" },
    { collection: "p", key: "q::k" },
    { collection: "é😀", key: "a/b %3A" },
    { collection: "c".repeat(2048), key: "k".repeat(1024) },
  ],
});

afterAll(() => table.close());
