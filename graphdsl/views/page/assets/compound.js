// Blocks inside blocks: each open block is laid out by itself and is one item of the block around
// it; a closed one is a box. Signals enter an open block at pins on its upper edge and leave it at
// pins on its lower edge, so that every link is a chain of routes, one for each block it crosses.

const FRAME_TOP = 26;
const FRAME_SIDE = 14;
const FRAME_BOTTOM = 12;

/** The drawing of `graph` with the blocks of `closed` shut; `measure` says how large a box is. */
function layOutGraph(graph, closed, measure) {
  const blocks = new Map();
  const links = graph.edges.flatMap((edge) => threadEdge(graph, closed, blocks, edge));
  for (const node of graph.nodes.values()) addItem(graph, closed, blocks, node);
  const root = layOutBlock(graph, blocks, blocks.get(-1) ?? newBlock(-1), measure);
  const drawing = {
    boxes: new Map(), frames: [], arcs: [], links: [], width: root.width, height: root.height,
  };
  settleBlock(drawing, blocks, -1, 0, 0);
  for (const link of links) {
    const arcs = link.parts.flatMap((part) => part.block.absolute[part.at]);
    drawing.links.push({ from: link.edge.from, to: link.edge.to, arcs });
  }
  return drawing;
}

function newBlock(id) {
  return { id, items: new Map(), links: [], keys: new Map(), inside: [] };
}

function blockOf(blocks, id) {
  let block = blocks.get(id);
  if (!block) blocks.set(id, block = newBlock(id));
  return block;
}

/** From the outermost block inwards: what stands for a node, at last itself or a closed block. */
function standIns(graph, closed, node) {
  const chain = [];
  for (const id of graph.trails.get(node.group) ?? []) {
    chain.push(`b${id}`);
    if (closed.has(id)) return chain;
  }
  chain.push(`n${node.id}`);
  return chain;
}

function addItem(graph, closed, blocks, node) {
  let parent = -1;
  for (const key of standIns(graph, closed, node)) {
    const block = blockOf(blocks, parent);
    if (!block.items.has(key)) block.items.set(key, { key, first: node.id });
    parent = idOf(key);
  }
}

/** The links of an operand's way to its reader, each in the block that it crosses. */
function threadEdge(graph, closed, blocks, edge) {
  const tail = graph.nodes.get(edge.from), head = graph.nodes.get(edge.to);
  const down = standIns(graph, closed, tail), up = standIns(graph, closed, head);
  let common = 0;
  while (common < down.length && common < up.length && down[common] === up[common]) common++;
  if (common === down.length || common === up.length) return [];  // inside one closed block
  const parts = [], parent = (chain, at) => (at ? idOf(chain[at - 1]) : -1);
  for (let at = down.length - 1; at > common; at--) {
    parts.push(link(blocks, parent(down, at), down[at], `out${tail.id}`, tail.id, 0));
  }
  parts.push(link(blocks, parent(down, common), down[common], up[common], tail.id, edge.port));
  for (let at = common + 1; at < up.length; at++) {
    parts.push(link(blocks, parent(up, at), `in${tail.id}`, up[at], tail.id, edge.port));
  }
  return [{ edge, parts }];
}

function link(blocks, id, from, to, signal, port) {
  const block = blockOf(blocks, id);
  const key = `${signal} ${from} ${to}${isNodeKey(to) ? ` ${port}` : ""}`;
  let at = block.keys.get(key);
  if (at === undefined) {
    at = block.links.length;
    block.keys.set(key, at);
    block.links.push({ from, to, signal, port });
  }
  return { block, at };
}

