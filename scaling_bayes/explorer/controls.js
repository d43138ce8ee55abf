// What is moved: ranges, choices, buttons and draggable rules. `ask(name, value, moving)` tells the kernel.

import { formatValue, fromFraction, toFraction } from "./axes.js";

const STEPS = 200; // positions of a range, and of a rule that is moved by keys
const SETTLE = 160; // milliseconds without a key, after the last picture, until a movement has ended
const PATIENCE = 2000; // milliseconds after which a picture is no longer waited for

/** When a movement has ended: `tell` is called once nothing moved, and no picture was awaited, for a while. */
function makeEnd(tell) {
  let [timer, awaited] = [0, false];
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => { [timer, awaited] = [0, false]; tell(); }, awaited ? PATIENCE : SETTLE);
  };
  return {
    moved() { clearTimeout(timer); [timer, awaited] = [0, true]; },
    released: wait,
    drawn() { awaited = false; if (timer) wait(); },
  };
}

export function make(tag, className, parent, more = {}) {
  const node = Object.assign(document.createElement(tag), more);
  if (className) node.className = className;
  parent?.append(node);
  return node;
}

/** How many positions a key moves what has the focus; 0 for any other key. */
function keySteps(event) {
  const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10, Home: -STEPS, End: STEPS }[event.key] ?? 0;
  if (steps) event.preventDefault();
  return steps;
}

/** JupyterLab takes arrow keys for its cells unless they stop here. */
export function keepKeys(node) {
  for (const name of ["keydown", "keyup", "keypress"]) node.addEventListener(name, (event) => event.stopPropagation());
}

function rangeControl(parent, control, ask) {
  const label = make("label", "sb-control", parent);
  make("span", "sb-name", label, { textContent: control.label });
  const input = make("input", "sb-range", label, { type: "range", min: 0, max: STEPS, step: 1 });
  const output = make("output", "sb-value", label);
  input.dataset.name = control.name;
  keepKeys(input);
  let now = control;
  const value = () => fromFraction(now, Number(input.value) / STEPS);
  const write = (number) => {
    const unit = now.says ?? now.unit ?? "";
    output.textContent = formatValue(number, now.unit) + (unit && unit !== "1" ? ` ${unit}` : "");
    input.setAttribute("aria-valuetext", output.textContent);
  };
  const end = makeEnd(() => ask(now.name, value(), false));
  const move = () => { end.moved(); write(value()); ask(now.name, value(), true); };
  input.addEventListener("input", move);
  input.addEventListener("change", end.released);
  input.press = (event) => {
    const steps = input.disabled ? 0 : keySteps(event);
    if (!steps) return false;
    input.value = String(Number(input.value) + steps); // the browser keeps it between the ends
    move();
    end.released();
    return true;
  };
  return (next) => {
    now = next;
    end.drawn();
    input.disabled = Boolean(next.disabled);
    const fraction = String(Math.round(toFraction(next, next.value) * STEPS));
    if (document.activeElement !== input || !input.matches(":active")) input.value = fraction;
    if (input.value === fraction) write(next.value);
  };
}

function choiceControl(parent, control, ask) {
  const label = make("label", "sb-control", parent);
  make("span", "sb-name", label, { textContent: control.label });
  const select = make("select", "sb-choice", label);
  select.dataset.name = control.name;
  keepKeys(select);
  select.addEventListener("change", () => ask(control.name, select.value, false));
  return (next) => {
    if ([...select.options].map((o) => o.value).join("\n") !== next.options.join("\n")) {
      select.replaceChildren(...next.options.map((o) => make("option", "", null, { value: o, textContent: o })));
    }
    select.value = next.value;
    select.disabled = Boolean(next.disabled);
  };
}

