// What an element shows as an SVG of its own: shapes, text and pictures where they stand, the
// computed style of each written into it. It needs no style sheet, no font and no network.
(root) => {
  const NAMESPACE = "http://www.w3.org/2000/svg";
  const MARGIN = 16;
  // Of the drawings inside; a child inherits all of them but the opacity.
  const STYLE = [
    "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray",
    "stroke-linejoin", "paint-order", "font-family", "font-size", "font-weight", "text-anchor",
    "letter-spacing", "dominant-baseline",
  ]; // prettier-ignore
  const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const family = getComputedStyle(root).fontFamily;
  const edges = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };

  const extend = (box) => {
    for (const side of ["left", "top"]) edges[side] = Math.min(edges[side], box[side]);
    for (const side of ["right", "bottom"]) edges[side] = Math.max(edges[side], box[side]);
  };
  const make = (name, attributes = {}) => {
    const shape = document.createElementNS(NAMESPACE, name);
    for (const [key, value] of Object.entries(attributes)) {
      const short = typeof value === "number" ? Math.round(100 * value) / 100 : value;
      shape.setAttribute(key, short);
    }
    return shape;
  };

  // Any CSS colour as [rgb(…), alpha]: other programs know no color-mix().
  const paint = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data;
    return [`rgb(${red},${green},${blue})`, alpha / 255];
  };
  const painted = (property, colour) => {
    const [rgb, alpha] = paint(colour);
    return { [property]: rgb, ...(alpha < 1 && { [`${property}-opacity`]: alpha }) };
  };
  const seen = (colour) => paint(colour)[1] > 0;

  // A drawing inside, with its style written into its shapes.
  const drawing = (svg) => {
    const copy = svg.cloneNode(true);
    const shapes = [svg, ...svg.querySelectorAll("*")];
    const copies = [copy, ...copy.querySelectorAll("*")];
    shapes.forEach((shape, i) => {
      const style = getComputedStyle(shape);
      if (style.display === "none") return copies[i].remove();
      const above = i ? getComputedStyle(shape.parentElement) : {};
      for (const property of STYLE) {
        const value = style.getPropertyValue(property);
        if (i && value === above.getPropertyValue(property)) continue;
        const colour = ["fill", "stroke"].includes(property) && value !== "none";
        const written = colour ? painted(property, value) : { [property]: value };
        for (const [key, text] of Object.entries(written)) copies[i].setAttribute(key, text);
      }
      if (style.opacity !== "1") copies[i].setAttribute("opacity", style.opacity);
      for (const name of ["class", "style"]) copies[i].removeAttribute(name);
      if (shape.matches("text")) extend(shape.getBoundingClientRect());
    });
    const box = svg.getBoundingClientRect();
    const place = { x: box.x, y: box.y, width: box.width, height: box.height };
    for (const [key, value] of Object.entries(place)) copy.setAttribute(key, value);
    copy.setAttribute("overflow", "visible");
    extend(box);
    return copy;
  };

  // Background and borders of an element. Where the cells of a table stand apart, its rows have
  // no borders, whatever their style says.
  const ground = (style, box) => {
    const row = /^table-(row|\w+-group)/.test(style.display) && style.borderCollapse === "separate";
    const sides = ["Top", "Right", "Bottom", "Left"].map((side) => ({
      width: row ? 0 : parseFloat(style[`border${side}Width`]),
      colour: style[`border${side}Color`],
    }));
    const framed = sides.every(({ width }) => width && width === sides[0].width);
    const inset = /^(.*\)) 0px 0px 0px ([\d.]+)px inset$/.exec(style.boxShadow);
    const line = framed ? sides[0] : inset && { width: parseFloat(inset[2]), colour: inset[1] };
    const radius = style.borderTopLeftRadius;
    const round = parseFloat(radius) * (radius.endsWith("%") ? Math.min(box.width, box.height) / 100 : 1);
    const half = (line?.width ?? 0) / 2;
    const shapes = [];
    if (line || seen(style.backgroundColor)) {
      shapes.push(
        make("rect", {
          x: box.x + half,
          y: box.y + half,
          width: Math.max(0, box.width - 2 * half),
          height: Math.max(0, box.height - 2 * half),
          rx: Math.min(round, box.width / 2, box.height / 2),
          ...(seen(style.backgroundColor) ? painted("fill", style.backgroundColor) : { fill: "none" }),
          ...(line && { "stroke-width": line.width, ...painted("stroke", line.colour) }),
        }),
      );
    }
    if (!framed) {
      const { left, right, top, bottom } = box;
      const ends = [
        [left, top, right, top],
        [right, top, right, bottom],
        [left, bottom, right, bottom],
        [left, top, left, bottom],
      ];
      sides.forEach(({ width, colour }, i) => {
        if (!width || !seen(colour)) return;
        const [x1, y1, x2, y2] = ends[i];
        shapes.push(make("line", { x1, y1, x2, y2, "stroke-width": width, ...painted("stroke", colour) }));
      });
    }
    return shapes;
  };

  // A picture as PNG, which every program knows; as it is while it is not decoded.
  const png = (image) => {
    if (!image.complete || !image.naturalWidth) return image.src;
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL("image/png");
  };

  // The lines of a text as they are broken on the page; nothing beyond `end`, where it is cut off.
  const lines = (text, end) => {
    const range = document.createRange();
    const found = [];
    for (const { index, segment } of new Intl.Segmenter().segment(text.data)) {
      range.setStart(text, index);
      range.setEnd(text, index + segment.length);
      const box = range.getBoundingClientRect();
      if (!box.width) continue;
      let line = found.at(-1);
      if (!line || Math.abs(line.box.top - box.top) > box.height / 2) {
        if (!segment.trim()) continue; // an SVG begins no line with a space
        line = { box, words: "" };
        found.push(line);
      }
      if (line.cut) continue;
      line.cut = box.right > end + 0.5;
      line.words += line.cut ? "…" : segment;
      if (!line.cut) extend(box);
    }
    return found;
  };
  const written = (text, style, end) => {
    pen.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const { fontBoundingBoxAscent: up, fontBoundingBoxDescent: down } = pen.measureText("x");
    return lines(text, end).map(({ box, words }) => {
      const line = make("text", {
        x: box.left,
        y: box.top + (box.height - up - down) / 2 + up,
        ...(style.fontFamily !== family && { "font-family": style.fontFamily }),
        "font-size": style.fontSize,
        "font-weight": style.fontWeight,
        ...(style.letterSpacing !== "normal" && { "letter-spacing": style.letterSpacing }),
        ...painted("fill", style.color),
      });
      line.textContent = words.trimEnd();
      return line;
    });
  };

  const draw = (element, into, end) => {
    const style = getComputedStyle(element);
    if (element.matches(".take") || !element.checkVisibility({ visibilityProperty: true })) return;
    if (element.matches("svg")) return into.append(drawing(element));
    const box = element.getBoundingClientRect();
    const group = style.opacity === "1" ? into : make("g", { opacity: style.opacity });
    if (group !== into) into.append(group);
    const shapes = ground(style, box);
    group.append(...shapes);
    if (shapes.length) extend(box);
    if (element.matches("img")) {
      const { x, y, width, height } = box;
      const sharp = style.imageRendering === "auto" ? {} : { "image-rendering": style.imageRendering };
      const place = { x, y, width, height, preserveAspectRatio: "none", ...sharp };
      group.append(make("image", { ...place, href: png(element) }));
      return extend(box);
    }
    if (style.textOverflow === "ellipsis") end = Math.min(end, box.right);
    for (const node of element.childNodes) {
      if (node.nodeType === Node.ELEMENT_NODE) draw(node, group, end);
      else if (node.nodeType === Node.TEXT_NODE) group.append(...written(node, style, end));
    }
  };

  const picture = make("svg");
  draw(root, picture, Infinity);
  const x = Math.floor(edges.left - MARGIN);
  const y = Math.floor(edges.top - MARGIN);
  const width = Math.ceil(edges.right + MARGIN - x);
  const height = Math.ceil(edges.bottom + MARGIN - y);
  const frame = { width, height, viewBox: [x, y, width, height].join(" "), "font-family": family };
  for (const [key, value] of Object.entries(frame)) picture.setAttribute(key, value);
  picture.prepend(make("rect", { x, y, width, height, fill: "#ffffff" }));
  return { width, height, text: new XMLSerializer().serializeToString(picture) };
}
