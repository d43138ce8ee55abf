// Marks on a canvas. A mark names arrays of the view's one buffer as [offset, length]; `frame` turns data into pixels.

import { formatValue, toFraction } from "./axes.js";

export function makeFrame(plot, box) {
  const [left, top, width, height] = box;
  const x = (value) => left + width * toFraction(plot.x, value);
  const y = (value) => top + height * (1 - toFraction(plot.y, value));
  return { plot, left, top, width, height, x, y };
}

const DASHES = { solid: [], dashed: [5, 3], dotted: [1, 3] };
const FAR = 1e5; // pixels: where something infinite is drawn
const clip = (pixel) => Math.max(-FAR, Math.min(FAR, Number.isNaN(pixel) ? FAR : pixel));

function trace(g, frame, xs, ys, backwards = false) {
  for (let k = 0; k < xs.length; k += 1) {
    const at = backwards ? xs.length - 1 - k : k;
    g.lineTo(clip(frame.x(xs[at])), clip(frame.y(ys[at])));
  }
}

const SHAPES = {
  o: (g, r) => g.arc(0, 0, r, 0, 2 * Math.PI),
  s: (g, r) => g.rect(-0.88 * r, -0.88 * r, 1.76 * r, 1.76 * r),
  "^": (g, r) => polygon(g, 3, 1.25 * r, -Math.PI / 2),
  v: (g, r) => polygon(g, 3, 1.25 * r, Math.PI / 2),
  "<": (g, r) => polygon(g, 3, 1.25 * r, Math.PI),
  ">": (g, r) => polygon(g, 3, 1.25 * r, 0),
  D: (g, r) => polygon(g, 4, 1.2 * r, 0),
  P: (g, r) => polygon(g, 5, 1.1 * r, -Math.PI / 2),
  X: (g, r) => polygon(g, 4, 1.2 * r, Math.PI / 4),
};

function polygon(g, corners, r, turn) {
  for (let k = 0; k < corners; k += 1) g.lineTo(r * Math.cos(turn + (2 * Math.PI * k) / corners), r * Math.sin(turn + (2 * Math.PI * k) / corners));
  g.closePath();
}

export function drawMarker(g, x, y, mark, colour) {
  const r = mark.size ?? 3;
  g.save();
  g.translate(x, y);
  g.beginPath();
  if (mark.marker === "x") {
    g.moveTo(-r, -r); g.lineTo(r, r); g.moveTo(-r, r); g.lineTo(r, -r);
    g.strokeStyle = colour; g.lineWidth = 1.7; g.stroke();
  } else {
    (SHAPES[mark.marker] ?? SHAPES.o)(g, r);
    if (mark.open) { g.strokeStyle = colour; g.lineWidth = 1.4; g.stroke(); } else { g.fillStyle = colour; g.fill(); }
  }
  g.restore();
}

