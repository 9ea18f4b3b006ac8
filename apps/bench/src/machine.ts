/** The machine that a run was on. */
import { cpus, loadavg } from "node:os";

export interface Machine {
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  /** Of the last minute, before and after: above 1 before the run, others worked on this machine too. */
  readonly load: readonly [number, number];
}

export function machineSince(loadBefore: number): Machine {
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    load: [loadBefore, load()],
  };
}

/** Of the last minute. */
export function load(): number {
  return loadavg()[0] ?? Number.NaN;
}

export function describe({ node, platform, cores, cpu, load }: Machine): string {
  const [before, after] = load.map((one) => one.toFixed(1));
  return `Node.js ${node}, ${platform}, ${cores} × ${cpu}, load ${before} before and ${after} after.`;
}
