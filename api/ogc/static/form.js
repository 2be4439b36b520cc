// Forms that speak to the interface in JSON: <form data-method data-to data-then data-done data-ask data-tag>.
"use strict";
(() => {
  const english = document.documentElement.lang.startsWith("en");
  const say = (zh, en) => (english ? en : zh);

  const nextPage = () => {
    // Only to a page of this server: an address in a link must not lead elsewhere after logging in.
    try {
      const url = new URL(new URLSearchParams(location.search).get("next") || "/", location.origin);
      return url.origin === location.origin ? url.pathname + url.search + url.hash : "/";
    } catch {
      return "/";
    }
  };

  const valuesOf = (form) => {
    const values = {};
    for (const field of form.elements) {
      if (!field.name || field.dataset.same) continue;
      if (field.dataset.kind === "list") {
        values[field.name] ??= [];
        if (field.checked) values[field.name].push(field.value);
      } else if (field.type === "checkbox") values[field.name] = field.checked;
      else if (field.type === "number") values[field.name] = Number(field.value);
      else if (field.value !== "") values[field.name] = field.value;
      else if (field.dataset.empty === "null") values[field.name] = null;
      else if (field.required) values[field.name] = "";
    }
    return values;
  };

  const fault = (form) => {
    for (const field of form.elements) {
      if (field.required && !field.value) return [say("请填写：", "Please fill in: ") + field.labels[0].firstChild.textContent.trim(), field];
      const twin = field.dataset.same && form.elements[field.dataset.same];
      if (twin && twin.value !== field.value) return [say("两次输入的新口令不一致", "The two new passwords differ"), field];
    }
    return null;
  };

  const tell = (form, text, problems) => {
    const place = form.querySelector(".said");
    // The message repeats what is listed below it.
    place.replaceChildren(problems && problems.length ? text.split(/[：:]/)[0] : text);
    if (problems && problems.length) {
      const list = document.createElement("ul");
      for (const one of problems) {
        const item = document.createElement("li");
        item.textContent = one.detail || "";
        if (item.textContent) list.append(item);
      }
      place.append(list);
    }
    place.hidden = !text;
  };

  const show = (form, body) => {
    const panel = document.getElementById(form.dataset.panel);
    for (const place of panel.querySelectorAll("[data-show]")) {
      const value = body[place.dataset.show];
      if (place.tagName === "IMG") place.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(value);
      else if (place.tagName === "INPUT") place.value = value;
      else place.textContent = value;
    }
    panel.hidden = false;
    form.hidden = true;
    panel.scrollIntoView({ block: "nearest" });
    (panel.querySelector("input:not([type=hidden]), button") || panel).focus();
  };

  const done = (form, body) => {
    const then = form.dataset.then;
    if (then === "show") return show(form, body);
    if (form.dataset.done) sessionStorage.setItem("done", form.dataset.done);
    if (then === "enter") {
      if (!body.must_change) return location.assign(nextPage());
      return location.assign("/account?next=" + encodeURIComponent(nextPage()) + "#password");
    }
    if (then === "next") return location.assign(nextPage());
    if (then === "home") return location.assign("/");
    location.reload();
  };

  const send = async (form) => {
    const wrong = fault(form);
    if (wrong) {
      tell(form, wrong[0]);
      wrong[1].focus();
      return;
    }
    if (form.dataset.ask && !confirm(form.dataset.ask)) return;
    const values = valuesOf(form);
    const headers = { Accept: "application/json" };
    if (Object.keys(values).length) headers["Content-Type"] = "application/json";
    if (form.dataset.tag) headers["If-Match"] = form.dataset.tag;
    const to = form.dataset.to.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name]));
    const buttons = form.querySelectorAll("button");
    buttons.forEach((button) => { button.disabled = true; });
    tell(form, "");
    try {
      const answer = await fetch(to, {
        method: form.dataset.method, headers, body: Object.keys(values).length ? JSON.stringify(values) : undefined,
      });
      const body = answer.status === 204 ? {} : await answer.json();
      if (answer.ok) return done(form, body);
      tell(form, english ? body.message_en : body.message_zh, body.problems);
      const code = form.elements.code;
      if (body.facts && body.facts.second_factor && code) {
        code.closest(".field").hidden = false;
        code.focus();
      }
    } catch {
      tell(form, say("服务器没有应答，请稍后重试", "The server does not answer; try again in a moment"));
    } finally {
      buttons.forEach((button) => { button.disabled = false; });
    }
  };

  document.addEventListener("submit", (event) => {
    if (!event.target.dataset.to) return;
    event.preventDefault();
    send(event.target);
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = say("已复制", "Copied");
  });

  const flash = document.getElementById("done");
  const text = sessionStorage.getItem("done");
  if (flash && text) {
    flash.textContent = text;
    flash.hidden = false;
    sessionStorage.removeItem("done");
  }
})();
