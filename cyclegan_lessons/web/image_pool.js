/* Image pool: draw one fake after the other, and see how old the fakes are that D is shown. */

(function () {
  "use strict";
  const { say, element, labelled } = Widgets;

  Widgets.define("image_pool", (place) => {
    const size = element("select", {}, ...[0, 1, 5, 10, 20].map((value) => (
      element("option", { value, selected: value === 5 }, String(value)))));
    const slots = element("ol", { className: "widget-slots", start: 0 });
    const status = element("p", { role: "status", className: "widget-status" });
    const ages = element("p", { className: "widget-status" });
    let pool, number, shown;

    // ImagePool._swap of chapter 5, with numbers in the place of pictures
    function query(fake) {
      const capacity = Number(size.value);
      if (pool.length < capacity) {
        pool.push(fake);
        return [fake, "filling"];
      }
      if (capacity === 0 || Math.random() < 0.5) return [fake, "fresh"];
      const place = Math.floor(Math.random() * capacity), old = pool[place];
      pool[place] = fake;
      return [old, "old"];
    }

    function draw(times) {
      let answer = null, why = "";
      for (let i = 0; i < times; i++) {
        [answer, why] = query(number);
        shown.push(number - answer);
        number++;
      }
      const fake = number - 1, age = fake - answer;
      slots.replaceChildren(...pool.map((stored) => element("li",
        { className: stored === fake ? "newest" : "" },
        say("image_pool.slot", { number: stored, age: number - 1 - stored }))));
      status.textContent = say(`image_pool.${times ? why : "empty"}`, { fake, answer, age });
      const old = shown.filter((value) => value > 0), mean = (list) => (
        list.length ? list.reduce((a, b) => a + b) / list.length : 0).toFixed(1);
      ages.textContent = say("image_pool.ages", {
        shown: shown.length, old: old.length, mean: mean(old), size: size.value });
    }

    function restart() {
      [pool, number, shown] = [[], 0, []];
      draw(0);
    }

    const button = (times, name) => element("button",
      { type: "button", className: "widget-button", onclick: () => draw(times) }, say(name));
    size.onchange = restart;
    place.append(
      element("div", { className: "widget-controls" }, labelled(say("image_pool.size"), size),
        button(1, "image_pool.one"), button(10, "image_pool.ten"), button(1000, "image_pool.many")),
      slots, status, ages);
    restart();
  });
})();
