// A certificate authority, and a server's certificate for 127.0.0.1 and localhost that it signed.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { need, run } from "./system.ts";

export interface Certificate {
  /** The PEM of the authority: what clients are to trust. */
  readonly ca: string;
  readonly caFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** The same without files, for servers that share it. */
export interface Pems {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

// A leaf of its own: some clients refuse a self-signed certificate without a word.
const configuration = `
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
subjectAltName = IP:127.0.0.1, DNS:localhost
`;

/** Makes the files in `folder`, by openssl. Rejects with `Unavailable` where there is none. */
export async function makeCertificate(folder: string): Promise<Certificate> {
  const openssl = need("openssl");
  const file = (name: string) => join(folder, name);
  const [config, request, caKey] = [file("openssl.cnf"), file("server.csr"), file("ca.key")];
  const [caFile, certificateFile, keyFile] = [file("ca.crt"), file("server.crt"), file("server.key")];
  const newKey = ["-config", config, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const authority = ["-x509", "-extensions", "authority", "-days", "30", "-subj", "/CN=kv test authority"];
  const signing = ["-CA", caFile, "-CAkey", caKey, "-CAcreateserial", "-extfile", config, "-extensions", "server"];
  await writeFile(config, configuration);
  await run(openssl, ["req", ...newKey, ...authority, "-keyout", caKey, "-out", caFile]);
  await run(openssl, ["req", ...newKey, "-subj", "/CN=localhost", "-keyout", keyFile, "-out", request]);
  await run(openssl, ["x509", "-req", ...signing, "-sha256", "-days", "30", "-in", request, "-out", certificateFile]);
  return { ca: await readFile(caFile, "utf8"), caFile, certificateFile, keyFile };
}

/** Rejects with `Unavailable` where there is no openssl. */
export async function makePems(): Promise<Pems> {
  const folder = await mkdtemp(join(tmpdir(), "kv-certificate-"));
  try {
    const { ca, certificateFile, keyFile } = await makeCertificate(folder);
    return { ca, certificate: await readFile(certificateFile, "utf8"), key: await readFile(keyFile, "utf8") };
  } finally {
    await rm(folder, { recursive: true });
  }
}

export async function writePems(folder: string, { ca, certificate, key }: Pems): Promise<Certificate> {
  const [caFile, certificateFile, keyFile] = [
    join(folder, "ca.crt"),
    join(folder, "server.crt"),
    join(folder, "server.key"),
  ];
  await writeFile(caFile, ca);
  await writeFile(certificateFile, certificate);
  await writeFile(keyFile, key, { mode: 0o600 });
  return { ca, caFile, certificateFile, keyFile };
}
