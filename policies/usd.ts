/** As many digits as the amount has: a value just over a limit must not read like the limit. */
export function usd(amount: number): string {
  return `$${amount.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 6 })}`;
}

export function usdPerHour(dph: number): string {
  return `${usd(dph)}/h`;
}
