// The drawing on the screen: only what the window shows is made of elements, and from far away all
// boxes of a role are one path, so that thousands of nodes move as lightly as ten.

const FAR = 0.42;
const FEW = 120;
const MARGIN = 250;
const DOT = 7;
const TOGGLE = 16;

class Scene {
  constructor(graph) {
    this.graph = graph;
    this.picture = byId("picture");
    this.world = byId("world");
    this.near = new Map();
    this.scale = 1;
    this.lit = { key: null, arcs: [], sweep: "forward", selected: null, position: 0 };
    this.closed = closeAtFirst(graph);
    this.layOut();
  }

  layOut() {
    this.drawing = layOutGraph(this.graph, this.closed, (key) => measureBox(this.graph, key));
    const { arcs } = this.drawing;
    this.reach = arcs.map((arc) => boundsOf(arc));
    this.drawn = null;
    this.lit = { ...this.lit, arcs: [] };
  }

  /** The key of what stands for a node as blocks are open and closed now. */
  keyOf(node) {
    return keyOf(this.graph, this.closed, node);
  }

  /** Light a box, the links given as pairs of nodes, and what the position has reached. */
  light(lit) {
    this.lit = lit;
    this.paintStates();
  }

  /** Show what the window shows at a camera; makes elements only where some are missing. */
  paint(camera) {
    this.world.setAttribute("transform", `translate(${camera.x} ${camera.y}) scale(${camera.k})`);
    this.scale = camera.k;
    this.paintHalos();
    const far = camera.k < FAR && this.drawing.boxes.size > FEW, seen = camera.window();
    if (this.drawn && this.drawn.far === far && contains(this.drawn, seen)) return;
    this.drawn = { ...grow(seen, MARGIN / camera.k), far };
    this.picture.dataset.far = far;
    this.paintFrames();
    this.paintWires(far);
    if (far) this.paintFar();
    else this.paintNear();
    this.paintStates();
  }

  paintFrames() {
    const shown = this.drawing.frames.filter((frame) => overlaps(this.drawn, frameBounds(frame)));
    byId("frames").replaceChildren(...shown.map((frame) => this.drawFrame(frame)));
  }

  drawFrame(frame) {
    const group = this.graph.groups.get(frame.group);
    const { left, top, width, height } = frame;
    return draw("g", { class: "frame", "data-key": `b${frame.group}` },
      draw("rect", { x: left, y: top, width, height, rx: 8 }),
      draw("text", { x: left + 10, y: top + 17, class: "title" }, group.label),
      ...drawToggle(left + width - TOGGLE - 5, top + 5, false));
  }

  paintWires(far) {
    const { arcs, links } = this.drawing, lines = [], heads = [];
    arcs.forEach((arc, at) => {
      if (overlaps(this.drawn, this.reach[at])) lines.push(pathOf(arc));
    });
    for (const link of links) {
      const end = arcs[link.arcs[link.arcs.length - 1]][3];
      if (!far && covers(this.drawn, end)) heads.push(headAt(end, 1));
    }
    byId("wires").setAttribute("d", lines.join(""));
    byId("heads").setAttribute("d", heads.join(""));
  }

  paintFar() {
    this.near.clear();
    byId("near").replaceChildren();
    const paths = new Map();
    for (const [key, box] of this.drawing.boxes) {
      if (!overlaps(this.drawn, boxBounds(box))) continue;
      const { role } = isNodeKey(key) ? this.graph.nodes.get(idOf(key)) : BLOCK;
      if (!paths.has(role)) paths.set(role, []);
      paths.get(role).push(rectPath(box));
    }
    byId("far").replaceChildren(...[...paths].map(([role, rects]) => (
      draw("path", { class: `box role-${role}`, d: rects.join("") })
    )));
  }

  paintNear() {
    byId("far").replaceChildren();
    const wanted = new Map();
    for (const [key, box] of this.drawing.boxes) {
      if (overlaps(this.drawn, boxBounds(box))) {
        wanted.set(key, this.near.get(key) ?? drawBox(this.graph, key, box));
      }
    }
    this.near = wanted;
    byId("near").replaceChildren(...wanted.values());
  }

