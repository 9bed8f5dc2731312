import { EventLog } from "../world/event-log.ts";

/** One line of the request log. */
export interface RequestRecord {
  at: number;
  method: string;
  route: string;
  path: string;
  status: number;
  account: number | null;
  ms: number;
}

export interface RouteLine {
  route: string;
  calls: number;
  /** Answers with 429. */
  limited: number;
  /** Other 4xx. */
  refused: number;
  /** 5xx and connections that were cut. */
  failed: number;
  totalMs: number;
}

const KEPT = 100_000;

/** Every call with its answer's status, and the sums per route, which stay exact when old lines are dropped. */
export class RequestLog extends EventLog<RequestRecord> {
  readonly #routes = new Map<string, RouteLine>();

  constructor() {
    super(KEPT);
  }

  override add(record: RequestRecord): void {
    super.add(record);
    const { route, status, ms } = record;
    let line = this.#routes.get(route);
    if (!line) {
      line = { route, calls: 0, limited: 0, refused: 0, failed: 0, totalMs: 0 };
      this.#routes.set(route, line);
    }
    line.calls += 1;
    line.totalMs += ms;
    if (status === 429) line.limited += 1;
    else if (status >= 500 || status === 0) line.failed += 1;
    else if (status >= 400) line.refused += 1;
  }

  /** Most called first. */
  byRoute(): RouteLine[] {
    return [...this.#routes.values()].sort((a, b) => b.calls - a.calls || a.route.localeCompare(b.route));
  }

  override clear(): void {
    super.clear();
    this.#routes.clear();
  }
}
