// One canvas under Leaflet's control: it follows pans and zooms and is painted again when they end.

const PaintLayer = L.Layer.extend({
  initialize(paint) {
    this._paint = paint;
    this._margin = 0.12;
  },
  onAdd(map) {
    this._canvas = L.DomUtil.create("canvas", "paint leaflet-zoom-animated", this.getPane());
    this._canvas.setAttribute("aria-hidden", "true");
    this.redraw();
    return map;
  },
  onRemove() {
    this._canvas.remove();
  },
  getEvents() {
    return { moveend: this.redraw, resize: this.redraw, zoomanim: this._follow };
  },
  _follow(event) {
    const map = this._map;
    const scale = map.getZoomScale(event.zoom, this._zoom);
    const offset = map._latLngToNewLayerPoint(this._corner, event.zoom, event.center);
    L.DomUtil.setTransform(this._canvas, offset, scale);
  },
  redraw() {
    if (!this._map) return;
    const map = this._map;
    const size = map.getSize();
    if (!size.x || !size.y) return;
    const pad = size.multiplyBy(this._margin).round();
    const corner = map.containerPointToLayerPoint([0, 0]).subtract(pad);
    const width = size.x + 2 * pad.x;
    const height = size.y + 2 * pad.y;
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    this._corner = map.layerPointToLatLng(corner);
    this._zoom = map.getZoom();
    const canvas = this._canvas;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = width + "px";
    canvas.style.height = height + "px";
    L.DomUtil.setTransform(canvas, corner, 1);
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const world = 256 * 2 ** this._zoom;
    const origin = map.getPixelOrigin().add(corner);
    this._paint({
      context, width, height, world, zoom: this._zoom, ratio,
      left: origin.x, top: origin.y, pad,
      box: [origin.x / world, origin.y / world, (origin.x + width) / world, (origin.y + height) / world],
    });
  },
});

function isVisible(view, box) {
  return box[0] <= view.box[2] && box[2] >= view.box[0] && box[1] <= view.box[3] && box[3] >= view.box[1];
}

// Parts narrower than `least` pixels, such as single covered cells inside a gap, are passed over.
function trace(path, view, shape, isClosed, least) {
  for (const points of shape.parts) {
    if (!isVisible(view, points.box) || (points.box[2] - points.box[0]) * view.world < least) continue;
    let lastX = NaN;
    let lastY = NaN;
    for (let i = 0; i < points.length; i += 2) {
      const x = points[i] * view.world - view.left;
      const y = points[i + 1] * view.world - view.top;
      if (i === 0) path.moveTo(x, y);
      else if (Math.abs(x - lastX) + Math.abs(y - lastY) < 0.7 && i < points.length - 2) continue;
      else path.lineTo(x, y);
      lastX = x;
      lastY = y;
    }
    if (isClosed) path.closePath();
  }
}

function pathOf(view, shapes, isClosed, least) {
  const path = new Path2D();
  for (const shape of shapes) if (shape && isVisible(view, shape.box)) trace(path, view, shape, isClosed, least || 0);
  return path;
}

const patterns = new Map();

// Grey hatch for places no street leads to; a finer one marks "not covered" in print, so that it reads without colour.
function hatch(context, ground, line, gap, ratio) {
  const key = [ground, line, gap, ratio].join();
  if (!patterns.has(key)) {
    const size = Math.max(4, Math.round(gap * ratio));
    const tile = document.createElement("canvas");
    tile.width = tile.height = size;
    const pen = tile.getContext("2d");
    if (ground) {
      pen.fillStyle = ground;
      pen.fillRect(0, 0, size, size);
    }
    pen.strokeStyle = line;
    pen.lineWidth = Math.max(1, ratio * 1.1);
    pen.beginPath();
    for (const shift of [-size, 0, size]) {
      pen.moveTo(shift, size);
      pen.lineTo(shift + size, 0);
    }
    pen.stroke();
    patterns.set(key, tile);
  }
  const pattern = context.createPattern(patterns.get(key), "repeat");
  pattern.setTransform(new DOMMatrix().scale(1 / ratio));
  return pattern;
}
