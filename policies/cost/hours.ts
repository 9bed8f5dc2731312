const MS_PER_HOUR = 3_600_000;

/** Hours from now until an ISO time; negative when it is past. */
export function hoursUntil(time: string, now: Date): number {
  return (Date.parse(time) - now.getTime()) / MS_PER_HOUR;
}
