/** The lowest `count` numbers that are not absent: what a fleet's workers are called by. */
export function workerNumbers(count: number, absent: readonly number[] = []): number[] {
  const numbers: number[] = [];
  for (let number = 0; numbers.length < count; number += 1) if (!absent.includes(number)) numbers.push(number);
  return numbers;
}
