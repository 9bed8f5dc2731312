/** What a worker's log says goes wrong; each kind has its own row among the rules of repair. */
export const FATAL_KINDS = [
  "auth",
  "image",
  "oom",
  "no-cuda",
  "gpu",
  "no-container",
  "ssh-forwarding",
  "fatal",
] as const;
export type FatalKind = (typeof FATAL_KINDS)[number];

export type LogPatterns = Readonly<Record<"setup" | "wait" | "progress" | FatalKind, readonly RegExp[]>>;

/**
 * Of the worker runbook (sections 3 and 8) and of common trainers; `pulumi-vast:watch` replaces any of them. Groups named
 * `units`, `total`, `step` and `rate` are read from the lines of progress.
 */
export const DEFAULT_PATTERNS: LogPatterns = {
  setup: [
    /=== Setup started/i,
    /^(git|deps) installed|^repo cloned/i,
    /^(Collecting|Downloading|Installing|Cloning into|Get:\d|Unpacking|Setting up|Reading package lists)/i,
  ],
  wait: [
    /=== Starting worker|^Worker \S+ starting/i,
    /GPU OK|Pulling initial weights|Model loaded|Creating .*pipeline|Pipeline created/i,
    /resum(ed|ing) from|setup complete/i,
  ],
  progress: [
    /batch (?<units>\d+):.*?(?<rate>[\d.]+) games\/s(?:.*?step=(?<step>\d+))?(?:.*?total_games=(?<total>\d+))?/i,
    /\bstep[ =:]+(?<step>\d+)/i,
    /\bepoch[ =:]+(?<step>\d+)/i,
  ],
  auth: [/\b(401|403)\b.{0,40}(unauthorized|forbidden|client error)/i, /(unauthorized|forbidden).{0,20}\b(401|403)\b/i],
  image: [/manifest (for .* )?not found|manifest unknown|pull access denied|repository does not exist/i],
  oom: [/CUDA out of memory|OutOfMemoryError|CUDA error: out of memory/i],
  "no-cuda": [
    /no CUDA|CUDA driver version is insufficient|found no NVIDIA driver|forward compatibility was attempted/i,
  ],
  gpu: [
    /GPU is lost|fallen off the bus|uncorrectable ECC|\bXid\b|unable to determine the device handle/i,
    /CUDA error: (?!out of memory)|failed to initialize NVML/i,
  ],
  "no-container": [/no such container/i],
  "ssh-forwarding": [/(remote )?port forwarding failed|ssh port forward\w* (error|failed)/i],
  fatal: [
    /^Traceback \(most recent call last\)/,
    /^[\w.]*(Error|Exception)\b(:|$)/,
    /segmentation fault|core dumped|^Killed$|\bpanic:|no space left on device/i,
  ],
};

export interface Progress {
  /** The line itself: it changes while there is progress. */
  line: string;
  /** Work units in this line, and in all so far, where the log says them. */
  units?: number | undefined;
  total?: number | undefined;
  step?: number | undefined;
  /** Work units per second. */
  rate?: number | undefined;
}

/** `WAIT`: set up, and no work done yet. `UNKNOWN`: there are lines, and no pattern knows one of them. */
export type LogPhase = "EMPTY" | "SETUP" | "WAIT" | "RUNNING" | "UNKNOWN";

export interface LogReading {
  phase: LogPhase;
  progress: Progress | undefined;
  /** Only while nothing came after it: a worker that went on after an exception is well. */
  fatal: { kind: FatalKind; line: string } | undefined;
}

/** Lines are taken in their order; what was said last holds. */
export function readLog(text: string, patterns: LogPatterns): LogReading {
  const reading: LogReading = {
    phase: text.trim() === "" ? "EMPTY" : "UNKNOWN",
    progress: undefined,
    fatal: undefined,
  };
  for (const raw of text.split("\n")) {
    const line = raw.trimEnd();
    const kind = kindOf(line, patterns);
    if (kind === undefined) continue;
    if (kind === "setup" || kind === "wait") {
      reading.phase = kind === "setup" ? "SETUP" : "WAIT";
      reading.fatal = undefined;
    } else if (kind === "progress") {
      reading.phase = "RUNNING";
      reading.fatal = undefined;
      reading.progress = progressOf(line, patterns.progress);
    } else reading.fatal = graver(reading.fatal, { kind, line });
  }
  return reading;
}

/** The last line of a traceback says what it was; "some error" after it says less. */
function graver(before: LogReading["fatal"], now: NonNullable<LogReading["fatal"]>): LogReading["fatal"] {
  return before !== undefined && before.kind !== "fatal" && now.kind === "fatal" ? before : now;
}

function kindOf(line: string, patterns: LogPatterns): keyof LogPatterns | undefined {
  const order = [...FATAL_KINDS, "setup", "wait", "progress"] as const;
  return order.find((kind) => patterns[kind].some((pattern) => pattern.test(line)));
}

function progressOf(line: string, patterns: readonly RegExp[]): Progress {
  const groups = patterns.map((pattern) => pattern.exec(line)).find((match) => match !== null)?.groups ?? {};
  const number = (name: string) => (groups[name] === undefined ? undefined : Number(groups[name]));
  return { line, units: number("units"), total: number("total"), step: number("step"), rate: number("rate") };
}

/** What the service's own words to a contract say goes wrong with it. */
export function fatalIn(message: string, patterns: LogPatterns): FatalKind | undefined {
  return FATAL_KINDS.filter((kind) => kind !== "fatal").find((kind) =>
    patterns[kind].some((pattern) => pattern.test(message)),
  );
}
