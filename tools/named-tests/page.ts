/** A test that a page of the documentation names. */
export interface NamedTest {
  /** Below test/, e.g. `unit/provider/image.test.ts`. */
  file: string;
  /** As it is written: the whole title or a part of it, `%s` for what varies. */
  name: string;
}

export interface Row {
  number: number;
  tests: NamedTest[];
}

/** The numbered rows of a page's tables: `| 1 | … | tests |`. */
export function rowsOf(page: string): Row[] {
  return [...page.matchAll(/^\| (\d+) \|.*\| (.+) \|$/gm)].map(([, number, tests = ""]) => ({
    number: Number(number),
    tests: testsIn(tests),
  }));
}

/** `file`: "name", "name"; `file`: … */
function testsIn(cell: string): NamedTest[] {
  return cell.split(/; (?=`)/).flatMap((part) => {
    const [, file = "", names = ""] = /^`(.+?)`: (.+)$/.exec(part) ?? [];
    return [...names.matchAll(/"(.+?)"(?=,|$)/g)].map(([, name = ""]) => ({ file, name }));
  });
}

/** Finds the test in titles as a run reports them. */
export function titlePattern({ name }: Pick<NamedTest, "name">): RegExp {
  return new RegExp(
    name
      .split(/%[sdifjo]/)
      .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"))
      .join(".*"),
  );
}
