import { z } from "zod";

const regularExpression = z.string().superRefine((text, context) => {
  try {
    new RegExp(text);
  } catch {
    context.addIssue("is not a regular expression");
  }
});

/** A list of regular expressions, none unless configured. */
export const patternList = z.array(regularExpression).default([]);
