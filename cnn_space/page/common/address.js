// The page's address: address.py says what is in it. This runs whenever an address is opened, at
// first and on Back and Forward, and gives the rows of tabs and the parts their values, in order.
({ rows, parts }) => {
  const AGAIN = 2000; // ms in which one choice takes the place of the last in the history
  const update = (properties) => ({ __type__: "update", ...properties });
  const plain = (value) => JSON.parse(JSON.stringify(value ?? null));
  const key = (value) => value?.path ?? JSON.stringify(value ?? null);

  // How a kind of part is written ("" for what has no name) and read (undefined for nonsense).
  const kinds = {
    choice: {
      text: ({ known }, value) => [value].flat().filter((one) => known.includes(one)).join(","),
      value: ({ known, start }, text) => {
        if (!Array.isArray(start)) return known.find((one) => one === text);
        const named = [...new Set(text.split(","))].filter((one) => known.includes(one));
        return named.length ? named : undefined;
      },
    },
    number: {
      text: (part, value) => String(kinds.number.value(part, value ?? "") ?? ""),
      value: ({ known: [least, most] }, text) => {
        const number = text === "" ? NaN : Number(text);
        return Number.isInteger(number) && least <= number && number <= most ? number : undefined;
      },
    },
    words: {
      text: (part, value) => kinds.words.value(part, value ?? "") ?? "",
      value: ({ known: [pattern] }, text) => (new RegExp(pattern).test(text) ? text : undefined),
    },
    switch: {
      text: (part, value) => String(Boolean(value)),
      value: (part, text) => new Map([["true", true], ["1", true], ["false", false], ["0", false]]).get(text),
    },
    photo: {
      text: ({ known }, value) => Object.keys(known).find((one) => known[one] === value?.path) ?? "",
      value: ({ known }, text) => {
        if (!Object.hasOwn(known, text)) return undefined;
        const { root, api_prefix } = window.gradio_config;
        const url = `${root}${api_prefix}/file=${known[text]}`;
        return { path: known[text], url, meta: { _type: "gradio.FileData" } };
      },
    },
  };
  const text = (part, value) => kinds[part.kind].text(part, value);

  class Address {
    constructor() {
      for (const part of parts) {
        const { props } = window.gradio_config.components.find(({ id }) => id === part.id);
        part.start = plain(props.value);
      }
      this.now = Object.fromEntries([
        ...rows.map(({ name, tabs }) => [name, tabs[0]]),
        ...parts.map(({ name, start }) => [name, start]),
      ]);
      this.last = { names: "", time: 0 };
      const back = () => document.querySelector("#address-back").click();
      addEventListener("popstate", back);
      // A link to another place of the page changes what it names and keeps all else.
      addEventListener("click", (event) => {
        const link = event.target.closest?.("a.in-page");
        if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        clearTimeout(this.timer);
        this.write(); // what Back leads to
        const url = new URL(location);
        new URL(link.href).searchParams.forEach((value, name) => url.searchParams.set(name, value));
        history.pushState({ address: this.now }, "", url);
        back();
      });
    }

    // What the address asks for; what has no name in it is kept beside it in the history.
    asked() {
      const query = new URLSearchParams(location.search);
      const kept = history.state?.address ?? {};
      const asked = {};
      let home = rows[0].tabs[0]; // the tab of the first part named, for an address without a tab
      for (const part of [...parts].reverse()) {
        const { name, kind, start, tab } = part;
        const given = query.get(name) ?? "";
        const read = (one) => kinds[kind].value(part, one);
        const value = read(given) ?? read(given.replaceAll(" ", "+")); // a bare + means a space
        const unnamed = name in kept && !text(part, kept[name]);
        // A net of one's own may be gone after a reload; a photo is asked for by its file.
        asked[name] = value ?? (unnamed && (this.opened || kind === "photo") ? kept[name] : start);
        if (value !== undefined) home = tab;
      }
      let wanted = query.get("tab");
      for (const { name, tabs, inside } of [...rows].reverse()) {
        const there = tabs.includes(wanted);
        asked[name] = there ? wanted : tabs[0];
        if (there && inside) wanted = inside;
      }
      if (!rows[0].tabs.includes(wanted)) asked[rows[0].name] = home;
      return asked;
    }

    open() {
      const asked = this.asked();
      const value = (name, properties) =>
        key(asked[name]) === key(this.now[name]) ? update({}) : properties(asked[name]);
      const values = [
        ...rows.map(({ name }) => value(name, (selected) => update({ selected }))),
        ...parts.map(({ name }) => value(name, (asked) => asked)),
      ];
      this.now = asked;
      this.remember();
      this.opened = Date.now();
      return values;
    }

    // Components have these values now. What changes together is written together.
    note(names, values) {
      names.forEach((name, i) => (this.now[name] = plain(values[i])));
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.write(), 50);
    }

    remember() {
      this.written = Object.fromEntries(Object.keys(this.now).map((name) => [name, key(this.now[name])]));
    }

    write() {
      const changed = Object.keys(this.now).filter((name) => key(this.now[name]) !== this.written[name]);
      // What is emptied waits for what takes its place.
      if (changed.every((name) => this.now[name] === null)) return;
      this.remember();
      const url = new URL(location);
      for (const part of parts) {
        const now = text(part, this.now[part.name]);
        if (now && now !== text(part, part.start)) url.searchParams.set(part.name, now);
        else url.searchParams.delete(part.name);
      }
      url.searchParams.set("tab", this.tab());
      // Back leads to what was chosen, not to every digit typed, nor to what followed by itself.
      const moved = changed.some((name) => rows.some((row) => row.name === name));
      const typed = changed.every((name) =>
        this.now[name] === null || parts.some((part) => part.name === name && part.kind === "number"),
      );
      const again = changed.join() === this.last.names && Date.now() - this.last.time < AGAIN;
      const follows = Date.now() - this.opened < AGAIN;
      this.last = { names: changed.join(), time: Date.now() };
      const same = again || follows || (typed && history.state?.typed);
      const state = { address: this.now, typed };
      history[!moved && same ? "replaceState" : "pushState"](state, "", url);
    }

    // The open tab; the first of a row of tabs inside another goes by the other's name.
    tab() {
      const [outer, ...inner] = rows;
      const open = this.now[outer.name];
      const row = inner.find(({ inside }) => inside === open);
      return row && this.now[row.name] !== row.tabs[0] ? this.now[row.name] : open;
    }
  }

  window.address ??= new Address();
  return window.address.open();
};
