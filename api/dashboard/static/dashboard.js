// Draws each figure from the table that it belongs to. The page is whole without this file.
// Nothing moves, so nothing has to stop for readers who prefer reduced motion.
"use strict";

(() => {
  const MOST_BARS = 10;
  const BAR_PIXELS = 29;
  const AXIS_PIXELS = 30;
  const charts = [];
  const figures = [...document.querySelectorAll("figure.chart")];

  /** The rows of a table as what a chart needs; exact texts stay beside the rounded numbers. */
  function readTable(figure) {
    const rows = [...document.querySelectorAll(`#${figure.dataset.table} tbody tr`)];
    const column = Number(figure.dataset.column);
    const shown = figure.dataset.kind === "ranking" ? rows.slice(0, MOST_BARS) : rows;
    const part = shown.length < rows.length ? `, the first ${shown.length}` : "";
    figure.querySelector("figcaption").textContent = figure.dataset.label + part;
    return shown.map((row) => ({
      label: row.cells[0].dataset.short ?? row.cells[0].textContent.trim(),
      title: row.cells[0].textContent.trim(),
      value: Number(row.cells[column].dataset.value),
      text: row.cells[column].textContent.trim(),
      current: row.hasAttribute("aria-current"),
    }));
  }

  function palette() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    return {
      ink: colour("ink"),
      quiet: colour("quiet"),
      line: colour("line"),
      accent: colour("accent"),
      soft: colour("accent-soft"),
      surface: colour("surface"),
    };
  }

  /** Long names stay whole in the table and in the tooltip. */
  function shorten(text, width) {
    const most = width > 480 ? 26 : 16;
    return text.length > most ? `${text.slice(0, most - 1)}…` : text;
  }

  function scales(kind, points, colours, width) {
    const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
    const font = { family: getComputedStyle(document.body).fontFamily, size: 12 };
    const values = {
      beginAtZero: kind !== "line",
      border: { display: false },
      grid: { color: colours.line, drawTicks: false },
      ticks: { color: colours.quiet, font, maxTicksLimit: 5, padding: 8, callback: (v) => compact.format(v) },
    };
    const names = {
      border: { color: colours.line },
      offset: kind !== "line" || points.length <= 12,
      grid: { display: false },
      ticks: {
        color: colours.quiet,
        font,
        maxRotation: 0,
        autoSkip: kind !== "ranking",
        autoSkipPadding: 12,
        callback: (_, index) => shorten(points[index].label, width),
      },
    };
    return kind === "ranking" ? { x: values, y: names } : { x: names, y: values };
  }

  function dataset(kind, points, colours) {
    const anyCurrent = points.some((point) => point.current);
    const fill = points.map((point) => (point.current || !anyCurrent ? colours.accent : colours.soft));
    const data = points.map((point) => point.value);
    if (kind === "line") {
      const radius = points.map((point) => (point.current ? 5 : points.length > 12 ? 0 : 3));
      return { data, borderColor: colours.accent, backgroundColor: colours.accent, borderWidth: 2, pointRadius: radius, tension: 0 };
    }
    return { data, backgroundColor: fill, borderRadius: 2, maxBarThickness: 56, categoryPercentage: 0.85 };
  }

  function tooltip(points, colours) {
    return {
      displayColors: false,
      backgroundColor: colours.ink,
      titleColor: colours.surface,
      bodyColor: colours.surface,
      padding: 10,
      callbacks: {
        title: ([item]) => points[item.dataIndex].title,
        label: (item) => points[item.dataIndex].text,
      },
    };
  }

  function draw(figure) {
    const points = readTable(figure);
    const kind = figure.dataset.kind;
    if (!points.length) {
      figure.hidden = true;
      return;
    }
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${figure.dataset.label}; the table holds the same figures`);
    const frame = figure.querySelector(".canvas");
    frame.replaceChildren(canvas);
    if (kind === "ranking") {
      frame.style.height = `${points.length * BAR_PIXELS + AXIS_PIXELS}px`;
    }
    const colours = palette();
    charts.push(
      new Chart(canvas, {
        type: kind === "line" ? "line" : "bar",
        data: { labels: points.map((point) => point.label), datasets: [dataset(kind, points, colours)] },
        options: {
          indexAxis: kind === "ranking" ? "y" : "x",
          maintainAspectRatio: false,
          animation: false,
          interaction: { mode: "index", axis: kind === "ranking" ? "y" : "x", intersect: false },
          plugins: { legend: { display: false }, tooltip: tooltip(points, colours) },
          scales: scales(kind, points, colours, figure.clientWidth),
        },
      }),
    );
  }

  function drawAll() {
    charts.splice(0).forEach((chart) => chart.destroy());
    figures.forEach(draw);
  }

  if (typeof Chart === "undefined") {
    figures.forEach((figure) => (figure.hidden = true));
    return;
  }
  drawAll();
  // Paper is always light.
  for (const media of ["(prefers-color-scheme: dark)", "print"]) {
    matchMedia(media).addEventListener("change", drawAll);
  }
})();
