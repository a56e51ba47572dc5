// Places across and down: each layer's order comes in, coordinates go out.

/** Straight links where there is room: layers are aligned with their neighbours, over and over. */
function placeSideways(grid) {
  const { layers, vertices } = grid;
  for (const layer of layers) {
    let x = 0;
    for (const vertex of layer) {
      vertex.x = x + vertex.left;
      x += vertex.left + vertex.right + gapBehind(vertex);
    }
  }
  const rounds = vertices.length > 4000 ? 4 : 10;
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < layers.length; i++) alignLayer(layers[layers.length - 1 - i], "below");
    for (const layer of layers) alignLayer(layer, "above");
  }
  for (let round = 0; round < 3; round++) for (const layer of layers) alignLayer(layer, "both");
}

function gapBehind(vertex) {
  return vertex.item < 0 ? GAP_BEND : GAP_X;
}

/** The places nearest to where a layer's neighbours want them that keep order and distance: the
    least squares of an isotonic regression, by pooling adjacent violators. */
function alignLayer(layer, side) {
  const pools = [];
  let shift = 0, before = null;
  for (const vertex of layer) {
    if (before) shift += before.right + gapBehind(before) + vertex.left;
    before = vertex;
    vertex.shift = shift;
    const wish = wishOf(vertex, side);
    let pool = { weight: wish.weight, sum: wish.weight * (wish.x - shift), members: [vertex] };
    while (pools.length && middle(pools[pools.length - 1]) > middle(pool)) {
      const left = pools.pop();
      for (const member of pool.members) left.members.push(member);
      pool = { weight: left.weight + pool.weight, sum: left.sum + pool.sum, members: left.members };
    }
    pools.push(pool);
  }
  for (const pool of pools) {
    for (const vertex of pool.members) vertex.x = middle(pool) + vertex.shift;
  }
}

function middle(pool) {
  return pool.sum / pool.weight;
}

function wishOf(vertex, side) {
  let weight = 0, sum = 0;
  if (side !== "below") {
    for (const arc of vertex.above) {
      weight += arc.weight;
      sum += arc.weight * (arc.tail.x + arc.out - arc.into);
    }
  }
  if (side !== "above") {
    for (const arc of vertex.below) {
      weight += arc.weight;
      sum += arc.weight * (arc.head.x + arc.into - arc.out);
    }
  }
  return weight ? { weight, x: sum / weight } : { weight: 0.01, x: vertex.x };
}

/** Bends of one trunk stand in one line as far as their neighbours leave room for it. */
function straightenTrunks({ layers, vertices }) {
  const roomOf = (vertex) => {
    const layer = layers[vertex.level], before = layer[vertex.at - 1], after = layer[vertex.at + 1];
    return [
      before ? before.x + before.right + gapBehind(before) : -Infinity,
      after ? after.x - after.left - GAP_BEND : Infinity,
    ];
  };
  for (const vertex of vertices) {
    if (vertex.item >= 0 || vertex.above[0].tail.item < 0) continue;
    const trunk = trunkFrom(vertex);
    while (trunk.length) {
      let [low, high] = roomOf(trunk[0]), count = 1;
      for (; count < trunk.length; count++) {
        const [left, right] = roomOf(trunk[count]);
        if (Math.max(low, left) > Math.min(high, right)) break;
        [low, high] = [Math.max(low, left), Math.min(high, right)];
      }
      const run = trunk.splice(0, count), last = run[run.length - 1].below;
      const ends = last.filter((arc) => arc.head.item >= 0).map((arc) => arc.head.x + arc.into);
      const wish = ends[0] ?? run.reduce((sum, bend) => sum + bend.x, 0) / run.length;
      for (const bend of run) bend.x = Math.min(high, Math.max(low, wish));
    }
  }
}

function trunkFrom(vertex) {
  const trunk = [];
  for (let bend = vertex; bend; bend = bend.below.find((arc) => arc.head.item < 0)?.head) {
    trunk.push(bend);
  }
  return trunk;
}

/** The drawing of one level: upper left corner at 0, 0. */
function measureLevel(items, links, grid) {
  const { layers, vertices } = grid;
  const offset = vertices.reduce((least, v) => Math.min(least, v.x - v.left), Infinity);
  const width = vertices.reduce((most, v) => Math.max(most, v.x + v.right - offset), 0);
  const tops = [], bottoms = [];
  let y = 0;
  layers.forEach((layer, level) => {
    const height = layer.reduce((most, v) => Math.max(most, heightOf(items, v)), 0);
    tops[level] = y;
    bottoms[level] = y + height;
    if (layer.length) y += height + (height || level ? gapBelow(layer) : GAP_Y / 2);
  });
  const height = layers.length ? bottoms[layers.length - 1] : 0;
  const places = items.map((item, at) => {
    const vertex = vertices[at], given = !vertex.above.length && item.pin === undefined;
    const top = given ? bottoms[vertex.level] - item.height : tops[vertex.level];
    return { x: vertex.x - offset, top, bottom: top + item.height };
  });
  const route = (arc) => arcPoints(arc, places, tops, bottoms, offset);
  return { width, height, places, arcs: grid.arcs.map(route), routes: indexRoutes(grid) };
}

function heightOf(items, vertex) {
  return vertex.item < 0 ? 0 : items[vertex.item].height;
}

/** More room where many links have to find their way; less before they leave the block. */
function gapBelow(layer) {
  if (layer.length && layer.every(isDone)) return GAP_BEND;
  const arcs = layer.reduce((sum, vertex) => sum + vertex.below.length, 0);
  return GAP_Y + Math.min(40, 1.5 * Math.max(0, arcs - 4));
}

function isDone(vertex) {
  return vertex.below.every((arc) => arc.head.pinned);
}

function indexRoutes(grid) {
  const at = new Map(grid.arcs.map((arc, index) => [arc, index]));
  return grid.routes.map((route) => route.map((arc) => at.get(arc)));
}

/** The corners of an arc: down through its own layer, across the gap, down to its head. */
function arcPoints(arc, places, tops, bottoms, offset) {
  const { tail, head } = arc;
  const start = tail.x + arc.out - offset, end = head.x + arc.into - offset;
  const from = tail.item < 0 ? tops[tail.level] : places[tail.item].bottom;
  const to = head.item < 0 ? tops[head.level] : places[head.item].top;
  return [[start, from], [start, bottoms[tail.level]], [end, tops[head.level]], [end, to]];
}
