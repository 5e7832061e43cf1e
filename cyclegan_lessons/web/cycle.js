/* Cycle: five rounds of G and F, with noise on each translation if the reader wants some. */

(function () {
  "use strict";
  const { say, element, labelled, translate, show, shrink, difference } = Widgets;
  const ROUNDS = 5;

  // Normal noise (Box and Muller 1958) of `levels` of 255 on each colour of a picture.
  function addNoise(picture, levels) {
    const data = picture.data.map((value, i) => {
      if (i % 4 === 3 || !levels) return value;
      const normal = (
        Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random()));
      return Math.max(0, Math.min(255, Math.round(value + levels * normal)));
    });
    return { ...picture, data, width: picture.width, height: picture.height };
  }

  Widgets.define("cycle", (place) => {
    const scene = element("select", {}, ...[1, 2, 3, 4, 5, 6].map((number) => (
      element("option", { value: number - 1 }, say("translate.scene.x", { number })))));
    const noise = element("input", { type: "range", min: 0, max: 64, value: 0 });
    const go = element("button", { type: "button", className: "widget-button" }, say("cycle.go"));
    const status = element("p", { role: "status", className: "widget-status" });
    const pictures = element("div", { className: "widget-pictures" });
    const bar = element("progress", { max: 1, value: 0, "aria-label": say("translate.progress") });
    let job = null;

    function add(picture, name) {
      const canvas = element("canvas", { role: "img" });
      canvas.setAttribute("aria-label", say("translate.canvas", { name }));
      show(canvas, picture);
      pictures.append(element("figure", {}, canvas, element("figcaption", {}, name)));
    }

    async function pass(network, picture, done) {
      job = translate(network, picture, (part) => { bar.value = (done + part) / (2 * ROUNDS); });
      return job.result;
    }

    async function run() {
      job?.stop();
      const image = new Image();
      image.src = window.cycleganScenes[Number(scene.value)].source;
      await image.decode();
      const x = shrink(image, window.cycleganModel.image_size), levels = Number(noise.value);
      let y = null, returned = x;
      pictures.replaceChildren();
      add(x, "x");
      for (let round = 0; round < ROUNDS; round++) {
        y = addNoise(await pass("G", returned, 2 * round), levels);
        if (!round) add(y, levels ? say("cycle.noisy", { levels }) : "G(x)");
        returned = await pass("F", y, 2 * round + 1);
        const words = { round: round + 1, error: difference(returned, x).toFixed(3) };
        add(returned, say("cycle.round", words));
        status.textContent = say("cycle.status", words);
      }
    }

    const start = () => run().catch((error) => { status.textContent = error.message; });
    go.onclick = scene.onchange = noise.onchange = start;
    place.append(
      element("div", { className: "widget-controls" }, labelled(say("cycle.scene"), scene),
        labelled(say("cycle.noise"), noise), go),
      pictures, bar, status);
  }, ["cyclegan.js", "model.js", "scenes.js"]);
})();
