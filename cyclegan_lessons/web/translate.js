/* Translate: a test scene or the reader's own picture x, its translation G(x), and F(G(x)). */

(function () {
  "use strict";
  const { say, element, labelled, translate, show, shrink } = Widgets;
  const LARGEST = 1e8; // pixels of a file; more may be too much for the browser
  const KEPT = 1024; // longest side to which an opened picture is made smaller at once
  const SIZES = [64, 128, 256]; // longest sides that are translated
  const NAMES = { x2y: ["x", "G(x)", "F(G(x))"], y2x: ["y", "F(y)", "G(F(y))"] };
  const NETWORKS = { x2y: ["G", "F"], y2x: ["F", "G"] };

  // The image of a file, or an error whose message says what to do.
  async function openFile(file) {
    const image = new Image();
    const failed = () => new Error(say("translate.noPicture", { file: file.name }));
    if (file.type === "image/svg+xml") throw failed(); // a drawing has no pixels
    await new Promise((resolve, reject) => {
      image.onload = resolve;
      image.onerror = () => reject(failed());
      image.src = URL.createObjectURL(file);
    });
    const { naturalWidth: width, naturalHeight: height } = image;
    if (width * height > LARGEST) {
      throw new Error(say("translate.tooLarge", { file: file.name, width, height }));
    }
    await createImageBitmap(file).catch(() => { throw failed(); }); // refuses a file cut short
    return image;
  }

  function make(place) {
    const scenes = window.cycleganScenes ?? [];
    const canvases = [0, 1, 2].map(() => element("canvas", { width: 64, height: 64, role: "img" }));
    const captions = canvases.map(() => element("figcaption"));
    const status = element("p", { role: "status", className: "widget-status" });
    const bar = element("progress", { max: 1, value: 0, "aria-label": say("translate.progress") });
    const save = element("button", { type: "button", className: "widget-button", disabled: true });
    const direction = element("select", {}, ...["x2y", "y2x"].map((value) => (
      element("option", { value }, say(`translate.${scenes.length ? "" : "own."}${value}`)))));
    const side = window.cycleganModel.image_size;
    const sizes = [...new Set([...SIZES, side])].sort((a, b) => a - b);
    const size = element("select", {}, ...sizes.map((value) => (
      element("option", { value, selected: value === side }, say("translate.pixels", { value })))));
    let picture = null, job = null, result = null;

    async function pass(network, input, from) {
      const progress = (part) => { bar.value = from + part / 2; };
      job = translate(network, input, progress);
      return job.result;
    }

    async function run() {
      job?.stop();
      result = null;
      save.disabled = true;
      captions.forEach((caption, i) => { caption.textContent = NAMES[direction.value][i]; });
      if (!picture) return;
      const names = NAMES[direction.value], networks = NETWORKS[direction.value];
      const images = [shrink(picture, Number(size.value))];
      const { width, height } = images[0];
      place.setAttribute("aria-busy", "true");
      bar.value = 0;
      try {
        for (const i of [0, 1, 2]) {
          if (i) images[i] = await pass(networks[i - 1], images[i - 1], (i - 1) / 2);
          show(canvases[i], images[i]);
          canvases[i].setAttribute("aria-label", say("translate.canvas", { name: names[i] }));
          if (i < 2) {
            status.textContent = say("translate.computing", { name: names[i + 1], width, height });
          }
        }
        status.textContent = say("translate.done", { width, height });
        result = canvases[1];
        save.disabled = false;
      } catch (error) {
        status.textContent = error.message;
      }
      place.setAttribute("aria-busy", "false");
    }

    async function take(file) {
      if (!file) return void (status.textContent = say("translate.noFile"));
      try {
        const image = await openFile(file);
        picture = element("canvas");
        show(picture, shrink(image, KEPT));
        URL.revokeObjectURL(image.src);
        for (const button of thumbs) button.setAttribute("aria-pressed", "false");
        run();
      } catch (error) {
        status.textContent = error.message;
      }
    }

    const thumbs = scenes.map(({ domain, source }, i) => {
      const label = say(`translate.scene.${domain}`, { number: (i % (scenes.length / 2)) + 1 });
      const image = element("img", { src: source, alt: "" });
      const button = element("button", { type: "button", title: label }, image);
      button.setAttribute("aria-label", label);
      button.setAttribute("aria-pressed", "false");
      button.onclick = async () => {
        await image.decode();
        picture = image;
        direction.value = domain === "x" ? "x2y" : "y2x";
        for (const other of thumbs) other.setAttribute("aria-pressed", String(other === button));
        run();
      };
      return button;
    });

    const chooser = (properties) => element("input", {
      type: "file", accept: "image/*", ...properties,
      onchange: (event) => { take(event.target.files[0]); event.target.value = ""; } });
    direction.onchange = size.onchange = run;
    save.textContent = say("translate.save");
    save.onclick = () => result.toBlob((blob) => {
      const href = URL.createObjectURL(blob);
      element("a", { href, download: `${say("translate.fileName")}.png` }).click();
      setTimeout(() => URL.revokeObjectURL(href), 10000);
    });
    place.ondragover = (event) => { event.preventDefault(); place.classList.add("dragged"); };
    place.ondragleave = () => place.classList.remove("dragged");
    place.ondrop = (event) => {
      event.preventDefault();
      place.classList.remove("dragged");
      take(event.dataTransfer.files[0]);
    };
    const photograph = labelled(say("translate.photograph"), chooser({ capture: "environment" }));
    photograph.classList.add("touch-only");
    place.append(
      element("div", { className: "widget-scenes" }, ...thumbs),
      element("div", { className: "widget-controls" },
        labelled(say("translate.choose"), chooser({})), photograph,
        labelled(say("translate.direction"), direction), labelled(say("translate.size"), size)),
      element("div", { className: "widget-pictures three" },
        ...canvases.map((canvas, i) => element("figure", {}, canvas, captions[i]))),
      bar, status, save);
    status.textContent = say(scenes.length ? "translate.hint" : "translate.own.hint");
    run();
  }

  Widgets.define("translate", make, ["cyclegan.js", "model.js", "scenes.js"]);
})();
