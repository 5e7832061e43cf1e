/* Losses: drag a score and see both adversarial losses, and how strongly each pulls. */

(function () {
  "use strict";
  const { say, element, shape, labelled, plot } = Widgets;
  const sigmoid = (s) => 1 / (1 + Math.exp(-s));
  const softplus = (s) => Math.max(s, 0) + Math.log1p(Math.exp(-Math.abs(s)));
  // value and slope of adversarial_loss(s, is_real, kind)
  const LOSSES = {
    lsgan: (s, real) => [(s - real) ** 2, 2 * (s - real)],
    log: (s, real) => (real ? [softplus(-s), sigmoid(s) - 1] : [softplus(s), sigmoid(s)]),
  };

  Widgets.define("losses", (place) => {
    const score = element("input", { type: "range", min: -4, max: 6, step: 0.1, value: -1 });
    const target = element("select", {}, ...[1, 0].map((value) => (
      element("option", { value }, say(`losses.target.${value}`)))));
    const drawings = element("div", { className: "widget-plots" });
    const status = element("p", { role: "status", className: "widget-status" });
    const xs = Array.from({ length: 101 }, (_, i) => -4 + i / 10);

    function draw() {
      const s = Number(score.value), real = Number(target.value);
      drawings.replaceChildren();
      const words = { score: s.toFixed(1) };
      Object.entries(LOSSES).forEach(([kind, loss], i) => {
        const values = xs.map((x) => loss(x, real)[0]);
        const name = say(`losses.${kind}`);
        const { drawing, toX, toY } = plot(name, xs, { "": values }, [0, kind === "log" ? 6 : 36]);
        const [value, slope] = loss(s, real);
        const [left, right] = [-1, 1].map((step) => [toX(s + step), toY(value + step * slope)]);
        drawing.append(
          shape("polyline", { points: `${left} ${right}`, class: "widget-tangent" }),
          shape("circle", { cx: toX(s), cy: toY(value), r: 4, class: "widget-dot" }));
        drawings.append(drawing);
        words[`${kind}Value`] = value.toFixed(3);
        words[`${kind}Slope`] = slope.toFixed(3);
      });
      status.textContent = say("losses.status", words);
    }

    score.oninput = target.onchange = draw;
    place.append(
      element("div", { className: "widget-controls" },
        labelled(say("losses.target"), target), labelled(say("losses.score"), score)),
      drawings, status);
    draw();
  });
})();
