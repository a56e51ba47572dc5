// The keyboard. Keys that write a letter can be switched off, for those who speak to their machine.

/** What each key does: words for the help, and a function of the page. */
const KEYS = [
  ["Steps", [
    [["→", "n"], "next step", (page) => page.player.next()],
    [["←", "b"], "step back", (page) => page.player.previous()],
    [["Shift →"], "next step inside a closed block", (page) => page.player.next(true)],
    [["Shift ←"], "step back inside a closed block", (page) => page.player.previous(true)],
    [["Home"], "before the first step", (page) => page.player.go(0)],
    [["End"], "behind the last", (page) => page.player.go(page.player.steps.length)],
    [["r"], "where the reverse sweep begins", (page) => page.player.go(page.player.turn)],
    [["Space"], "play, and pause", (page) => page.player.play()],
  ]],
  ["Boxes", [
    [["↑"], "select what it is computed from", (page) => page.walk("operands")],
    [["↓"], "select what uses it", (page) => page.walk("readers")],
    [["["], "select the box before", (page) => page.walkOver(-1)],
    [["]"], "select the box behind", (page) => page.walkOver(1)],
    [["o", "Enter"], "open or close the block", (page) => page.toggleSelected()],
    [["Shift O"], "open or close all blocks", (page) => page.toggleAll()],
    [["Escape"], "select nothing", (page) => page.select(null)],
    [["/"], "find by name", () => byId("search").focus()],
  ]],
  ["View", [
    [["+"], "nearer", (page) => page.camera.zoom(1.25)],
    [["-"], "farther", (page) => page.camera.zoom(0.8)],
    [["0"], "all of it", (page) => page.fit()],
    [["c"], "the step at work in the middle", (page) => page.center()],
    [["w"], "move up", (page) => page.camera.pan(0, 80)],
    [["a"], "move left", (page) => page.camera.pan(80, 0)],
    [["s"], "move down", (page) => page.camera.pan(0, -80)],
    [["d"], "move right", (page) => page.camera.pan(-80, 0)],
    [["t"], "light or dark", () => nextTheme()],
    [["?"], "these keys", () => byId("help").showModal()],
  ]],
];

const NAMES = {
  ArrowRight: "→", ArrowLeft: "←", ArrowUp: "↑", ArrowDown: "↓", " ": "Space", "=": "+",
};

/** A pressed key as the help writes it. */
function nameOf(event) {
  const key = NAMES[event.key] ?? event.key;
  if (event.shiftKey && (key.length > 1 || key === "→" || key === "←")) return `Shift ${key}`;
  return event.shiftKey && /^[A-Z]$/.test(key) ? `Shift ${key}` : key;
}

function listenToKeys(page) {
  const actions = new Map(KEYS.flatMap(([, rows]) => (
    rows.flatMap(([keys, , action]) => keys.map((key) => [key, action]))
  )));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const { target } = event;
    const writes = target.closest("input:not([type=range]):not([type=checkbox])");
    const ranges = target.closest("input[type=range]") && event.key.startsWith("Arrow");
    if (writes || ranges || document.querySelector("dialog[open]")) return;
    const name = nameOf(event);
    if ((name === "Space" || name === "Enter") && target.closest("button, input")) return;
    const isLetter = [...event.key].length === 1 && event.key !== " ";
    const action = actions.get(name);
    if (!action || (isLetter && !byId("letters").checked)) return;
    event.preventDefault();
    action(page);
  });
}

function startHelp() {
  const tables = KEYS.map(([title, rows]) => make("section", {},
    make("h3", {}, title),
    make("dl", { class: "keys" }, ...rows.flatMap(([keys, words]) => [
      make("dt", {}, ...keys.flatMap((key, at) => [at ? " " : null, ...setKeys(key)])),
      make("dd", {}, words),
    ]))));
  byId("keys").replaceChildren(...tables);
  byId("letters").checked = remembered("letters") !== "off";
  byId("letters").addEventListener("change", () => {
    remember("letters", byId("letters").checked ? "on" : "off");
  });
}

function setKeys(key) {
  return key.split(" ").flatMap((part, at) => [at ? " " : null, make("kbd", {}, part)]);
}
