import { z } from "zod";

const regularExpression = z.string().refine(isRegularExpression, "is not a regular expression");

/** A list of regular expressions, none unless configured. */
export const patternList = z.array(regularExpression).default([]);

function isRegularExpression(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}
