// A layered layout (Sugiyama, Tagawa, Toda 1981): boxes and links of one level come in, places and
// routes go out. Links run downwards; a signal that several boxes read shares one trunk.
//
//   items: {left, right, height, pin}: what a box takes on each side of its middle line; `pin` is
//          "top" or "bottom" for the places where signals enter and leave a block
//   links: {from, to, out, into, signal, light}: positions in `items`, offsets from the middle
//          lines, a key for the trunk, and whether the link may bend rather than the boxes move

const GAP_X = 22;
const GAP_BEND = 12;
const GAP_Y = 34;
const MOST_BENDS = 12000;

/** Places for `items` and a route for each of `links`. */
function layOutLevel(items, links) {
  const levels = assignLevels(items, links);
  const grid = addBends(items, links, levels);
  orderVertices(grid);
  placeSideways(grid);
  straightenTrunks(grid);
  return measureLevel(items, links, grid);
}

/** The layer of every item: the longest way to it; what is only given moves to its reader. */
function assignLevels(items, links) {
  const into = listsFor(items.length), outOf = listsFor(items.length);
  for (const link of links) {
    into[link.to].push(link.from);
    outOf[link.from].push(link.to);
  }
  const order = sortTopologically(into, outOf);
  const levels = new Int32Array(items.length);
  for (const at of order) {
    for (const before of into[at]) levels[at] = Math.max(levels[at], levels[before] + 1);
    if (items[at].pin !== "top") levels[at] = Math.max(levels[at], 1);
  }
  const last = levels.reduce((most, level) => Math.max(most, level), 0) + 1;
  for (const at of [...order].reverse()) {
    if (items[at].pin === "bottom") levels[at] = last;
    else if (items[at].pin !== "top" && outOf[at].length > into[at].length) {
      levels[at] = outOf[at].reduce((least, after) => Math.min(least, levels[after]), last) - 1;
    }
  }
  return levels;
}

function listsFor(count) {
  return Array.from({ length: count }, () => []);
}

function sortTopologically(into, outOf) {
  const missing = into.map((list) => list.length);
  const order = missing.flatMap((count, at) => (count ? [] : [at]));
  for (let i = 0; i < order.length; i++) {
    for (const after of outOf[order[i]]) if (--missing[after] === 0) order.push(after);
  }
  return order;
}

/** Items and bends as vertices, layer by layer, with arcs between neighbouring layers. */
function addBends(items, links, levels) {
  const vertices = items.map((item, at) => ({
    item: at, level: levels[at], left: item.left, right: item.right, above: [], below: [],
    pinned: item.pin === "bottom",
  }));
  const arcs = [], trunks = new Map();
  const byLength = links.map((_, at) => at)
    .sort((a, b) => span(links[a], levels) - span(links[b], levels));
  const routes = new Array(links.length);
  let bends = 0;
  for (const at of byLength) {
    const link = links[at], route = [];
    let tail = vertices[link.from], out = link.out, rest = null;
    if (bends < MOST_BENDS) {
      let trunk = trunks.get(link.signal);
      if (!trunk) trunks.set(link.signal, trunk = []);
      for (let level = levels[link.from] + 1, i = 0; level < levels[link.to]; level++, i++) {
        if (!trunk[i]) {
          const bend = { item: -1, level, left: 0, right: 0, above: [], below: [] };
          vertices.push(bend);
          bends++;
          trunk[i] = { bend, arc: addArc(arcs, tail, bend, out, 0, 6) };
        }
        route.push(trunk[i].arc);
        tail = trunk[i].bend;
        out = 0;
      }
      rest = addArc(arcs, tail, vertices[link.to], out, link.into, 1);
      if (link.light) rest.weight = 0.3;
      else if (tail.item >= 0) rest.weight = 4;
    } else {
      rest = { tail, head: vertices[link.to], out, into: link.into, weight: 0 };
      arcs.push(rest);  // so long a way that it is drawn straight, behind the boxes
    }
    route.push(rest);
    routes[at] = route;
  }
  const layers = [];
  for (const vertex of vertices) (layers[vertex.level] ??= []).push(vertex);
  return { vertices, arcs, routes, layers: Array.from(layers, (layer) => layer ?? []) };
}

