/** The source of every word on the page; the other languages have the same keys or the types do not check. */
export const zhCN = {
  app: {
    name: "方舆",
    title: "方舆 · 地图",
    skip: "跳到地图",
    synthetic: "示例数据",
    role: "演示角色",
    login: "登录",
    language: "English",
    disclaimer: "CGCS2000 · 地图界线均为示意，不作为划界依据",
  },
  rail: { label: "主导航", map: "地图", report: "报告", tables: "图层表", docs: "接口" },
  map: {
    label: "地图。方向键平移，加减号缩放，回车查看十字处的要素",
    loading: "正在读取地图…",
    noWebGl: "此浏览器不能绘制地图",
    noWebGlWhy: "浏览器没有提供 WebGL（常见于未启用图形加速的虚拟机）。各图层的内容可以在表格中查看：",
    tilesFailed: "部分瓦片未能读取，地图可能不完整",
    truncated: "此处要素过多，地图只画出了一部分；放大后可见全部",
    retry: "重试",
    zoomIn: "放大",
    zoomOut: "缩小",
    metres: "米",
    kilometres: "公里",
  },
  layers: {
    title: "图层",
    hide: "收起图层",
    show: "展开图层",
    base: "底图",
    data: "业务图层",
    analysis: "分析结果",
    service: "服务类型",
    zoomNote: "放大到 {zoom} 级后显示",
    countNote: "{zoom} 级以下按数量汇总",
    empty: "没有数据",
    failed: "样式未能读取",
    internal: "内部",
    noLayers: "没有可以查看的图层，因为数据存储里还没有数据；可以用 fangyu import 导入后刷新本页。",
    error: "图层清单未能读取",
    retry: "重试",
    legend: { unknown: "未给出", below: "低于 {to}", between: "{from} – {to}", above: "{from} 及以上" },
    more: "表格",
  },
  inspector: {
    title: "要素信息",
    close: "关闭",
    loading: "正在读取…",
    failed: "要素未能读取",
    retry: "重试",
    missing: "这一要素已不存在，或当前角色无权查看",
    unnamed: "未命名",
    here: "此处共 {count} 项",
    table: "在表格中查看",
    flyTo: "定位",
    yes: "是",
    no: "否",
    selected: "已选中：{name}，{layer}",
    nothing: "此处没有要素",
  },
  error: { offline: "服务没有应答；请检查网络或稍后重试", code: "错误代码 {code}" },
};

/** The shape that every language fills. */
export type Messages = Shape<typeof zhCN>;
type Shape<T> = { [K in keyof T]: T[K] extends string ? string : Shape<T[K]> };

/** Every key, written with full stops. */
export type MessageKey = Keys<typeof zhCN>;
type Keys<T, P extends string = ""> = {
  [K in keyof T & string]: T[K] extends string ? `${P}${K}` : Keys<T[K], `${P}${K}.`>;
}[keyof T & string];