  /** What is known, lit and selected, without drawing anything anew. */
  paintStates() {
    const { key, selected, sweep, position } = this.lit;
    for (const [each, element] of this.near) {
      const node = this.nodeShown(each), at = node && this.graph.stepsOf.get(node.id);
      const { classList } = element;
      classList.toggle("known", !at?.forward || at.forward <= position);
      classList.toggle("pulled", Boolean(at?.reverse && at.reverse <= position));
      classList.toggle("current", each === key);
      classList.toggle("selected", each === selected);
    }
    for (const frame of byId("frames").children) {
      frame.classList.toggle("selected", frame.dataset.key === selected);
    }
    this.picture.dataset.sweep = sweep;
    this.paintLit();
    this.paintHalos();
  }

  paintLit() {
    const { arcs } = this.drawing, { sweep } = this.lit;
    const lines = [], heads = [];
    const shared = new Set(this.lit.arcs.flatMap((link) => link.arcs));
    for (const at of shared) lines.push(pathOf(arcs[at]));
    for (const link of this.lit.arcs) {
      const first = arcs[link.arcs[0]], last = arcs[link.arcs[link.arcs.length - 1]];
      heads.push(sweep === "reverse" ? headAt(first[0], -1) : headAt(last[3], 1));
    }
    byId("lit-wires").setAttribute("d", lines.join(""));
    byId("lit-heads").setAttribute("d", heads.join(""));
  }

  paintHalos() {
    const { key, selected } = this.lit;
    this.paintHalo("halo", key);
    this.paintHalo("ring", selected === key ? null : selected);
  }

  /** A glow behind a box, which is seen from far away too: it never gets smaller than a dot. */
  paintHalo(id, key) {
    const box = key && this.drawing.boxes.get(key), halo = byId(id);
    halo.setAttribute("visibility", box ? "visible" : "hidden");
    if (!box) return;
    // a closed block has others behind it, which show on two sides
    const by = Math.max(6, DOT / this.scale - box.height / 2), more = isBlockKey(key) ? 8 : 0;
    const half = box.box / 2 + by;
    for (const [name, value] of Object.entries({
      x: box.x - half, y: box.top - by, width: 2 * half + more, height: box.height + 2 * by + more,
    })) halo.setAttribute(name, value);
  }

  /** The node whose value a box shows: its own, or the one that leaves a closed block. */
  nodeShown(key) {
    const id = idOf(key);
    if (isNodeKey(key)) return this.graph.nodes.get(id);
    const { exits } = this.graph.groups.get(id);
    return exits.length === 1 ? exits[0] : null;
  }

  linksInto(node) {
    return this.drawing.links.filter((link) => link.to === node.id);
  }

  linksOutOf(node) {
    return this.drawing.links.filter((link) => link.from === node.id);
  }

  /** What is at a point of the drawing: a box, a frame's title, the sign that opens or closes. */
  hit([x, y]) {
    for (const [key, box] of this.drawing.boxes) {
      const { left, right, top, bottom } = boxBounds(box);
      if (x < left || x > right || y < top - 4 || y > bottom + 4) continue;
      const edge = box.x + box.box / 2;
      const toggles = isBlockKey(key) && x > edge - TOGGLE - 8 && x <= edge && y < top + TOGGLE + 8;
      return { key, toggles };
    }
    for (const frame of [...this.drawing.frames].reverse()) {
      const inTitle = y > frame.top && y < frame.top + FRAME_TOP;
      if (!inTitle || x < frame.left || x > frame.left + frame.width) continue;
      return { key: `b${frame.group}`, toggles: x > frame.left + frame.width - TOGGLE - 12 };
    }
    return null;
  }

  /** The place of a box or a frame in the drawing. */
  placeOf(key) {
    const box = this.drawing.boxes.get(key);
    if (box) return boxBounds(box);
    const frame = this.drawing.frames.find((each) => `b${each.group}` === key);
    return frame ? frameBounds(frame) : null;
  }
}

const BLOCK = { role: "block" };
