// The example of the README is the one in examples/, and does what it says.
import { folderExampleSuite } from "@kv/test-servers";
import * as vitest from "vitest";
import { newFolder } from "./helpers.ts";

folderExampleSuite(vitest, { folder: new URL("../", import.meta.url), newFolder });
