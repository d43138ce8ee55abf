// The widget: controls above, plots on one canvas, words below. A view is {scene, data}: a description, and the float32
// numbers that its arrays are cut from. The kernel sends a view; the widget sends what was asked, picked and brushed.

import { findTicks, formatValue, fromFraction } from "./axes.js";
import { CONTROLS, make, makeHandle } from "./controls.js";
import { drawMarker, drawMarks, findInside, findPoint, makeFrame } from "./marks.js";

const MARGIN = { left: 62, right: 14, top: 24, bottom: 44, between: 26 };
const FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";

/** Float32 numbers of a view, from whatever the front end makes of bytes. */
function readFloats(data) {
  const view = data instanceof DataView ? data : new DataView(data.buffer ?? data);
  if (view.byteOffset % 4 === 0) return new Float32Array(view.buffer, view.byteOffset, view.byteLength / 4);
  return new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

function layOut(scene, width) {
  const columns = Math.max(...scene.plots.map((p) => (p.column ?? 0) + 1));
  const rows = Math.max(...scene.plots.map((p) => (p.row ?? 0) + 1));
  const narrow = width < 280 * columns && columns > 1; // side by side becomes one below the other
  const [across, down] = narrow ? [1, scene.plots.length] : [columns, rows];
  const height = scene.height * (narrow ? scene.plots.length / rows : 1);
  const cell = { width: width / across, height: height / down };
  const frames = scene.plots.map((plot, k) => {
    const [row, column] = narrow ? [k, 0] : [plot.row ?? 0, plot.column ?? 0];
    const [left, top] = [column * cell.width + MARGIN.left, row * cell.height + MARGIN.top];
    return makeFrame(plot, [left, top, cell.width - MARGIN.left - MARGIN.right, cell.height - MARGIN.top - MARGIN.bottom]);
  });
  return { frames, height };
}

function drawAxes(g, frame, colour) {
  const { plot, left, top, width, height } = frame;
  const [right, bottom] = [left + width, top + height];
  g.font = FONT;
  g.lineWidth = 1;
  g.strokeStyle = g.fillStyle = colour("ink");
  g.beginPath();
  g.moveTo(left, top); g.lineTo(left, bottom); g.lineTo(right, bottom);
  g.textAlign = "center";
  g.textBaseline = "top";
  let end = -Infinity;
  for (const { value, text } of findTicks(plot.x, width)) {
    const x = frame.x(value);
    g.moveTo(x, bottom); g.lineTo(x, bottom + 4);
    const half = g.measureText(text).width / 2;
    if (x - half > end + 6) { g.fillText(text, x, bottom + 7); end = x + half; }
  }
  g.textAlign = "right";
  g.textBaseline = "middle";
  for (const { value, text } of findTicks(plot.y, height * 1.3)) {
    const y = frame.y(value);
    g.moveTo(left, y); g.lineTo(left - 4, y);
    g.fillText(text, left - 8, y);
  }
  g.stroke();
  g.textAlign = "center";
  g.textBaseline = "alphabetic";
  g.fillText(plot.x.label, left + width / 2, bottom + 38);
  g.save();
  g.translate(left - 48, top + height / 2);
  g.rotate(-Math.PI / 2);
  g.fillText(plot.y.label, 0, 0);
  g.restore();
  if (plot.title) {
    g.font = `600 ${FONT}`;
    g.fillText(plot.title, left + width / 2, top - 9);
  }
}

/** Entries of the legend; they stay while they and the theme do, as their canvases are dear to make. */
function drawLegend(node, legend, colour) {
  const drawn = JSON.stringify([legend, ["ink", "muted", "shade", "good", "bad"].map(colour)]);
  if (node.drawn === drawn) return;
  node.drawn = drawn;
  node.replaceChildren(...legend.map((entry) => {
    const item = make("span", "sb-entry");
    const swatch = make("canvas", "", item, { width: 44, height: 24 });
    const g = swatch.getContext("2d");
    g.scale(2, 2);
    g.globalAlpha = entry.alpha ?? 1;
    if (entry.kind === "band") { g.fillStyle = colour(entry.colour); g.fillRect(1, 2, 20, 8); }
    else if (entry.kind === "points") drawMarker(g, 11, 6, entry, colour(entry.colour));
    else { g.strokeStyle = colour(entry.colour); g.lineWidth = entry.width ?? 2; g.setLineDash(entry.dash === "dashed" ? [4, 3] : []); g.beginPath(); g.moveTo(1, 6); g.lineTo(21, 6); g.stroke(); }
    make("span", "", item, { textContent: entry.text });
    return item;
  }));
}

/** Let the mouse point at a run, pick it, or brush a rectangle. */
function listen(stage, state, model) {
  const tip = make("div", "sb-tip", stage, { hidden: true });
  const brush = make("div", "sb-brush", stage, { hidden: true });
  let from = null;
  const where = (event) => {
    const box = stage.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    const k = state.frames.findIndex((f) => px >= f.left && px <= f.left + f.width && py >= f.top && py <= f.top + f.height);
    return { px, py, k, frame: state.frames[k] };
  };
  const tell = (name, value) => { model.set(name, value); model.save_changes(); };
  stage.addEventListener("pointermove", (event) => {
    const at = where(event);
    const near = at.frame && !from ? findPoint(at.frame, state.array, at.px, at.py) : null;
    tip.hidden = !near;
    if (near) {
      tip.textContent = model.get("names")?.[near.series]?.[near.index] ?? `${formatValue(near.x, at.frame.plot.x.unit)}, ${formatValue(near.y, at.frame.plot.y.unit)}`;
      Object.assign(tip.style, { left: `${Math.min(at.px + 12, stage.clientWidth - 180)}px`, top: `${at.py + 14}px` });
    }
    if (from) {
      brush.hidden = false;
      Object.assign(brush.style, { left: `${Math.min(from.px, at.px)}px`, top: `${Math.min(from.py, at.py)}px`, width: `${Math.abs(at.px - from.px)}px`, height: `${Math.abs(at.py - from.py)}px` });
    }
  });
  stage.addEventListener("pointerleave", () => { tip.hidden = true; });
  stage.addEventListener("pointerdown", (event) => { const at = where(event); from = at.frame?.plot.brush ? at : null; });
  stage.addEventListener("pointerup", (event) => {
    const at = where(event);
    const start = from;
    [from, brush.hidden] = [null, true];
    if (start && at.k === start.k && Math.hypot(at.px - start.px, at.py - start.py) > 6) {
      const { frame } = at;
      const across = [start.px, at.px].map((p) => fromFraction(frame.plot.x, (p - frame.left) / frame.width)).toSorted((a, b) => a - b);
      const up = [start.py, at.py].map((p) => fromFraction(frame.plot.y, 1 - (p - frame.top) / frame.height)).toSorted((a, b) => a - b);
      tell("brushed", { plot: at.k, x: across, y: up, series: findInside(frame, state.array, across, up) });
    } else if (at.frame) {
      const near = findPoint(at.frame, state.array, at.px, at.py);
      tell("picked", near ? { plot: at.k, series: near.series, index: near.index } : {});
    }
  });
}

function render({ model, el }) {
  const root = make("div", "sb-panel", el);
  const warning = make("p", "sb-warning", root);
  warning.setAttribute("role", "alert");
  const controls = make("div", "sb-controls", root);
  const stage = make("div", "sb-stage", root);
  const canvas = make("canvas", "sb-canvas", stage);
  canvas.setAttribute("role", "img");
  const legend = make("p", "sb-legend", root);
  const summary = make("p", "sb-summary", root);
  summary.setAttribute("aria-live", "polite");
  const [kept, handles] = [new Map(), new Map()];
  const state = { frames: [], array: () => new Float32Array(0) };
  const ask = (name, value, moving) => { model.set("asked", { name, value, moving }); model.save_changes(); };

  function updateControls(list) {
    if (list.map((c) => c.name + c.kind).join() !== [...kept.keys()].join()) {
      controls.replaceChildren();
      kept.clear();
      for (const control of list) kept.set(control.name + control.kind, CONTROLS[control.kind](controls, control, ask));
    }
    for (const control of list) kept.get(control.name + control.kind)(control);
  }

  function updateHandles() {
    const seen = new Set();
    state.frames.forEach((frame, k) => frame.plot.marks.filter((m) => m.drag).forEach((mark, level) => {
      const key = `${k}/${mark.drag}`;
      seen.add(key);
      if (!handles.has(key)) handles.set(key, makeHandle(stage, ask));
      handles.get(key).update(frame, mark, level);
    }));
    for (const [key, handle] of handles) if (!seen.has(key)) { handle.node.remove(); handles.delete(key); }
  }

  function draw() {
    const { scene, data } = model.get("view");
    if (!scene?.plots || !stage.clientWidth) return;
    const floats = readFloats(data);
    state.array = ([offset, length]) => floats.subarray(offset, offset + length);
    const { frames, height } = layOut(scene, stage.clientWidth);
    state.frames = frames;
    const styles = getComputedStyle(root);
    const colour = (name) => (name?.startsWith("#") ? name : styles.getPropertyValue(`--sb-${name}`).trim());
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [Math.round(stage.clientWidth * ratio), Math.round(height * ratio)];
    if (canvas.width !== w || canvas.height !== h) { [canvas.width, canvas.height] = [w, h]; canvas.style.height = `${height}px`; }
    const g = canvas.getContext("2d");
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, stage.clientWidth, height);
    g.font = FONT;
    for (const frame of frames) {
      g.font = FONT; // titles are bold
      drawMarks(g, { ...frame, plot: { ...frame.plot, marks: frame.plot.marks.filter((m) => !m.drag) } }, state.array, colour);
      drawAxes(g, frame, colour);
    }
    canvas.setAttribute("aria-label", `${scene.label}. ${scene.summary}`);
    [warning.textContent, warning.hidden] = [scene.warning, !scene.warning];
    if (summary.textContent !== scene.summary) summary.textContent = scene.summary;
    drawLegend(legend, scene.legend, colour);
    updateControls(scene.controls);
    updateHandles();
    root.dataset.count = scene.count;
  }

  listen(stage, state, model);
  // Notebook 7 takes arrow keys on their way down from the document: ours are taken at the window, before it.
  const pressed = (event) => { if (root.contains(event.target) && event.target.press?.(event)) event.stopPropagation(); };
  window.addEventListener("keydown", pressed, true);
  model.on("change:view", draw);
  const sized = new ResizeObserver(draw);
  sized.observe(stage);
  // JupyterLab hides all while it changes themes: observed anew, a size is told as soon as there is one.
  const themed = new MutationObserver(() => { sized.unobserve(stage); sized.observe(stage); });
  themed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class", "data-theme"] });
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", draw);
  draw();
  return () => {
    window.removeEventListener("keydown", pressed, true);
    model.off("change:view", draw); sized.disconnect(); themed.disconnect(); scheme.removeEventListener("change", draw);
  };
}

export default { render };
