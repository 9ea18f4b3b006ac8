/** A real browser for a test file, where one can be had. */
import { type Chromium, chromiumFor } from "@kv/test-servers";
import { type Browser, chromium as launcher } from "playwright-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const { chromium, skipped } = await chromiumFor();

/** To be closed by who launches it. */
export function launch({ executablePath, env }: Chromium): Promise<Browser> {
  return launcher.launch({ executablePath, env: { ...process.env, ...env }, args: FLAGS });
}
