// CodeMirror's colours are pale on white. Mixed with the ink they can be read in light and dark.
() => {
  const seen = new WeakSet();
  const mend = () => {
    for (const sheet of [...document.styleSheets, ...document.adoptedStyleSheets]) {
      if (seen.has(sheet) && sheet.mended === sheet.cssRules.length) continue;
      let rules;
      try {
        rules = [...sheet.cssRules];
      } catch {
        continue; // of another host
      }
      for (const rule of rules) {
        // The names of CodeMirror's generated classes begin with this letter.
        const colour = /^\.ͼ\w+$/.test(rule.selectorText ?? "") && rule.style.color;
        if (colour && !colour.includes("mix")) {
          rule.style.color = `color-mix(in srgb, ${colour} 45%, var(--ink))`;
        }
      }
      seen.add(sheet);
      sheet.mended = rules.length;
    }
    // Read with the keys, too: it scrolls.
    for (const part of document.querySelectorAll(".cm-scroller")) part.tabIndex = 0;
  };
  new MutationObserver((changes) => {
    const added = changes.flatMap((change) => [...change.addedNodes]);
    if (added.some((node) => node.querySelector?.(".cm-editor") || node.closest?.(".cm-editor"))) mend();
  }).observe(document.body, { childList: true, subtree: true });
  mend();
};