const MARKS = {
  band(g, frame, mark, array, colour) {
    const x = array(mark.x);
    g.beginPath();
    trace(g, frame, x, array(mark.low));
    trace(g, frame, x, array(mark.high), true);
    g.closePath();
    g.globalAlpha = mark.alpha ?? 0.2;
    g.fillStyle = colour(mark.colour);
    g.fill();
  },
  line(g, frame, mark, array, colour) {
    g.beginPath();
    trace(g, frame, array(mark.x), array(mark.y));
    g.globalAlpha = mark.alpha ?? 1;
    g.strokeStyle = colour(mark.colour);
    g.lineWidth = mark.width ?? 1.8;
    g.setLineDash(DASHES[mark.dash ?? "solid"]);
    g.stroke();
  },
  points(g, frame, mark, array, colour) {
    const [x, y, shown] = [array(mark.x), array(mark.y), mark.shown ? array(mark.shown) : null];
    for (let k = 0; k < x.length; k += 1) {
      g.globalAlpha = shown ? shown[k] : (mark.alpha ?? 1);
      if (g.globalAlpha > 0) drawMarker(g, clip(frame.x(x[k])), clip(frame.y(y[k])), mark, colour(mark.colour));
    }
  },
  rule(g, frame, mark, array, colour) {
    const [x, y] = [mark.x === undefined ? null : frame.x(mark.x), mark.y === undefined ? null : frame.y(mark.y)];
    g.beginPath();
    if (x !== null) { g.moveTo(x, frame.top); g.lineTo(x, frame.top + frame.height); }
    if (y !== null) { g.moveTo(frame.left, y); g.lineTo(frame.left + frame.width, y); }
    g.strokeStyle = colour(mark.colour ?? "ink");
    g.setLineDash(DASHES[mark.dash ?? "dashed"]);
    g.lineWidth = mark.width ?? 1;
    g.stroke();
    if (!mark.label) return;
    const left = x !== null && x > frame.left + 0.7 * frame.width;
    g.fillStyle = colour(mark.colour ?? "ink");
    g.textAlign = left || x === null ? "right" : "left";
    const value = formatValue(mark.x ?? mark.y, (x === null ? frame.plot.y : frame.plot.x).unit);
    const [tx, ty] = x === null ? [frame.left + frame.width - 4, y - 6] : [x + (left ? -6 : 6), frame.top + 12 + 17 * (mark.level ?? 0)];
    g.fillText(`${mark.label} ${value}`, tx, ty);
  },
  span(g, frame, mark, array, colour) {
    const [low, high] = (mark.x ?? mark.y).map(mark.x ? frame.x : frame.y).map(clip);
    g.globalAlpha = mark.alpha ?? 1;
    g.fillStyle = colour(mark.colour ?? "shade");
    if (mark.x) g.fillRect(low, frame.top, high - low, frame.height);
    else g.fillRect(frame.left, high, frame.width, low - high);
  },
  text(g, frame, mark, array, colour) {
    g.fillStyle = colour(mark.colour ?? "ink");
    g.textAlign = mark.align ?? "left";
    g.textBaseline = "middle";
    g.fillText(mark.text, frame.x(mark.x), frame.y(mark.y));
  },
  cells(g, frame, mark, array, colour) {
    const [xs, ys, values] = [array(mark.x), array(mark.y), array(mark.values)];
    const columns = xs.length - 1;
    for (let k = 0; k < values.length; k += 1) {
      if (Number.isNaN(values[k])) continue;
      const [i, j] = [k % columns, Math.floor(k / columns)];
      const [left, right] = [frame.x(xs[i]), frame.x(xs[i + 1])];
      const [bottom, top] = [frame.y(ys[j]), frame.y(ys[j + 1])];
      const share = (values[k] - mark.from) / (mark.to - mark.from || 1);
      g.globalAlpha = Math.max(0, Math.min(1, share)) * 0.88 + 0.12;
      g.fillStyle = colour(mark.colour ?? "good");
      g.fillRect(left, top, right - left - 1, bottom - top - 1);
    }
  },
};

/** Draw all marks of a plot inside its frame. */
export function drawMarks(g, frame, array, colour) {
  g.save();
  g.beginPath();
  g.rect(frame.left, frame.top, frame.width, frame.height);
  g.clip();
  for (const mark of frame.plot.marks) {
    g.save();
    MARKS[mark.kind](g, frame, mark, array, colour);
    g.restore();
  }
  g.restore();
}

/** The nearest point of the marks that have a name, within `reach` pixels, or null. */
export function findPoint(frame, array, px, py, reach = 12) {
  let best = null;
  for (const mark of frame.plot.marks) {
    if (mark.kind !== "points" || !mark.series) continue;
    const [x, y, shown, index] = [array(mark.x), array(mark.y), mark.shown ? array(mark.shown) : null, mark.index ? array(mark.index) : null];
    for (let k = 0; k < x.length; k += 1) {
      if (shown && shown[k] <= 0) continue;
      const distance = Math.hypot(frame.x(x[k]) - px, frame.y(y[k]) - py);
      if (distance <= reach && (!best || distance < best.distance)) {
        best = { series: mark.series, index: index ? index[k] : k, x: x[k], y: y[k], distance };
      }
    }
  }
  return best;
}

/** Numbers of the named points inside a rectangle of the data, by series. */
export function findInside(frame, array, [x0, x1], [y0, y1]) {
  const found = {};
  for (const mark of frame.plot.marks) {
    if (mark.kind !== "points" || !mark.series) continue;
    const [x, y, index] = [array(mark.x), array(mark.y), mark.index ? array(mark.index) : null];
    for (let k = 0; k < x.length; k += 1) {
      if (x[k] < x0 || x[k] > x1 || y[k] < y0 || y[k] > y1) continue;
      (found[mark.series] ??= []).push(index ? index[k] : k);
    }
  }
  return found;
}
