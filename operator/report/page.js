// Runs in the page, beside Chart.js; `REPORT` is put in front of it.
const style = getComputedStyle(document.documentElement);
const colours = ["#3567d6", "#e08a1e", "#2b9d6b", "#b4448f", "#7a63d1", "#c8503c", "#4a9fc0", "#8a8f3a"];
Chart.defaults.color = style.getPropertyValue("--quiet").trim();
Chart.defaults.borderColor = style.getPropertyValue("--line").trim();
Chart.defaults.font.family = "system-ui, sans-serif";
Chart.defaults.maintainAspectRatio = false;
Chart.defaults.animation = false;
Chart.defaults.plugins.legend.labels.boxWidth = 12;

const draw = (id, config) => {
  const canvas = document.getElementById(id);
  if (canvas) new Chart(canvas, config);
};
const usd = { ticks: { callback: (value) => `$${value}` }, beginAtZero: true };
const colour = (index) => colours[index % colours.length];

draw("days", {
  type: "bar",
  data: {
    labels: REPORT.byDay.map(({ day }) => day.slice(5)),
    datasets: REPORT.byFleet.map(({ name }, index) => ({
      label: name,
      data: REPORT.byDay.map(({ byFleet }) => byFleet[name] ?? 0),
      backgroundColor: colour(index),
      maxBarThickness: 56,
    })),
  },
  options: { scales: { x: { stacked: true, grid: { display: false } }, y: { ...usd, stacked: true } } },
});

const hour = (at) => `${at.slice(5, 10)} ${at.slice(11, 16)}`;
const firstOfDay = REPORT.size.filter(({ at }, index) => at.slice(0, 10) !== REPORT.size[index - 1]?.at.slice(0, 10));
const everyFew = Math.ceil(firstOfDay.length / 8);
const marked = new Set(firstOfDay.filter((_, index) => index % everyFew === 0).map(({ at }) => at));
const dayAt = (_, index) => (marked.has(REPORT.size[index].at) ? REPORT.size[index].at.slice(5, 10) : undefined);
const steps = { stepped: "after", pointRadius: 0, borderWidth: 1.5 };
draw("size", {
  type: "line",
  data: {
    labels: REPORT.size.map(({ at }) => hour(at)),
    datasets: [
      { ...steps, label: "workers", data: REPORT.size.map(({ workers }) => workers), borderColor: colours[1] },
      {
        ...steps,
        label: "running",
        data: REPORT.size.map(({ running }) => running),
        borderColor: colours[0],
        backgroundColor: `${colours[0]}33`,
        fill: true,
      },
    ],
  },
  options: {
    interaction: { mode: "index", intersect: false },
    scales: {
      x: { grid: { display: false }, ticks: { autoSkip: false, maxRotation: 0, callback: dayAt } },
      y: { beginAtZero: true, ticks: { precision: 0 } },
    },
  },
});

const gpuOrder = REPORT.byGpu.map(({ name }) => name);
const lying = (label, rows, value, axis) => ({
  type: "bar",
  data: {
    labels: rows.map(({ name }) => name),
    datasets: [
      {
        label,
        data: rows.map(value),
        backgroundColor: rows.map(({ name }) => colour(gpuOrder.indexOf(name))),
        maxBarThickness: 30,
      },
    ],
  },
  options: {
    indexAxis: "y",
    plugins: { legend: { display: false } },
    scales: { x: axis, y: { grid: { display: false } } },
  },
});
draw(
  "gpus",
  lying("USD", REPORT.byGpu, ({ usd: cost }) => cost, usd),
);
const efficient = REPORT.byGpu
  .filter(({ unitsPerUsd }) => unitsPerUsd !== undefined)
  .toSorted((a, b) => b.unitsPerUsd - a.unitsPerUsd);
draw(
  "efficiency",
  lying(`${REPORT.unit} for $1`, efficient, ({ unitsPerUsd }) => unitsPerUsd, { beginAtZero: true }),
);