function severalControl(parent, control, ask) {
  const set = make("fieldset", "sb-several", parent);
  make("legend", "sb-name", set, { textContent: control.label });
  const list = make("div", "sb-options", set);
  keepKeys(set);
  let boxes = [];
  const build = (options) => {
    list.replaceChildren();
    boxes = options.map((option) => {
      const label = make("label", "sb-option", list);
      const box = make("input", "", label, { type: "checkbox", value: option });
      box.dataset.name = control.name;
      make("span", "sb-swatch", label);
      make("span", "", label, { textContent: option });
      box.addEventListener("change", () => ask(control.name, boxes.filter((b) => b.checked).map((b) => b.value), false));
      return box;
    });
  };
  return (next) => {
    if (boxes.map((b) => b.value).join("\n") !== next.options.join("\n")) build(next.options);
    boxes.forEach((box, k) => {
      box.checked = next.value.includes(box.value);
      box.disabled = Boolean(next.disabled);
      box.nextSibling.style.background = next.colours?.[k] ?? "transparent";
    });
  };
}

function tickControl(parent, control, ask) {
  const label = make("label", "sb-control sb-option", parent);
  const box = make("input", "", label, { type: "checkbox" });
  box.dataset.name = control.name;
  keepKeys(box);
  make("span", "", label, { textContent: control.label });
  box.addEventListener("change", () => ask(control.name, box.checked, false));
  return (next) => { box.checked = next.value; box.disabled = Boolean(next.disabled); };
}

function buttonControl(parent, control, ask) {
  const button = make("button", "sb-button", parent, { type: "button", textContent: control.label });
  button.dataset.name = control.name;
  keepKeys(button);
  let count = 0;
  button.addEventListener("click", () => ask(control.name, (count += 1), false));
  return (next) => { button.textContent = next.label; button.hidden = Boolean(next.disabled); };
}

export const CONTROLS = { range: rangeControl, choice: choiceControl, several: severalControl, tick: tickControl, button: buttonControl };

/** A rule that is dragged, or moved by the arrow keys when it has the focus. Returns a function that places it. */
export function makeHandle(parent, ask) {
  const node = make("div", "sb-handle", parent, { tabIndex: 0 });
  const tag = make("span", "sb-tag", node);
  node.setAttribute("role", "slider");
  keepKeys(node);
  let [frame, mark, held] = [null, null, false];
  const end = makeEnd(() => ask(mark.drag, mark.value, false));
  const place = (value) => {
    const text = formatValue(value, frame.plot.x.unit);
    Object.assign(node.style, { left: `${frame.x(value)}px`, top: `${frame.top}px`, height: `${frame.height}px` });
    tag.textContent = `${mark.label} ${text}`;
    node.classList.toggle("sb-leftwards", toFraction(frame.plot.x, value) > 0.7);
    for (const [name, said] of Object.entries({ label: mark.label, valuemin: frame.plot.x.low, valuemax: frame.plot.x.high, valuenow: value, valuetext: text })) {
      node.setAttribute(`aria-${name}`, said);
    }
    mark.value = value;
  };
  const move = (value, moving) => {
    const inside = Math.min(Math.max(value, frame.plot.x.low), frame.plot.x.high);
    place(inside);
    ask(mark.drag, inside, moving);
  };
  const pointed = (event) => fromFraction(frame.plot.x, (event.clientX - parent.getBoundingClientRect().left - frame.left) / frame.width);
  node.addEventListener("pointerdown", (event) => { held = true; node.setPointerCapture(event.pointerId); event.stopPropagation(); });
  node.addEventListener("pointermove", (event) => { if (held) move(pointed(event), true); });
  const release = (event) => { if (held) { held = false; move(pointed(event), false); } };
  node.addEventListener("pointerup", release);
  node.addEventListener("pointercancel", release);
  node.press = (event) => {
    const step = keySteps(event);
    if (!step) return false;
    end.moved();
    const fraction = Math.min(1, Math.max(0, toFraction(frame.plot.x, mark.value) + step / STEPS));
    move(fromFraction(frame.plot.x, fraction), true);
    end.released();
    return true;
  };
  return {
    node,
    update(nextFrame, nextMark, level = 0) {
      end.drawn();
      tag.style.top = `${1 + 19 * level}px`; // names of rules stand one below the other
      [frame, mark] = [nextFrame, { ...nextMark, value: held ? mark.value : nextMark.x }];
      node.hidden = false;
      node.style.setProperty("--sb-rule", mark.colour === "muted" ? "var(--sb-muted)" : "var(--sb-ink)");
      place(mark.value);
    },
  };
}
