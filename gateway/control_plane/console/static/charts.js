/* Draws every figure[data-chart] from the JSON beside it. Without it, the same figures stand in a table. */
(() => {
  "use strict";

  const style = () => getComputedStyle(document.documentElement);
  const tones = { accent: "--bar-accent", good: "--bar-good", warn: "--bar-warn", bad: "--bar-bad", muted: "--muted" };
  const colour = (name) => style().getPropertyValue(name).trim();

  const trim = (text) => text.replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
  const usd = (nano) => {
    const dollars = nano / 1e9;
    if (dollars === 0) return "$0";
    if (dollars >= 1) return "$" + dollars.toLocaleString("en-US", { maximumFractionDigits: dollars >= 100 ? 0 : 2 });
    return "$" + trim(dollars.toFixed(Math.min(9, 2 - Math.floor(Math.log10(dollars)))));
  };
  const count = (number) => {
    for (const [size, sign] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]])
      if (number >= size) return trim((number / size).toPrecision(3)) + sign;
    return trim(String(Math.round(number * 100) / 100));
  };
  const ms = (value) => (value < 1000 ? Math.round(value) + " ms" : trim((value / 1000).toPrecision(3)) + " s");
  const units = { usd, count, ms };

  const WHOLE = [...Array(12).keys()].flatMap((power) => [1, 2, 5].map((step) => step * 10 ** power));
  const font = () => "11px " + getComputedStyle(document.body).fontFamily;

  function axis(values) {
    return { font: font(), stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, ...values };
  }

  const known = (value) => value !== null && value !== undefined;
  const alone = (values) => [...values.keys()].filter((at) => known(values[at]) && !known(values[at - 1]) && !known(values[at + 1]));

  function series(one, kind, stacked) {
    const stroke = colour(tones[one.tone] || tones.accent);
    const bars = kind === "bars", area = kind === "area";
    return {
      label: one.label,
      stroke,
      width: bars ? 0 : area ? 1 : 1.5,
      fill: bars || stacked ? stroke : area ? stroke + "40" : undefined,
      paths: bars ? uPlot.paths.bars({ size: [0.72, 40], align: 0 }) : area ? uPlot.paths.stepped({ align: 1 }) : undefined,
      // Where nothing is known there is no line, and a point that stands alone would not be seen.
      points: { show: kind === "line", filter: () => alone(one.values), size: 6, fill: stroke },
      spanGaps: false,
    };
  }

  function readout(figure, chart, format) {
    const line = document.createElement("div");
    line.className = "readout";
    figure.querySelector(".plot").before(line);
    return (index) => {
      const parts = [];
      for (const one of chart.series) {
        const item = document.createElement("span");
        const mark = document.createElement("i");
        mark.className = "tone-" + (one.tone || "accent");
        item.append(mark, one.label);
        if (index !== null) {
          const value = one.values[index];
          item.append(" " + (value === null ? "–" : format(value)));
        }
        parts.push(item);
      }
      const moment = document.createElement("b");
      moment.textContent = index === null ? "" : chart.labels[index];
      line.replaceChildren(...parts, moment);
    };
  }

  function draw(figure) {
    const chart = JSON.parse(document.getElementById(figure.dataset.chart).textContent);
    const plot = figure.querySelector(".plot");
    figure.querySelector(".readout")?.remove();
    plot.replaceChildren();
    plot.hidden = false;
    const format = units[chart.unit] || count;
    const tell = readout(figure, chart, format);
    tell(null);
    const positions = chart.labels.map((_, index) => index);
    const stacked = chart.stacked ? stack(chart) : chart.series;
    const label = (index) => (Number.isInteger(index) && chart.labels[index] !== undefined ? shorten(chart.labels[index]) : "");
    const plotted = new uPlot(
      {
        width: plot.clientWidth,
        height: plot.clientHeight,
        padding: [6, 34, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
        scales: { x: { time: false, range: (_, low, high) => [low - 0.6, high + 0.6] }, y: { range: (_, low, high) => [0, high > 0 ? high * 1.08 : 1] } },
        axes: [
          axis({ size: 26, grid: { show: false }, values: (_, ticks) => ticks.map(label), space: 84, incrs: [1, 2, 3, 4, 5, 6, 7, 10, 12, 14, 24, 28, 48, 72, 96, 144, 288, 576] }),
          axis({ values: (_, ticks) => ticks.map((tick) => format(tick)), size: 62, space: 34, ...(chart.unit === "count" ? { incrs: WHOLE } : {}) }),
        ],
        series: [{}, ...stacked.map((one) => series(one, chart.kind, chart.stacked))],
        hooks: { setCursor: [(self) => tell(self.cursor.idx ?? null)] },
      },
      [positions, ...stacked.map((one) => one.values)],
      plot,
    );
    figure.plotted = plotted;
    figure.dataset.drawn = "true";
  }

  /* Largest first, so that each bar covers the lower part of the one before. */
  function stack(chart) {
    const sums = chart.labels.map(() => 0);
    const layers = chart.series.map((one) => ({ ...one, values: one.values.map((value, index) => (sums[index] += value ?? 0)) }));
    return layers.reverse();
  }

  const shorten = (text) => text.replace(/^\d{4}-/, "");

  function drawAll() {
    for (const figure of document.querySelectorAll("figure[data-chart]")) {
      figure.plotted?.destroy();
      draw(figure);
    }
  }

  let pending = 0;
  addEventListener("resize", () => {
    clearTimeout(pending);
    pending = setTimeout(drawAll, 120);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  document.addEventListener("console:replaced", drawAll);
  drawAll();
})();