function span(link, levels) {
  return levels[link.to] - levels[link.from];
}

function addArc(arcs, tail, head, out, into, weight) {
  const arc = { tail, head, out, into, weight };
  arcs.push(arc);
  tail.below.push(arc);
  head.above.push(arc);
  return arc;
}

/** Left to right in every layer: operands in their order, then fewer crossings by barycentres. */
function orderVertices(grid) {
  const { layers, vertices } = grid;
  orderByOperands(layers, vertices);
  let best = save(layers), fewest = countCrossings(layers);
  const rounds = vertices.length > 4000 ? 3 : vertices.length > 600 ? 6 : 14;
  for (let round = 0; round < rounds && fewest > 0; round++) {
    const down = round % 2 === 1;
    for (let i = 0; i < layers.length; i++) {
      sortLayer(layers[down ? i : layers.length - 1 - i], down);
    }
    const crossings = countCrossings(layers);
    if (crossings < fewest) [best, fewest] = [save(layers), crossings];
  }
  best.forEach((layer, at) => number(layers[at] = layer));
}

function save(layers) {
  return layers.map((layer) => [...layer]);
}

function number(layer) {
  layer.forEach((vertex, at) => { vertex.at = at; });
}

/** The order in which a walk from the results to their operands, left to right, leaves them. */
function orderByOperands(layers, vertices) {
  const seen = new Set(), ordered = layers.map(() => []);
  for (const root of vertices) {
    if (root.below.length || seen.has(root)) continue;
    const stack = [[root, 0]];
    seen.add(root);
    root.above.sort((a, b) => a.into - b.into);
    while (stack.length) {
      const frame = stack[stack.length - 1], [vertex, next] = frame;
      if (next === vertex.above.length) {
        ordered[vertex.level].push(vertex);
        stack.pop();
        continue;
      }
      frame[1]++;
      const tail = vertex.above[next].tail;
      if (seen.has(tail)) continue;
      seen.add(tail);
      tail.above.sort((a, b) => a.into - b.into);
      stack.push([tail, 0]);
    }
  }
  ordered.forEach((layer, at) => number(layers[at] = layer));
}

function sortLayer(layer, down) {
  for (const vertex of layer) {
    const arcs = down ? vertex.above : vertex.below;
    let sum = 0;
    for (const arc of arcs) sum += down ? placeOut(arc) : placeInto(arc);
    vertex.mean = arcs.length ? sum / arcs.length : vertex.at;
  }
  layer.sort((a, b) => a.mean - b.mean || a.at - b.at);
  number(layer);
}

/** Where an arc leaves its layer, and where it enters the next: positions with a fraction. */
function placeOut(arc) {
  return arc.tail.at + fraction(arc.tail, arc.out);
}

function placeInto(arc) {
  return arc.head.at + fraction(arc.head, arc.into);
}

function fraction(vertex, offset) {
  const width = vertex.left + vertex.right;
  return width ? (0.9 * offset) / width : 0;
}

function countCrossings(layers) {
  return layers.reduce((sum, layer) => sum + crossingsBelow(layer), 0);
}

/** The crossings of the arcs below a layer: inversions, counted in a Fenwick tree. */
function crossingsBelow(layer) {
  const arcs = layer.flatMap((vertex) => vertex.below);
  if (arcs.length < 2) return 0;
  arcs.sort((a, b) => placeOut(a) - placeOut(b) || placeInto(a) - placeInto(b));
  const ends = [...new Set(arcs.map(placeInto))].sort((a, b) => a - b);
  const rank = new Map(ends.map((place, at) => [place, at + 1]));
  const tree = new Int32Array(ends.length + 1);
  let crossings = 0;
  arcs.forEach((arc, seen) => {
    const at = rank.get(placeInto(arc));
    let before = 0;
    for (let i = at; i > 0; i -= i & -i) before += tree[i];
    crossings += seen - before;
    for (let i = at; i < tree.length; i += i & -i) tree[i]++;
  });
  return crossings;
}
