import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ssh2 from "ssh2";

/** A key pair of a test's own; some of those that ssh2 makes cannot be read back by it. */
export function sshKey() {
  const dir = mkdtempSync(join(tmpdir(), "vast-ssh-"));
  const file = join(dir, "id_ed25519");
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync("ed25519");
    if (ssh2.utils.parseKey(pair.private) instanceof Error) continue;
    writeFileSync(file, pair.private, { mode: 0o600 });
    return { file, publicKey: `${pair.public} test`, remove: () => rmSync(dir, { recursive: true, force: true }) };
  }
}
