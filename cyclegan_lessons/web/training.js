/* Watch it train: one slider moves through the losses and the samples of a stored training run. */

(function () {
  "use strict";
  const { say, element, shape, labelled, plot } = Widgets;

  Widgets.define("training", (place) => {
    const { steps, curves, samples, rows } = window.cycleganHistory;
    const slider = element("input", { type: "range", min: 0, max: samples.length - 1, value: 0 });
    const picture = element("img", { alt: "", className: "widget-sample" });
    const caption = element("figcaption", {}, say("training.rows", { rows: rows.join(", ") }));
    const status = element("p", { role: "status", className: "widget-status" });
    const plots = Object.entries(curves).map(([title, lines]) => {
      const largest = Math.max(...Object.values(lines).flat());
      const ends = [0, Number(largest.toPrecision(2))];
      const made = plot(say(`training.${title}`), steps, lines, ends);
      const mark = shape("line", { y1: 20, y2: 132, class: "widget-mark" });
      made.drawing.append(mark);
      return { ...made, mark, lines };
    });

    // the values at the last stored point that is not after `step`
    function valuesAt(lines, step) {
      const i = Math.max(0, steps.findLastIndex((known) => known <= step));
      return Object.entries(lines).map(([name, values]) => `${name} ${values[i].toFixed(3)}`);
    }

    function draw() {
      const { step, source } = samples[Number(slider.value)];
      picture.src = source;
      picture.alt = say("training.sample", { step });
      for (const { mark, toX } of plots) {
        const x = toX(Math.min(Math.max(step, steps[0]), steps.at(-1)));
        mark.setAttribute("x1", x);
        mark.setAttribute("x2", x);
      }
      const values = plots.flatMap(({ lines }) => valuesAt(lines, step)).join(", ");
      slider.setAttribute("aria-valuetext", say("training.step", { step }));
      status.textContent = say("training.status", { step, values });
    }

    slider.oninput = draw;
    place.append(
      labelled(say("training.slider"), slider),
      element("div", { className: "widget-pair" }, element("figure", {}, picture, caption),
        element("div", { className: "widget-plots" }, ...plots.map(({ drawing }) => drawing))),
      status);
    draw();
  }, ["history.js"]);
})();