/** Lay out a block, those inside it first: their pins decide where links enter and leave. */
function layOutBlock(graph, blocks, block, measure) {
  const items = [], index = new Map();
  const add = (key, item) => { index.set(key, items.length); items.push({ ...item, key }); };
  const ordered = [...block.items.values()].sort((a, b) => a.first - b.first);
  for (const { key } of ordered) add(key, itemOf(graph, blocks, key, measure));
  for (const { from, to } of block.links) {
    const pin = { left: 2, right: 2, height: 0 };
    if (from.startsWith("in") && !index.has(from)) add(from, { ...pin, pin: "top" });
    if (to.startsWith("out") && !index.has(to)) add(to, { ...pin, pin: "bottom" });
  }
  const ports = closedPorts(block.links, items, index);
  const level = layOutLevel(items, block.links.map((each) => ({
    from: index.get(each.from),
    to: index.get(each.to),
    out: items[index.get(each.from)].exits?.get(each.signal) ?? 0,
    into: enter(each, items[index.get(each.to)], ports),
    signal: each.signal,
    light: isNodeKey(each.from) && graph.nodes.get(idOf(each.from)).given,
  })));
  Object.assign(block, { level, laid: items, index });
  return level;
}

function itemOf(graph, blocks, key, measure) {
  const id = idOf(key), block = isBlockKey(key) ? blocks.get(id) : undefined;
  if (!block) return measure(key);
  const level = layOutBlock(graph, blocks, block, measure);
  const width = Math.max(level.width, measure(key).title) + 2 * FRAME_SIDE;
  const middle = width / 2, side = (width - level.width) / 2;
  const pins = (kind) => new Map(block.laid.flatMap((item, at) => (
    item.pin === kind
      ? [[Number(item.key.replace(/^[a-z]+/, "")), level.places[at].x + side - middle]]
      : []
  )));
  return {
    left: middle, right: middle, height: level.height + FRAME_TOP + FRAME_BOTTOM,
    entries: pins("top"), exits: pins("bottom"), side,
  };
}

/** Where signals enter a closed block: side by side in the order of their first use. */
function closedPorts(links, items, index) {
  const signals = new Map();
  for (const { to, signal } of links) {
    if (!isBlockKey(to) || items[index.get(to)].entries) continue;
    if (!signals.has(to)) signals.set(to, []);
    if (!signals.get(to).includes(signal)) signals.get(to).push(signal);
  }
  return signals;
}

function enter(link, item, ports) {
  if (item.pin) return 0;
  if (item.entries) return item.entries.get(link.signal) ?? 0;
  const signals = ports.get(link.to);
  return signals ? spread(signals.indexOf(link.signal), signals.length, item.box)
    : spread(link.port, item.ports, item.box);
}

/** The offset of one of `count` ports along the upper edge of a box. */
function spread(at, count, width) {
  return (at - (count - 1) / 2) * Math.min(15, (width - 8) / Math.max(count, 1));
}

/** Move a block's boxes and routes to where the whole drawing has them. */
function settleBlock(drawing, blocks, id, x, y) {
  const block = blocks.get(id);
  if (!block) return;
  const { level, laid } = block;
  laid.forEach((item, at) => {
    const place = level.places[at];
    if (item.pin) return;
    const middle = x + place.x, top = y + place.top;
    if (!item.entries) {
      drawing.boxes.set(item.key, { ...item, x: middle, top, bottom: y + place.bottom });
      return;
    }
    const group = idOf(item.key), left = middle - item.left;
    drawing.frames.push({ group, left, top, width: 2 * item.left, height: item.height });
    settleBlock(drawing, blocks, group, left + item.side, top + FRAME_TOP);
  });
  const first = drawing.arcs.length;
  for (const arc of level.arcs) drawing.arcs.push(arc.map(([px, py]) => [x + px, y + py]));
  block.absolute = level.routes.map((route) => route.map((at) => first + at));
  if (id >= 0) lengthenPins(drawing, block, first);
}

/** Lead what enters or leaves an open block through its frame's title and margin. */
function lengthenPins(drawing, block, first) {
  block.links.forEach((each, at) => {
    const route = block.level.routes[at];
    if (each.from.startsWith("in")) reach(drawing.arcs[first + route[0]], 0, -FRAME_TOP);
    if (each.to.startsWith("out")) {
      reach(drawing.arcs[first + route[route.length - 1]], 3, FRAME_BOTTOM);
    }
  });
}

function reach(arc, end, by) {
  if (arc.lengthened?.includes(end)) return;
  arc.lengthened = [...(arc.lengthened ?? []), end];
  arc[end] = [arc[end][0], arc[end][1] + by];
}
