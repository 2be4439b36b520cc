"""The page of a store without any run: what to do next."""

from __future__ import annotations

from typing import Final

FIRST_RUN: Final = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>方舆</title>
<style>
:root { color-scheme: light dark;
  --ink: #1b2426; --soft: #5b6769; --ground: #f5f3ee; --accent: #0f6b6b; --line: #dcd8cf; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6ecec; --soft: #9fb0b0; --ground: #12181f; --accent: #4fb7b0; --line: #2a343c; }
}
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.75 "HarmonyOS Sans SC", "PingFang SC",
  "Microsoft YaHei", "Noto Sans CJK SC", system-ui, sans-serif; }
main { max-width: 44rem; margin: 12vh auto; padding: 0 24px; }
b { color: var(--accent); font-size: 20px; }
h1 { font-size: 32px; line-height: 1.3; margin: 8px 0 4px; }
p { color: var(--soft); margin: 0 0 24px; }
li { padding: 8px 0; border-top: 1px solid var(--line); }
code { font: 14px/1.6 ui-monospace, Consolas, monospace; color: var(--accent); overflow-wrap: anywhere; }
</style>
</head>
<body>
<main>
<b>方舆</b>
<h1>还没有覆盖分析</h1>
<p>这个数据存储里没有分析结果。依次导入数据并计算一次，再刷新本页。</p>
<ol>
<li>道路<br><code>fangyu import streets 路网.osm.pbf</code></li>
<li>设施<br><code>fangyu import facilities 长者食堂.xlsx --type senior_canteen --datum gcj02</code></li>
<li>老年人口<br><code>fangyu import demand 老年人口.csv --datum cgcs2000</code></li>
<li>计算<br><code>fangyu coverage run --type senior_canteen --minutes 15 --bands</code></li>
</ol>
<p>想先看看样子：<code>python3 scripts/start.py</code> 会生成一座虚构城市。</p>
<!-- map -->
</main>
</body>
</html>
"""
