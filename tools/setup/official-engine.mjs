// @ts-check
// A process of its own, because the SDK is there only after `npm ci`, and needs a newer Node than the bootstrap may have.
// `--probe` fails within seconds where the download site cannot be reached; the installer itself would wait minutes.

const PROBE_MS = 5_000;

const target = process.argv[2];
try {
  if (target === "--probe") {
    const signal = AbortSignal.timeout(PROBE_MS);
    const { ok, status } = await fetch("https://get.pulumi.com/install.sh", { method: "HEAD", signal });
    if (!ok) throw new Error(`get.pulumi.com answers ${status}`);
  } else {
    const { PulumiCommand } = await import("@pulumi/pulumi/automation/index.js");
    await PulumiCommand.install({ root: target });
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
