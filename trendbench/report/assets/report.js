"use strict";

// The page reads well without this file: it adds sorting, filtering, a scatter plot and a zoom.

(() => {
  const byId = (id) => document.getElementById(id);
  const board = byId("board");
  if (!board) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const groups = [...board.querySelectorAll(".task")];
  const rows = groups.flatMap((group) => [...group.querySelectorAll("tr[data-order]")]);
  const cardOf = new Map(
    [...document.querySelectorAll("details.card")].map((card) => [card.dataset.row, card]));
  const folds = [...document.querySelectorAll("details.controls")];
  const apart = [...board.querySelectorAll(".part:not(:first-of-type)")]; // the first has the truth
  const number = (text) => (text === undefined || text === "" ? NaN : Number(text));

  // cards

  function unfold(element) {
    for (let fold = element.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  }

  function open(row, focus = true) {
    const card = cardOf.get(row.id);
    unfold(card);
    const body = card.querySelector(".body");
    if (focus) body.focus({ preventScroll: true });
    card.scrollIntoView({ behavior: calm.matches ? "auto" : "smooth", block: "start" });
    history.replaceState(null, "", `#${body.id}`);
  }

  board.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-order]");
    if (!row || event.target.closest(".zoom") || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    if (getSelection().type === "Range") return; // someone copies a number
    event.preventDefault();
    open(row);
  });

  for (const link of document.querySelectorAll(".back a")) {
    link.addEventListener("click", (event) => {
      const row = byId(decodeURIComponent(link.hash.slice(1)));
      if (!row || row.hidden) return;
      event.preventDefault();
      unfold(row);
      row.scrollIntoView({ block: "center" });
      row.querySelector("a").focus({ preventScroll: true });
    });
  }

  // sorting: ascending, descending, the board's own order

  const NEXT = { none: "ascending", ascending: "descending", descending: "none" };

  function sortBy(head) {
    const order = NEXT[head.getAttribute("aria-sort")];
    const heads = [...head.parentElement.cells];
    for (const other of heads) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", order);
    const column = heads.indexOf(head);
    const isText = head.dataset.sort === "text";
    const sign = order === "descending" ? -1 : 1;
    const key = (row) => row.cells[column].dataset.value ?? "";
    const compare = (a, b) => {
      const byOrder = Number(a.dataset.order) - Number(b.dataset.order);
      if (order === "none") return byOrder;
      const [one, two] = [key(a), key(b)];
      if (!one || !two) return one === two ? byOrder : one ? -1 : 1; // empty cells last, either way
      const difference = isText
        ? one.localeCompare(two, "en", { numeric: true }) : Number(one) - Number(two);
      return sign * difference || byOrder;
    };
    const body = head.closest("table").tBodies[0];
    body.append(...[...body.querySelectorAll("tr[data-order]")].sort(compare));
  }

  for (const head of board.querySelectorAll("th[data-sort]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sortBy(head));
    head.append(button);
    head.setAttribute("aria-sort", "none");
  }

  // filtering

  const filter = byId("filter");
  const words = byId("filter-words");
  const task = byId("filter-task"); // where there are several
  const family = byId("filter-family");
  const flags = byId("filter-flags");
  const status = byId("filter-status");

  function isWanted(row) {
    const has = row.dataset.flags.split(" ").filter(Boolean);
    const flag = flags.value;
    return words.value.toLowerCase().split(/\s+/).every((word) => row.dataset.words.includes(word))
      && (!task?.value || row.closest(".task").id === task.value)
      && (!family.value || row.dataset.family === family.value)
      && (!status.value || row.dataset.status === status.value)
      && (!flag || (flag === "none" ? !has.length : flag === "any" ? has.length > 0
        : has.includes(flag.slice(3))));
  }

  function applyFilter() {
    let shown = 0;
    for (const row of rows) {
      row.hidden = !isWanted(row);
      cardOf.get(row.id).hidden = row.hidden;
      shown += !row.hidden;
    }
    const holdsAny = (part) => part.querySelector("tr[data-order]:not([hidden]), .card:not([hidden])") !== null;
    for (const part of [...groups, ...folds, ...apart]) part.hidden = !holdsAny(part);
    for (const fold of folds) fold.open = shown < rows.length && !fold.hidden;
    if (task?.value) groupChoice.value = groups.findIndex((group) => group.id === task.value);
    byId("count").textContent = shown === rows.length ? `${shown} rows` : `${shown} of ${rows.length} rows`;
    drawScatter();
  }

  filter.hidden = false;
  filter.addEventListener("submit", (event) => event.preventDefault());
  filter.addEventListener("input", applyFilter);
  filter.addEventListener("reset", () => setTimeout(applyFilter));

  // scatter

  const SVG = "http://www.w3.org/2000/svg";
  const plot = byId("scatter-plot");
  const reading = byId("scatter-reading");
  const axes = ["x", "y"].map((name) => ({
    name, choice: byId(`scatter-${name}`), isLog: byId(`scatter-${name}-log`),
  }));
  const scores = [...board.querySelector("thead tr").cells].filter((head) => head.dataset.choice);
  const groupChoice = byId("scatter-group");

  function make(parent, tag, attributes = {}, text = "") {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    parent.append(element);
    return element;
  }

  function choices(select, options) {
    for (const [value, text] of options) {
      const option = document.createElement("option");
      option.value = value;
      option.textContent = text;
      select.append(option);
    }
  }

  function reading_of(row, axis) {
    const cell = [...row.cells].find((c) => c.dataset.name === axis.choice.value);
    const { value, low, high } = cell.dataset;
    return { value: number(value), low: number(low), high: number(high), text: cell.textContent };
  }

  const headOf = (axis) => scores.find((head) => head.dataset.name === axis.choice.value);

  function steps(low, high, isLog, most) {
    if (isLog) {
      const found = [];
      for (let power = Math.floor(low); power <= Math.ceil(high); power += 1) {
        for (const digit of high - low < 1.5 ? [1, 2, 5] : [1]) {
          const at = power + Math.log10(digit);
          if (at >= low && at <= high) found.push([at, digit * 10 ** power]);
        }
      }
      return found;
    }
    const rough = (high - low) / most;
    const unit = 10 ** Math.floor(Math.log10(rough));
    const step = unit * [1, 2, 5, 10].find((digit) => digit * unit >= rough);
    const found = [];
    for (let i = Math.ceil(low / step); i * step <= high; i += 1) found.push([i * step, i * step]);
    return found;
  }

  const tick = (value) => String(Number(value.toPrecision(6))).replace("-", "−");

  function scale(axis, values, truth, start, end) {
    const isLog = axis.isLog.checked;
    const map = isLog ? Math.log10 : (value) => value;
    const finite = [...values, truth.value, truth.low, truth.high].map(map).filter(Number.isFinite);
    let [low, high] = [Math.min(...finite), Math.max(...finite)];
    const room = (high - low) * 0.06 || 0.5;
    [low, high] = [low - room, high + room];
    const at = (value) => {
      const mapped = map(value);
      const share = (mapped - low) / (high - low);
      return start + Math.min(Math.max(Number.isNaN(share) ? 0 : share, 0), 1) * (end - start);
    };
    return { at, ticks: steps(low, high, isLog, Math.abs(end - start) / 90).map(([m, v]) =>
      [start + ((m - low) / (high - low)) * (end - start), tick(v)]) };
  }

  function placeTags(points, width, height) {
    const taken = points.map(({ x, y }) => ({ left: x - 5, right: x + 5, top: y - 5, bottom: y + 5 }));
    const meets = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    for (const point of points) {
      const { width: w } = point.tag.getBBox();
      const spots = [[7, -6, "start"], [8, 4, "start"], [-8, 4, "end"], [-7, -6, "end"],
        [7, 15, "start"], [-7, 15, "end"], [0, -9, "middle"], [0, 18, "middle"]];
      let done = false;
      for (const [dx, dy, anchor] of spots) {
        const left = point.x + dx - (anchor === "end" ? w : anchor === "middle" ? w / 2 : 0);
        const box = { left, right: left + w, top: point.y + dy - 10, bottom: point.y + dy + 3 };
        if (box.left < 0 || box.right > width || box.top < 0 || box.bottom > height) continue;
        if (taken.some((other) => meets(box, other))) continue;
        point.tag.setAttribute("x", point.x + dx);
        point.tag.setAttribute("y", point.y + dy);
        point.tag.setAttribute("text-anchor", anchor);
        taken.push(box);
        done = true;
        break;
      }
      if (done) continue;
      const flip = point.x + 8 + w > width;
      point.tag.setAttribute("x", point.x + (flip ? -8 : 8));
      point.tag.setAttribute("y", point.y + 4);
      point.tag.setAttribute("text-anchor", flip ? "end" : "start");
      point.tag.classList.add("crowded");
    }
    return points.filter((point) => point.tag.classList.contains("crowded")).length;
  }

  function walk(points, event) {
    const at = points.findIndex((point) => point.link === document.activeElement);
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0,
      End: points.length - 1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    const next = points[(to + points.length) % points.length];
    for (const point of points) point.link.setAttribute("tabindex", point === next ? "0" : "-1");
    next.link.focus();
  }

  function drawScatter() {
    plot.replaceChildren();
    const group = groups[Number(groupChoice.value)];
    const [across, up] = axes;
    const [headX, headY] = axes.map(headOf);
    const candidates = [...group.querySelectorAll("tr[data-order]:not([hidden])")].map((row) =>
      ({ row, a: reading_of(row, across), b: reading_of(row, up) }));
    const usable = ({ value }, axis) => Number.isFinite(value) && (!axis.isLog.checked || value > 0);
    const points = candidates.filter(({ a, b }) => usable(a, across) && usable(b, up));
    const left = candidates.length - points.length;
    const width = Math.max(plot.clientWidth, 280);
    const height = Math.round(Math.min(Math.max(width * 0.6, 300), 500));
    const frame = { left: 50, right: width - 12, top: 26, bottom: height - 40 };
    const truthRow = group.querySelector(".truth");
    const truth = axes.map((axis) => reading_of(truthRow, axis));
    const x = scale(across, points.flatMap(({ a }) => [a.value, a.low, a.high]), truth[0], frame.left, frame.right);
    const y = scale(up, points.flatMap(({ b }) => [b.value, b.low, b.high]), truth[1], frame.bottom, frame.top);
    const svg = make(plot, "svg", { viewBox: `0 0 ${width} ${height}`, role: "group",
      "aria-label": `${headY.dataset.choice} against ${headX.dataset.choice}, ${points.length} rows. `
        + "Arrow keys go from point to point, Enter opens a card." });
    const back = make(svg, "g", { "aria-hidden": "true" });
    if (Number.isFinite(truth[0].low)) {
      make(back, "rect", { class: "band", x: x.at(truth[0].low), y: frame.top,
        width: Math.max(x.at(truth[0].high) - x.at(truth[0].low), 1), height: frame.bottom - frame.top });
    }
    if (Number.isFinite(truth[1].low)) {
      make(back, "rect", { class: "band", x: frame.left, y: y.at(truth[1].high),
        width: frame.right - frame.left, height: Math.max(y.at(truth[1].low) - y.at(truth[1].high), 1) });
    }
    make(back, "path", { class: "grid", d: y.ticks.map(([at]) => `M${frame.left} ${at}H${frame.right}`).join("")
      + x.ticks.map(([at]) => `M${at} ${frame.top}V${frame.bottom}`).join("") });
    make(back, "path", { class: "axis", d: `M${frame.left} ${frame.top}V${frame.bottom}H${frame.right}` });
    for (const [at, text] of x.ticks) make(back, "text", { class: "x", x: at, y: frame.bottom + 16 }, text);
    for (const [at, text] of y.ticks) make(back, "text", { class: "y", x: frame.left - 6, y: at + 4 }, text);
    make(back, "text", { x: 2, y: 12 }, headY.dataset.choice);
    make(back, "text", { class: "end", x: frame.right, y: height - 6 }, headX.dataset.choice);
    points.sort((p, q) => p.a.value - q.a.value);
    for (const point of points) {
      const { row, a, b } = point;
      const name = row.cells[1].dataset.value;
      [point.x, point.y] = [x.at(a.value), y.at(b.value)];
      const said = `${name}: ${headX.dataset.choice} ${a.text.trim()}, ${headY.dataset.choice} ${b.text.trim()}`
        + (row.dataset.flags ? `; flags: ${row.dataset.flags.replaceAll(" ", ", ")}` : "");
      const kind = ["reference", "flagged"].find((k) => row.classList.contains(k)) ?? "clean";
      point.link = make(svg, "a", { class: `point ${kind}`, href: `#card-${row.id.slice(4)}`,
        tabindex: point === points[0] ? "0" : "-1", "aria-label": said });
      if (Number.isFinite(a.low)) make(back, "path", { class: "whisker", d: `M${x.at(a.low)} ${point.y}H${x.at(a.high)}` });
      if (Number.isFinite(b.low)) make(back, "path", { class: "whisker", d: `M${point.x} ${y.at(b.low)}V${y.at(b.high)}` });
      if (kind === "reference") make(point.link, "rect", { class: "dot", x: point.x - 4, y: point.y - 4, width: 8, height: 8 });
      else make(point.link, "circle", { class: "dot", cx: point.x, cy: point.y, r: 4.5 });
      point.tag = make(point.link, "text", { class: "tag" }, name.length > 28 ? `${name.slice(0, 27)}…` : name);
      point.link.addEventListener("click", (event) => { event.preventDefault(); open(row); });
      for (const kindOfEvent of ["focus", "mouseenter"]) {
        point.link.addEventListener(kindOfEvent, () => { reading.textContent = said; });
      }
    }
    svg.addEventListener("keydown", (event) => walk(points, event));
    const crowded = placeTags(points, width, height);
    const notes = [
      left ? `${left} of ${candidates.length} rows have no ${axes.some((axis) => axis.isLog.checked) ? "positive " : ""}value here.` : "",
      crowded ? `${crowded} names would overlap: point at a mark, or walk there with the arrow keys.` : "",
    ];
    reading.textContent = notes.filter(Boolean).join(" ");
  }

  const legend = document.createElement("p");
  legend.className = "legend note";
  for (const [kind, text] of [["dot", "no flag"], ["dot flagged", "flagged"], ["dot reference", "reference"],
    ["band", "reference range"]]) {
    const key = document.createElement("span");
    key.className = `key ${kind}`;
    key.textContent = text;
    legend.append(key);
  }
  plot.before(legend);
  for (const axis of axes) choices(axis.choice, scores.map((head) => [head.dataset.name, head.dataset.choice]));
  choices(groupChoice, groups.map((group, i) => [i, group.dataset.title]));
  byId("scatter-group-label").hidden = groups.length < 2;
  const has = (name) => scores.some((head) => head.dataset.name === name);
  axes[0].choice.value = has("xi_ratio") ? "xi_ratio" : scores[0].dataset.name;
  axes[1].choice.value = has("s2_error") ? "s2_error" : scores.at(-1).dataset.name;
  for (const axis of axes) axis.isLog.checked = true;
  byId("scatter-tools").hidden = false;
  byId("scatter-without").hidden = true;
  byId("scatter-tools").addEventListener("input", drawScatter);
  drawScatter();
  let drawn = plot.clientWidth;
  new ResizeObserver(() => {
    if (plot.clientWidth === drawn) return;
    drawn = plot.clientWidth;
    drawScatter();
  }).observe(plot);

  // samples, enlarged

  const zoom = byId("zoom");
  const image = byId("zoom-image");
  let factor = 1;

  function magnify(to) {
    factor = Math.min(Math.max(to, 0.25), 8);
    image.width = Math.round(image.naturalWidth * factor);
    byId("zoom-scale").textContent = `${Math.round(100 * factor)} %`;
  }

  for (const link of document.querySelectorAll("a.zoom")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      image.alt = link.querySelector("img").alt;
      image.src = link.href;
      byId("zoom-name").textContent = `${link.dataset.name}: s1, s2, true r, drawn r`;
      image.decode().then(() => {
        zoom.showModal();
        magnify(Math.max(1, Math.floor(zoom.clientWidth / image.naturalWidth)));
      });
    });
  }
  byId("zoom-in").addEventListener("click", () => magnify(factor * 2));
  byId("zoom-out").addEventListener("click", () => magnify(factor / 2));
  byId("zoom-close").addEventListener("click", () => zoom.close());
  zoom.addEventListener("click", (event) => { if (event.target === zoom) zoom.close(); });
  zoom.addEventListener("keydown", (event) => {
    if (event.key === "+" || event.key === "=") magnify(factor * 2);
    if (event.key === "-") magnify(factor / 2);
  });

  // a link from elsewhere to a card opens it

  function follow() {
    const target = location.hash.startsWith("#card-") && byId(decodeURIComponent(location.hash.slice(1)));
    const row = target && byId(target.closest("details").dataset.row);
    if (row) open(row);
  }
  addEventListener("hashchange", follow);
  follow();
})();
