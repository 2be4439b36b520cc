// Demo mode: shows the present role and takes another one with one click.
"use strict";
(async () => {
  const session = await (await fetch("/api/session")).json();
  if (!session.is_demo) return;
  const english = document.documentElement.lang.startsWith("en");
  const word = english ? "en" : "zh";
  const present = session.roles[0] || "public";
  const label = document.createElement("label");
  label.append(english ? "Demo role " : "演示角色 ");
  const select = document.createElement("select");
  select.id = "role-choice";
  for (const role of ["public", ...session.demo_roles]) {
    const option = new Option(session.titles[role][word], role, role === present, role === present);
    Object.assign(option.style, { color: "#1b2426", background: "#ffffff" });
    select.add(option);
  }
  Object.assign(label.style, { fontSize: "13px", whiteSpace: "nowrap" });
  Object.assign(select.style, {
    font: "inherit", color: "inherit", background: "transparent", border: "1px solid currentColor",
    borderRadius: "6px", padding: "2px 6px", minHeight: "28px", opacity: "0.85",
  });
  label.append(select);
  select.addEventListener("change", async () => {
    select.disabled = true;
    const answer = await fetch("/api/session/demo", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ role: select.value }),
    });
    if (answer.ok) location.reload();
    else { select.disabled = false; select.value = present; }
  });
  const place = document.getElementById("role-switch");
  if (place) place.append(label);
  else {
    Object.assign(label.style, { position: "fixed", top: "12px", right: "16px" });
    document.body.append(label);
  }
})();
