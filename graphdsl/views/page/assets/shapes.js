// The shapes of the drawing: boxes by role, arrows, and the rectangles that they fill.

/** A box with its function inside, its name on the left, value and cotangent on the right. */
function drawBox(graph, key, box) {
  const words = wordsOf(graph, key), half = box.box / 2, { height } = box;
  const isBlock = words.role === "block";
  const line = (name, x, y, text, anchor) => (text
    ? draw("text", { class: name, x, y, "text-anchor": anchor }, text) : null);
  return draw("g", {
    class: `node role-${words.role}`, transform: `translate(${box.x} ${box.top})`, "data-key": key,
  },
  ...outline(words.role, half, height),
  line("fn", isBlock ? -9 : 0, height / 2 + (isBlock ? -3 : 4.5), words.inside, "middle"),
  isBlock ? line("count", -9, height / 2 + 14, words.below, "middle") : null,
  line(words.made ? "name made" : "name", -half - NAME_GAP, height / 2 + 4.5, words.name, "end"),
  line("value", half + NAME_GAP, height / 2 - 4, words.value, "start"),
  line("cotangent", half + NAME_GAP, height / 2 + 12, words.cotangent, "start"),
  ...(isBlock ? drawToggle(half - TOGGLE - 6, 6, true) : []));
}

/** What tells roles apart without colour: corners, bars, the number of lines. */
function outline(role, half, height) {
  const rect = (inset, rx, name) => draw("rect", {
    class: name, rx, x: inset - half, y: inset,
    width: 2 * (half - inset), height: height - 2 * inset,
  });
  const bar = (x) => draw("line", { class: "edge", x1: x, x2: x, y1: 1, y2: height - 1 });
  const round = { input: 10, state: 10, metric: 10, block: 6 }[role] ?? 1.5;
  const shapes = [rect(0, round, "box")];
  const isResult = ["output", "metric", "loss"].includes(role);
  if (isResult) shapes.push(rect(4, Math.max(round - 3, 1), "edge"));
  if (["param", "frozen", "state"].includes(role)) shapes.push(bar(5 - half), bar(half - 5));
  if (role === "block") {
    shapes.unshift(...[8, 4].map((by) => draw("rect", {
      class: "box behind", rx: round, x: by - half, y: by, width: 2 * half, height,
    })));
  }
  return shapes;
}

/** `+` to open, `−` to close. */
function drawToggle(x, y, opens) {
  const middle = TOGGLE / 2, line = `M${x + 4} ${y + middle}h${TOGGLE - 8}`;
  return [
    draw("rect", { class: "toggle", x, y, width: TOGGLE, height: TOGGLE, rx: 3 }),
    draw("path", {
      class: "sign", d: opens ? `${line}M${x + middle} ${y + 4}v${TOGGLE - 8}` : line,
    }),
  ];
}

function pathOf([a, b, c, d]) {
  const bend = (c[1] - b[1]) / 2, straight = Math.abs(b[0] - c[0]) < 0.5;
  const across = straight ? `L${round(c)}`
    : `C${round([b[0], b[1] + bend])} ${round([c[0], c[1] - bend])} ${round(c)}`;
  const first = a[1] === b[1] ? "" : `L${round(b)}`, last = c[1] === d[1] ? "" : `L${round(d)}`;
  return `M${round(a)}${first}${across}${last}`;
}

function round([x, y]) {
  return `${Math.round(10 * x) / 10} ${Math.round(10 * y) / 10}`;
}

/** An arrow's head that points down to a place, or up from it. */
function headAt([x, y], down) {
  return `M${round([x - 3.6, y - 7 * down])}L${round([x + 3.6, y - 7 * down])}L${round([x, y])}Z`;
}

function rectPath(box) {
  return `M${round([box.x - box.box / 2, box.top])}h${box.box}v${box.height}h${-box.box}Z`;
}

function boxBounds(box) {
  return { left: box.x - box.left, right: box.x + box.right, top: box.top, bottom: box.bottom };
}

function frameBounds(frame) {
  const { left, top, width, height } = frame;
  return { left, top, right: left + width, bottom: top + height };
}

function boundsOf(points) {
  const xs = points.map(([x]) => x), ys = points.map(([, y]) => y);
  return {
    left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys),
  };
}

function grow({ left, right, top, bottom }, by) {
  return { left: left - by, right: right + by, top: top - by, bottom: bottom + by };
}

function overlaps(a, b) {
  return a.left <= b.right && b.left <= a.right && a.top <= b.bottom && b.top <= a.bottom;
}

function contains(outer, inner) {
  return outer.left <= inner.left && outer.right >= inner.right
    && outer.top <= inner.top && outer.bottom >= inner.bottom;
}

function covers({ left, right, top, bottom }, [x, y]) {
  return left <= x && x <= right && top <= y && y <= bottom;
}
