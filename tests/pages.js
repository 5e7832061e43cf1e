// What tests/test_pages.py measures inside a page. Evaluated in each page, it defines one object.
window.measure = {
  axe: async (options) => {
    const {violations} = await axe.run(document, {resultTypes: ["violations"], preload: false, ...options});
    return violations.flatMap(({id, nodes}) => nodes.map((node) => [id, node.target.join(" "), node.failureSummary]));
  },

  openSolutions: () => document
    .querySelectorAll(".toggle-hidden > .toggle-button, details:not([open]) > summary")
    .forEach((bar) => bar.click()),

  // formulas and the colours of code are thousands of alike elements; axe sees those of one chapter
  simplify: () => {
    document.querySelectorAll(".bd-article .highlight pre").forEach((pre) => (pre.textContent = pre.textContent));
    document.querySelectorAll("mjx-container").forEach((formula) => formula.replaceWith("x"));
  },

  // the beginnings of what is wider than its box
  tooWide: (selector) => [...document.querySelectorAll(selector)]
    .filter((box) => box.scrollWidth > box.clientWidth + 1)
    .map((box) => box.textContent.trim().slice(0, 80)),

  cutOnPaper: () => [...document.querySelectorAll(".bd-article :is(pre, table, img, div.math)")]
    .filter((box) => box.clientWidth > 0 && box.scrollWidth > box.clientWidth + 1
      || box.getBoundingClientRect().right > innerWidth + 1)
    .map((box) => (box.textContent || box.src).trim().slice(0, 80)),

  // signs in a font that no page loads; a reader sees an empty box
  emptyBoxes: () => [...document.querySelectorAll("body *")].flatMap((element) => ["::before", "::after"]
    .map((part) => getComputedStyle(element, part))
    .filter(({content, fontFamily, display}) => display !== "none" && !["none", "normal"].includes(content)
      && /Font ?Awesome/.test(fontFamily))
    .map(({content}) => `${element.tagName}.${element.className}: ${content}`)),

  scrollsSideways: () => document.documentElement.scrollWidth > innerWidth,

  // formulas whose mark could begin the next line
  marksAlone: () => [...document.querySelectorAll(".bd-article span.math")].filter((formula) =>
    /^[.,;:!?)\]’”，。；：、！？）]/.test(formula.nextSibling?.data || "")
    && !formula.closest(".together")).length,

  stopsInFormulas: () => document.querySelectorAll('mjx-container[tabindex="0"]').length,

  pictures: () => [...document.querySelectorAll(".cell_output img")].map((img) => ({
    source: img.getAttribute("src"),
    shown: img.clientWidth,
    stored: img.naturalWidth,
    number: img.closest("figure")?.querySelector(".caption-number")?.textContent || "",
    caption: img.closest("figure")?.querySelector(".caption-text")?.textContent || "",
  })),

  // where the keyboard is, and whether its place can be seen
  focus: () => {
    const element = document.activeElement, style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    return {
      name: `${element.tagName}.${element.className} ${element.textContent.trim().slice(0, 40)}`,
      end: element === document.body,
      inFormula: !!element.closest("mjx-container"),
      inHead: !!element.closest(".bd-header-article"),
      seen: (outlined || style.boxShadow !== "none") && box.width > 0 && box.height > 0,
    };
  },
};
