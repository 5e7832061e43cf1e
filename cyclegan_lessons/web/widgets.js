/* What the book's small programs share. A page holds places like
     <div class="widget" data-widget="losses"> … what is shown without JavaScript … </div>
   and a program for each of them calls Widgets.define("losses", make). make(place) fills the
   place; what was there is hidden. */

window.Widgets = (function () {
  "use strict";
  const own = document.currentScript.src; // empty in a page that holds all its scripts
  const folder = own.slice(0, own.lastIndexOf("/") + 1);
  const loaded = {};

  // The text called `name`, with {…} replaced by the given values; all texts are in words.json.
  function say(name, values = {}) {
    const text = window.cycleganWords[name] ?? name;
    return text.replace(/\{(\w+)\}/g, (_, key) => values[key]);
  }

  // element("button", { type: "button", onclick: f }, "text or elements") makes an element.
  function element(tag, properties = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name in made && !name.includes("-")) made[name] = value;
      else made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }

  // The same for a drawing.
  function shape(tag, attributes = {}, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  // A control with a visible name.
  function labelled(name, control) {
    return element("label", { className: "widget-control" }, element("span", {}, name), control);
  }

  // Run a script of the folder once. A page opened from a disk may load neighbours in no other way.
  function load(script) {
    loaded[script] ??= new Promise((resolve, reject) => {
      const failed = () => {
        delete loaded[script];
        reject(new Error(say("load.failed", { file: script })));
      };
      document.head.append(
        element("script", { src: folder + script, onload: resolve, onerror: failed }));
    });
    return loaded[script];
  }

  // Run generator "G" or "F" on a picture in a worker, so that the page stays awake. Returns
  // {result, stop}: a promise of the translated picture, and a function that gives it up.
  function translate(name, picture, progress = () => {}) {
    const model = window.cycleganModel;
    const program = `const { makeLayers, decodeWeights, translate } = (${window.cyclegan})();
      onmessage = ({ data: { picture, weights, model } }) => postMessage({ picture: translate(
        picture, makeLayers(decodeWeights(weights), model), (part) => postMessage({ part })) });`;
    const address = URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
    const worker = new Worker(address);
    const stop = () => { worker.terminate(); URL.revokeObjectURL(address); };
    const result = new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => {
        if (data.picture) { stop(); resolve(data.picture); } else progress(data.part);
      };
      worker.onerror = (error) => { stop(); reject(new Error(say("worker.failed", error))); };
    });
    const { base_channels, n_layers, detail } = model;
    worker.postMessage(
      { picture, weights: model[name], model: { base_channels, n_layers, detail } });
    return { result, stop };
  }

  // Show a picture {width, height, data} on a canvas.
  function show(canvas, picture) {
    Object.assign(canvas, { width: picture.width, height: picture.height });
    canvas.getContext("2d").putImageData(
      new ImageData(picture.data, picture.width, picture.height), 0, 0);
  }

  // Mean absolute difference of two pictures of one size, from 0 to 1.
  function difference(a, b) {
    let sum = 0;
    for (let i = 0; i < a.data.length; i++) sum += Math.abs(a.data[i] - b.data[i]);
    return sum / (a.width * a.height * 3) / 255; // the fourth byte is 255 in both
  }

  // Draw an image, canvas or video into {width, height, data} with a longest side of at most
  // `side` pixels, on white where it is transparent. By halves: one large step skips pixels.
  function shrink(source, side) {
    let width = source.naturalWidth || source.width, height = source.naturalHeight || source.height;
    const scale = Math.min(1, side / Math.max(width, height));
    const end = [width, height].map((size) => Math.max(1, Math.round(size * scale)));
    do {
      width = Math.max(end[0], Math.ceil(width / 2));
      height = Math.max(end[1], Math.ceil(height / 2));
      if (scale === 1) [width, height] = end;
      const canvas = element("canvas", { width, height });
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.fillStyle = "white";
      context.fillRect(0, 0, width, height);
      context.imageSmoothingQuality = "high";
      context.drawImage(source, 0, 0, width, height);
      source = canvas;
    } while (width > end[0] || height > end[1]);
    return source.getContext("2d").getImageData(0, 0, width, height);
  }

  // Lines over a common x axis: lines is {name: [values]}.
  // Returns the drawing, and the functions that turn values into its coordinates.
  function plot(title, xs, lines, yEnds) {
    const [low, high] = yEnds, width = 300, height = 150;
    const span = xs.at(-1) - xs[0] || 1;
    const toX = (x) => 34 + ((x - xs[0]) / span) * (width - 44);
    const toY = (y) => height - 18 - ((y - low) / (high - low)) * (height - 38);
    const viewBox = `0 0 ${width} ${height}`;
    const drawing = shape("svg", { viewBox, role: "img", class: "widget-plot" });
    drawing.setAttribute("aria-label", title);
    const text = (x, y, words, anchor) => (
      shape("text", { x, y, "text-anchor": anchor, "font-size": 10 }, words));
    drawing.append(
      shape("path", { d: `M34 20V${height - 18}H${width - 10}`, class: "widget-axis" }),
      text(30, 28, String(high), "end"), text(30, height - 18, String(low), "end"),
      text(34, height - 5, String(xs[0]), "middle"),
      text(width - 10, height - 5, String(xs.at(-1)), "end"),
      text(34, 12, title, "start"));
    Object.entries(lines).forEach(([name, values], i) => {
      const side = /^(F|.*_x)$/i.test(name) ? "into-x" : "into-y"; // red apples, orange oranges
      const points = values.map((value, j) => `${toX(xs[j]).toFixed(1)},${toY(value).toFixed(1)}`);
      drawing.append(
        shape("polyline", { points: points.join(" "), class: `widget-line ${side}` }),
        shape("text", { x: width - 10 - 55 * (Object.keys(lines).length - 1 - i), y: 12,
          "text-anchor": "end", "font-size": 10, class: side }, name));
    });
    return { drawing, toX, toY };
  }

  // Give every place called `name` its program. When that needs further `scripts`, a button comes
  // first, so that a page stays light for those who only read.
  function define(name, make, scripts = []) {
    for (const kept of document.querySelectorAll(`[data-widget="${name}"]`)) {
      const place = element("div", { className: "widget-live", role: "group" });
      place.setAttribute("aria-label", say(`${name}.title`));
      kept.before(place);
      const start = () => {
        kept.hidden = true;
        place.replaceChildren();
        make(place);
      };
      if (scripts.length && folder) place.append(...opener(name, scripts, place, start));
      else start();
    }
  }

  function opener(name, scripts, place, start) {
    const button = element("button", { type: "button", className: "widget-button" });
    const refused = element("p", { role: "alert", className: "widget-status" });
    button.textContent = say(`${name}.open`);
    button.onclick = async () => {
      button.disabled = true;
      try {
        for (const script of scripts) await load(script);
        start();
        place.querySelector("button, select, input").focus();
      } catch (error) {
        refused.textContent = error.message;
        button.disabled = false;
      }
    };
    return [button, refused];
  }

  return { say, element, shape, labelled, translate, show, difference, shrink,
    plot, define };
})();
