/* Receptive field: choose a score of the discriminator's map, and see the pixels behind it. */

(function () {
  "use strict";
  const { say, element, shape, labelled } = Widgets;
  const SIDE = 128, KERNEL = 4, PADDING = 1;

  // n strided layers and two of stride 1. Walking from the picture to the score, one step in a map
  // is `jump` pixels, the first score sees pixels from `start` on, and each sees `field` of them.
  function walk(nLayers) {
    const strides = [...Array(nLayers).fill(2), 1, 1], fields = [1];
    let size = SIDE, field = 1, jump = 1, start = 0;
    for (const stride of strides) {
      field += (KERNEL - 1) * jump;
      start -= PADDING * jump;
      jump *= stride;
      size = Math.floor((size + 2 * PADDING - KERNEL) / stride) + 1;
      fields.push(field);
    }
    return { fields, field, start, jump, size };
  }

  // blue above 0.5, red below: what D takes for real and for made
  function colour(score) {
    const far = Math.min(1, Math.abs(score - 0.5));
    const end = score > 0.5 ? "#2166ac" : "#b2182b";
    return `color-mix(in srgb, ${end} ${Math.round(100 * far)}%, #f7f7f7)`;
  }

  Widgets.define("receptive_field", (place) => {
    const slider = () => element("input", { type: "range", min: 0, max: 13, value: 6 });
    const row = slider(), column = slider();
    const layers = element("select", {}, ...[1, 2, 3, 4, 5].map((value) => (
      element("option", { value, selected: value === 3 }, String(value)))));
    const status = element("p", { role: "status", className: "widget-status" });
    const walked = element("p", { className: "widget-status" });
    const drawings = element("div", { className: "widget-pair" });
    const { source, map } = window.cycleganPatch;

    function drawPicture({ field, start, jump }, i, j) {
      const frame = { x: start + j * jump, y: start + i * jump, width: field, height: field };
      const drawing = shape("svg", { viewBox: "-48 -48 224 224", role: "img", class: "widget-map" },
        shape("image", { href: source, width: SIDE, height: SIDE }),
        shape("rect", { ...frame, class: "widget-frame" }));
      drawing.setAttribute("aria-label", say("receptive_field.picture"));
      return drawing;
    }

    function drawMap(nLayers, { size }, i, j) {
      const known = nLayers === 3 && map;
      const viewBox = `0 0 ${size} ${size}`;
      const drawing = shape("svg", { viewBox, role: "img", class: "widget-map" });
      drawing.setAttribute("aria-label", say("receptive_field.map", { size }));
      for (let k = 0; k < size * size; k++) {
        const y = Math.floor(k / size), x = k % size, chosen = y === i && x === j;
        const cell = shape("rect", { x: x + 0.06, y: y + 0.06, width: 0.88, height: 0.88,
          class: chosen ? "widget-cell chosen" : "widget-cell" });
        if (known) cell.style.fill = colour(map[y][x]);
        cell.onclick = () => { [row.value, column.value] = [y, x]; draw(); };
        drawing.append(cell);
      }
      return drawing;
    }

    function draw() {
      const nLayers = Number(layers.value), way = walk(nLayers);
      row.max = column.max = way.size - 1;
      const i = Number(row.value), j = Number(column.value);
      const first = (k) => way.start + k * way.jump;
      drawings.replaceChildren(drawPicture(way, i, j), drawMap(nLayers, way, i, j));
      status.textContent = say("receptive_field.status", { row: i, column: j, size: way.size,
        top: first(i), bottom: first(i) + way.field - 1, left: first(j),
        right: first(j) + way.field - 1, field: way.field });
      const known = nLayers === 3 && map; // the trained discriminator has 3
      walked.textContent = say("receptive_field.walk", { fields: way.fields.join(" → ") })
        + (known ? ` ${say("receptive_field.trained", { score: map[i][j].toFixed(2) })}` : "");
    }

    layers.onchange = () => {
      const middle = (walk(Number(layers.value)).size - 1) >> 1;
      draw(); // first the new ends of the sliders
      row.value = column.value = middle;
      draw();
    };
    row.oninput = column.oninput = draw;
    place.append(
      element("div", { className: "widget-controls" }, labelled("n_layers", layers),
        labelled(say("receptive_field.row"), row), labelled(say("receptive_field.column"), column)),
      drawings, status, walked);
    draw();
  });
})();
