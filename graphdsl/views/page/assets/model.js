// The graph of the page's data, with what is looked up all the time: readers, blocks, steps.

const FIRST_BOXES = 45;
const FIRST_TURNS = 6;

function buildGraph(data) {
  const graph = {
    nodes: new Map(data.nodes.map((node) => [node.id, node])),
    groups: new Map(data.groups.map((group) => [group.id, { ...group, groups: [], nodes: [] }])),
    edges: [], trails: new Map(), readers: new Map(), steps: data.steps, data,
  };
  for (const node of data.nodes) {
    node.given = node.operands.length === 0;
    graph.readers.set(node.id, []);
  }
  for (const node of data.nodes) {
    node.operands.forEach((from, port) => {
      graph.edges.push({ from, to: node.id, port });
      if (!graph.readers.get(from).includes(node.id)) graph.readers.get(from).push(node.id);
    });
  }
  nestGroups(graph);
  graph.stepsOf = indexSteps(graph.steps);
  graph.byName = indexNames(graph);
  return graph;
}

/** Each block's way from the outermost one, what is in it, and which of its values leave it. */
function nestGroups(graph) {
  for (const group of graph.groups.values()) {
    const parent = graph.groups.get(group.parent);
    graph.trails.set(group.id, [...(graph.trails.get(group.parent) ?? []), group.id]);
    parent?.groups.push(group);
  }
  for (const node of graph.nodes.values()) graph.groups.get(node.group)?.nodes.push(node);
  for (const group of [...graph.groups.values()].reverse()) {
    group.count = group.nodes.length + group.groups.reduce((sum, one) => sum + one.count, 0);
  }
  for (const group of graph.groups.values()) group.exits = [];
  for (const node of graph.nodes.values()) {
    const readers = graph.readers.get(node.id).map((id) => graph.nodes.get(id));
    for (const id of graph.trails.get(node.group) ?? []) {
      const leaves = (reader) => !(graph.trails.get(reader.group) ?? []).includes(id);
      const ends = readers.length === 0 && !node.given;
      if (ends || readers.some(leaves)) graph.groups.get(id).exits.push(node);
    }
  }
}

/** For every node the positions, counted from 1, at which its value and its cotangent appear. */
function indexSteps(steps) {
  const found = new Map();
  steps.forEach((step, at) => {
    for (const id of [step.node, ...step.inner]) {
      if (!found.has(id)) found.set(id, {});
      found.get(id)[step.sweep] = at + 1;
    }
  });
  return found;
}

function indexNames(graph) {
  const found = new Map();
  for (const node of graph.nodes.values()) {
    for (const name of (node.name ?? node.alias ?? "").split(", ")) {
      if (name && !found.has(name)) found.set(name, node);
    }
  }
  return found;
}

/** The blocks that are shut at first, so that what is seen can be read. */
function closeAtFirst(graph) {
  const closed = new Set(graph.groups.keys());
  let shown = 0;
  for (const node of graph.nodes.values()) shown += node.group < 0;
  const queue = [...graph.groups.values()].filter((group) => group.parent < 0);
  shown += queue.length;
  while (queue.length) {
    const group = queue.shift();
    const more = group.nodes.length + group.groups.length;
    const tiring = group.kind === "repeat" && group.groups.length > FIRST_TURNS;
    if (tiring || shown + more > FIRST_BOXES) continue;
    closed.delete(group.id);
    shown += more;
    queue.push(...group.groups);
  }
  return closed;
}

// What stands in the drawing has a key: `n12` for a node, `b3` for a block.

function idOf(key) {
  return Number(key.slice(1));
}

function isNodeKey(key) {
  return key?.[0] === "n";
}

function isBlockKey(key) {
  return key?.[0] === "b";
}

/** The outermost closed block that holds a node, or the node: a key of the drawing. */
function keyOf(graph, closed, node) {
  const id = (graph.trails.get(node.group) ?? []).find((group) => closed.has(group));
  return id === undefined ? `n${node.id}` : `b${id}`;
}

/** What a node is called where words are: its name, one made for it, or what it computes. */
function titleOf(node) {
  return node.name ?? node.alias ?? clipLabel(node.label);
}
