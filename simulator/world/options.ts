/** Where vast-api.md says "choose:", the default is that choice and a switch gives the other. */
export interface Choices {
  /** 1.4: refuse calls that come faster than the published intervals. */
  enforceRateLimits: boolean;
  /**
   * 1.4 and 7: let the pages of one listing of instances follow each other without pause, as the official client fetches
   * them; with the published interval it fails on its second page.
   */
  listBursts: boolean;
  /** 1.4: whether a refused call starts the interval again. */
  rejectedCallsRestartInterval: boolean;
  /** 1.4: the body of a 429: plain text, or one of the two JSON shapes of the specification. */
  tooFrequentBody: "text" | "json" | "detail";
  /** 1.3, 9.15: what a deleted key is answered; 401 was seen for one. */
  deletedKeyStatus: 404 | 401;
  /** 2.2: apply the specification's default filters when a key is missing. */
  searchDefaults: boolean;
  /** 2.2: largest number of rows a search answers. */
  searchRowCap: number;
  /** 2.2: answer 400 for a filter on an unknown column instead of ignoring it. */
  rejectUnknownColumns: boolean;
  /** 3.1: HTTP status of an error that still leaves a contract. */
  createdStoppedStatus: 200 | 400;
  /** 3.5: what becomes of a start without room. */
  refusedStart: "queued" | "reverted";
  /** 3.6: what a stopped instance reports. */
  stoppedActualStatus: "exited" | "stopped";
  /** 3.6: what an outbid instance is intended to be. */
  preemptedIntendedStatus: "stopped" | "running";
  /** 8.7: days of average spending that an account without a card may owe before its instances and volumes go. */
  creditGraceDays: number;
  /** 6.5: seconds by which charges lag behind usage. */
  chargesLagS: number;
  /** 5.2: the text at the end of a cloud copy. */
  copyCompleteText: string;
}

export const DEFAULT_CHOICES: Choices = {
  enforceRateLimits: true,
  listBursts: false,
  rejectedCallsRestartInterval: false,
  tooFrequentBody: "text",
  deletedKeyStatus: 404,
  searchDefaults: true,
  searchRowCap: 5000,
  rejectUnknownColumns: false,
  createdStoppedStatus: 400,
  refusedStart: "queued",
  stoppedActualStatus: "exited",
  preemptedIntendedStatus: "stopped",
  creditGraceDays: 3,
  chargesLagS: 600,
  copyCompleteText: "Cloud Copy Operation Complete\n",
};

export interface SimulatorOptions {
  /** Key of the first account. */
  apiKey: string;
  port?: number;
  adminPort?: number;
  adminToken?: string;
  seed?: string | number;
  speed?: number;
  paused?: boolean;
  /** Virtual epoch seconds at the start; default: the real time, so that clients' own clocks fit. */
  startAt?: number;
  /** Folder for disks; a temporary one, removed at the end, when left out. */
  data?: string;
  offers?: number;
  /** USD of the first account. */
  credit?: number;
  /**
   * "live": other renters come, outbid and go, prices move, hosts fail and return. "calm" (default): nothing happens
   * but what clients and the admin API do.
   */
  market?: "calm" | "live";
  /** How many destroyed contracts and deleted volumes are remembered in full: 5,000, some 5 KB each. */
  keepDestroyed?: number;
  /** Serve SSH for running instances, on loopback addresses of a block of their own (127.16/16 and up); Linux only. */
  ssh?: boolean;
  /** Lines of JSON about requests and events go here. */
  log?: string;
  /** Largest image pull and boot times divided by this; for tests and demos that need many boots. */
  bootFactor?: number;
  choices?: Partial<Choices>;
}
