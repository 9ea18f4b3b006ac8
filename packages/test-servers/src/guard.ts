// A watchdog for what must not outlive this process: a temporary folder, and the server that works in it.
//
// The watchdog is a tiny shell in a session of its own. It reads a pipe whose only writer is this process, so that it
// sees the end of the pipe however this process ends, by SIGKILL too. Then it kills the server and removes the folder.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

const script = `
trap '' HUP INT TERM
while read -r line; do target=$line; done
case $target in
  pid:*) kill -s KILL -- "-\${target#pid:}" ;;
  container:*) docker rm -f "\${target#container:}" ;;
esac
rm -rf -- "$@" || { sleep 1; rm -rf -- "$@"; } # Its last write may have come in between.
`;

/** What a guard kills: a process group that we lead, or a container that we named. */
export type Target = `pid:${number}` | `container:${string}`;

/** Owns a folder (or several, the first of which is the main one), and at most one running server, for as long as this process lives or until it is closed. */
export class Guard {
  readonly folder: string;
  readonly #watchdog: ChildProcess;

  constructor(folder: string, ...others: readonly string[]) {
    this.folder = folder;
    this.#watchdog = spawn("/bin/sh", ["-c", script, "kv-test-servers", folder, ...others], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#watchdog.unref();
    this.#watchdog.stdin?.on("error", () => {});
  }

  /** From now on `target` dies with this process. It replaces the one before. */
  watch(target: Target): void {
    this.#watchdog.stdin?.write(`${target}\n`);
  }

  /** The target has ended: its number may soon be another's, and must not be signalled. */
  release(): void {
    this.#watchdog.stdin?.write("none\n");
  }

  /** Kills what is still watched and removes the folder; resolves when both are done and the watchdog is gone. */
  async close(): Promise<void> {
    if (this.#watchdog.exitCode !== null) return;
    this.#watchdog.ref();
    const exited = once(this.#watchdog, "exit");
    this.#watchdog.stdin?.end();
    await exited;
  }
}
