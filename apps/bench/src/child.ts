/** The process of one contender: does what it is told, and nothing between two requests. */
import { type Case, sizesOf } from "./cases.ts";
import { type Contender, contenders } from "./contender.ts";
import { Data } from "./data.ts";
import { empty, fill, Measurement } from "./measure.ts";
import type { Answer, Request } from "./messages.ts";

let contender: Contender | undefined;
let cases: readonly Case[] = [];
let measurements: readonly Measurement[] = [];

async function answer(request: Request): Promise<Answer> {
  switch (request.do) {
    case "open": {
      const { open } = await contenders[request.backend][request.contender]();
      const opened = await open(request.location);
      contender = opened;
      cases = request.cases;
      for (const size of sizesOf(cases)) await fill(opened.records, new Data(size));
      measurements = cases.map((one) => new Measurement(opened.records, one));
      for (const measurement of measurements) await measurement.warmUp(request.warmUp);
      return {};
    }
    case "round": {
      const measurement = measurements[request.index];
      if (measurement === undefined) throw new Error(`there is no case ${request.index}`);
      return { sample: await measurement.round(request.length) };
    }
    case "close":
      if (contender === undefined) return {};
      // The server may be one that goes on without us.
      for (const size of sizesOf(cases)) await empty(contender.records, new Data(size));
      await contender.close();
      return {};
  }
}

process.on("message", (request: Request) => {
  answer(request).then(
    (done) => process.send?.(done),
    (error: unknown) => process.send?.({ failed: error instanceof Error ? error.stack : String(error) }),
  );
});
// The benchmark is gone, or has no more to ask.
process.on("disconnect", () => process.exit());
// Ctrl-C reaches the whole group: the benchmark decides when to end.
process.on("SIGINT", () => {});
