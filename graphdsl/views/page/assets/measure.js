// How large boxes are, and what stands beside them: text is measured as the browser sets it.

const BOX_HEIGHT = 32;
const BLOCK_HEIGHT = 46;
const LEAST_WIDTH = 38;
const NAME_GAP = 11;
const LONGEST_NAME = 26;
const LONGEST_LABEL = 36;
const FONT = '"DejaVu Sans", Verdana, "Segoe UI", system-ui, sans-serif';
const FONTS = { fn: `13px ${FONT}`, name: `600 13px ${FONT}`, number: `11.5px ${FONT}` };

const widths = new Map();
let ruler = null;

function widthOf(text, font) {
  const key = `${font} ${text}`;
  let width = widths.get(key);
  if (width === undefined) {
    ruler ??= document.createElement("canvas").getContext("2d");
    ruler.font = FONTS[font];
    width = Math.ceil(ruler.measureText(text).width);
    widths.set(key, width);
  }
  return width;
}

/** A long name's end says most: `…attention.scores`. */
function clipName(name) {
  return name.length > LONGEST_NAME ? `…${name.slice(1 - LONGEST_NAME)}` : name;
}

/** A long function's beginning: the panel has all of it. */
function clipLabel(label) {
  return label.length > LONGEST_LABEL ? `${label.slice(0, LONGEST_LABEL - 1)}…` : label;
}

/** What is written on and beside the box of a node or of a closed block. */
function wordsOf(graph, key) {
  const id = idOf(key);
  if (isNodeKey(key)) {
    const node = graph.nodes.get(id);
    return { node, role: node.role, inside: clipLabel(node.label), ...besides(node) };
  }
  const group = graph.groups.get(id), exit = group.exits.length === 1 ? group.exits[0] : null;
  return {
    group, role: "block", inside: clipLabel(group.label), below: countText(group),
    ...(exit ? besides(exit) : { name: "", value: "", cotangent: "" }), node: exit,
  };
}

function besides(node) {
  return {
    name: clipName(node.name ?? node.alias ?? ""), made: !node.name,
    value: node.value ? node.value.short : "",
    cotangent: node.cotangent ? `∂ ${node.cotangent.short}` : "",
  };
}

function countText(group) {
  const nodes = `${group.count.toLocaleString("en")} node${group.count === 1 ? "" : "s"}`;
  return group.kind === "repeat" ? `${group.groups.length} turns · ${nodes}` : nodes;
}

/** The measures that the layout asks for: room on both sides of the middle of the box. */
function measureBox(graph, key) {
  const words = wordsOf(graph, key), isBlock = words.role === "block";
  const below = words.below ? widthOf(words.below, "number") : 0;
  const text = Math.max(widthOf(words.inside, "fn"), below);
  const padding = isBlock ? 44 : words.role === "op" ? 18 : 26;
  const ports = isBlock ? 1 : words.node.operands.length;
  const box = Math.max(LEAST_WIDTH, text + padding, 12 * ports + 8);
  const name = words.name ? widthOf(words.name, "name") + NAME_GAP : 0;
  const beside = Math.max(widthOf(words.value, "number"), widthOf(words.cotangent, "number"));
  return {
    box, ports, height: isBlock ? BLOCK_HEIGHT : BOX_HEIGHT,
    left: box / 2 + name, right: box / 2 + (beside ? beside + NAME_GAP : 0),
    title: isBlock ? widthOf(`${words.inside} · ${words.below}`, "number") + 34 : 0,
  };
}
