// What every page of ours shares: elements made from text that stays text, the theme, the panels,
// and a voice for screen readers. Nothing here or elsewhere parses markup.

const SVG = "http://www.w3.org/2000/svg";
const THEMES = ["auto", "light", "dark"];

function byId(id) {
  return document.getElementById(id);
}

/** The page's data, which the page carries as text that is never run. */
function readData() {
  return JSON.parse(byId("data").textContent);
}

/** An element with attributes; children are elements or text. */
function make(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function draw(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name === "onclick") element.addEventListener("click", value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined && value !== null) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Let a screen reader say a sentence; the same one twice is said twice. */
function announce(text) {
  const voice = byId("voice");
  voice.textContent = voice.textContent === text ? `${text}\u00a0` : text;
}

function remembered(key) {
  try {
    return localStorage.getItem(`graphdsl.${key}`);
  } catch {
    return null;  // a browser may keep nothing for files
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(`graphdsl.${key}`, value);
  } catch {
    // then it lasts as long as the page
  }
}

function setTheme(name) {
  const theme = THEMES.includes(name) ? name : "auto";
  document.documentElement.dataset.theme = theme;
  byId("theme").querySelector("span").textContent = theme;
  byId("theme").setAttribute("aria-label", `Theme: ${theme}. Change`);
  remember("theme", theme);
}

function nextTheme() {
  const at = THEMES.indexOf(document.documentElement.dataset.theme);
  setTheme(THEMES[(at + 1) % THEMES.length]);
  announce(`Theme ${document.documentElement.dataset.theme}`);
}

function startShell() {
  setTheme(remembered("theme") ?? "auto");
  byId("theme").addEventListener("click", nextTheme);
  byId("help-button").addEventListener("click", () => byId("help").showModal());
  byId("help").addEventListener("click", (event) => {
    if (event.target === byId("help")) byId("help").close();  // beside the panel
  });
}
