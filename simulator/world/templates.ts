/** A saved set of create settings (vast-api.md 6.6). */
export interface Template {
  id: number;
  accountId: number;
  hashId: string;
  name: string;
  image: string;
  tag: string | null;
  env: [string, string][];
  /** Docker flags as they were given. */
  envFlags: string;
  onstart: string | null;
  runtype: string;
  argsStr: string | null;
  diskGb: number | null;
  createdAt: number;
  /** Everything else of the request, shown again as it came. */
  extra: Record<string, unknown>;
}
