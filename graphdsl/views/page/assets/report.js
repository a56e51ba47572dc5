// The report's readout: one epoch for all charts, followed by pointer and keyboard.

class Readout {
  constructor(figure, chart) {
    this.figure = figure;
    this.chart = chart;
    this.slider = figure.querySelector("input");
    this.line = figure.querySelector(".cursor line");
    this.values = [...figure.querySelectorAll(".value")];
    this.show(chart.at);
  }

  /** Put the line at a column, and its values into the legend. */
  show(at) {
    const { places, epochs, curves, labels } = this.chart;
    const x = `${100 * places[at]}%`;
    for (const [name, value] of [["x1", x], ["x2", x], ["y1", "0"], ["y2", "100%"]]) {
      this.line.setAttribute(name, value);
    }
    this.at = at;
    this.slider.value = at;
    this.values.forEach((element, number) => { element.textContent = curves[number][at]; });
    this.figure.querySelector(".at").textContent = epochs[at];
    const said = labels.map((label, number) => `${label} ${curves[number][at]}`);
    this.slider.setAttribute("aria-valuetext", `${epochs[at]}: ${said.join(", ")}`);
  }

  /** The column that is nearest to a place between 0, the left end, and 1. */
  nearest(place) {
    const { places } = this.chart;
    let low = 0, high = places.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (places[middle] <= place) low = middle;
      else high = middle;
    }
    return place - places[low] <= places[high] - place ? low : high;
  }

  placeOf(event) {
    const { left, width } = this.slider.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - left) / width));
  }

  listen(onPlace) {
    const frame = this.figure.querySelector(".frame");
    frame.addEventListener("pointermove", (event) => onPlace(this.placeOf(event)));
    frame.addEventListener("pointerdown", (event) => {
      onPlace(this.placeOf(event));
      this.slider.focus({ preventScroll: true });
    });
    this.slider.addEventListener("input", () => onPlace(this.chart.places[this.slider.value]));
  }
}

/** Show a drawing as large as it is, or so that it fits. */
function listenToDrawings() {
  for (const button of document.querySelectorAll(".whole-drawing")) {
    const drawing = button.previousElementSibling, image = drawing.querySelector("img");
    button.hidden = image.naturalWidth <= image.width;
    button.addEventListener("click", () => {
      const whole = drawing.classList.toggle("whole");
      button.setAttribute("aria-pressed", whole);
    });
  }
}

function startReport() {
  const { charts } = readData();
  const readouts = [...document.querySelectorAll(".panel")].map(
    (figure) => new Readout(figure, charts[figure.dataset.chart]),
  );
  const moveAll = (place) => readouts.forEach((each) => {
    const at = each.nearest(place);
    if (at !== each.at) each.show(at);
  });
  readouts.forEach((each) => each.listen(moveAll));
  document.addEventListener("keydown", (event) => {
    const elsewhere = event.ctrlKey || event.metaKey || event.altKey;
    if (elsewhere || byId("help").open) return;
    if (event.key === "t") nextTheme();
    else if (event.key === "?") byId("help").showModal();
  });
  if (document.readyState === "complete") listenToDrawings();
  else addEventListener("load", listenToDrawings);
  performance.mark("ready");
}

startShell();
startReport();
