"""Importing over HTTP: send a file, map its columns, see what would happen, do it, take it back."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.jobs import importing
from api.settings import LimitSettings, settings_for
from api.uploads import KEPT_S, UploadShelf, safe_name
from geo.errors import DataSourceError, InputError, NotFoundError
from geo.intake.sniff import check_kind
from geo.services.importing import ImportPlan
from geo.store import Session
from geo.store.state import read_fact, write_fact
from tests.api.test_app import take_role
from tests.api.test_jobs import wait_for
from tests.cli import town
from tests.cli.conftest import Run


@pytest.fixture
def steward(small_town: Run, store_url: str, tmp_path: Path) -> Iterator[TestClient]:
    settings = settings_for(store_url, tmp_path / "cache", demo=True)
    small = settings.model_copy(update={"limits": LimitSettings(upload_mb=1)})
    with TestClient(create_app(small), base_url="http://127.0.0.1") as client:
        take_role(client, "data_steward")
        yield client


def send(client: TestClient, path: Path | bytes, name: str | None = None) -> Any:
    content = path.read_bytes() if isinstance(path, Path) else path
    shown = name or (path.name if isinstance(path, Path) else "")
    answer = client.post("/api/imports/uploads", params={"name": shown}, content=content)
    assert answer.status_code == 201, answer.text
    return answer.json()


def run(client: TestClient, where: str, **asked: object) -> Any:
    answer = client.post(f"/api/imports{where}", json=asked)
    assert answer.status_code == 202, answer.text
    return wait_for(client, answer.json()["job_id"])


def n_facilities(client: TestClient) -> int:
    return int(client.get("/api/facilities").json()["matched"])


def test_a_file_goes_from_sending_over_mapping_and_preview_to_the_store_and_back(
    steward: TestClient, tmp_path: Path
) -> None:
    lines = ["代号,招牌,经度,纬度,餐位"]
    for code, east in (("N1", 700.0), ("N2", 1500.0)):
        lon, lat = town.position(east)
        lines.append(f"{code},食堂{code},{lon:.9f},{lat:.9f},30")
    (tmp_path / "新食堂.csv").write_text("\n".join(lines), encoding="utf-8")
    sent = send(steward, tmp_path / "新食堂.csv")
    assert sent["name"] == "新食堂.csv"
    ask: dict[str, Any] = {"layer": "facilities", "type": "senior_canteen"}
    sketch = steward.post(f"{sent['href']}/columns", json=ask).json()
    taken = {one["name"]: one["field"] for one in sketch["columns"]}
    assert taken == {"代号": None, "招牌": None, "经度": "lon", "纬度": "lat", "餐位": "seats"}
    assert sketch["rows"] == 2
    assert sketch["columns"][1]["samples"] == ["食堂N1", "食堂N2"]
    assert {"id", "name", "seats"} <= {one["name"] for one in sketch["fields"]}
    mapping = {"代号": "id", "招牌": "name"}
    again = steward.post(f"{sent['href']}/columns", json={**ask, "mapping": mapping}).json()
    assert [one["field"] for one in again["columns"]] == ["id", "name", "lon", "lat", "seats"]

    asked = {"upload_id": sent["upload_id"], **ask, "mapping": mapping, "datum": "cgcs2000"}
    seen = run(steward, "/preview", **asked)
    assert seen["state"] == "done", seen
    assert seen["result"]["changes"]["facilities"]["added"] == 2
    assert seen["result"]["dry_run"] is True
    assert n_facilities(steward) == 1, "a preview stores nothing"
    done = run(steward, "", **asked)
    assert done["result"]["rows"]["stored"] == 2
    assert n_facilities(steward) == 3
    listed = steward.get("/api/imports").json()["imports"][0]
    assert (listed["source"], listed["actor"]) == ("新食堂.csv", "demo:data_steward")
    assert run(steward, "", **asked)["result"]["is_repeat"] is True
    assert steward.post(f"/api/imports/{listed['import_id']}/undo").json()["withdrawn"] == 2
    assert n_facilities(steward) == 1
    assert steward.delete(sent["href"]).status_code == 204
    assert steward.get(sent["href"]).status_code == 404


def test_refused_rows_are_listed_and_nothing_is_stored_until_they_are_left_out(
    steward: TestClient, tmp_path: Path
) -> None:
    lon, lat = town.position(700.0)
    text = f"编号,名称,经度,纬度\nG1,好食堂,{lon},{lat}\nB1,,{lon},{lat}\nB2,远食堂,10,{lat}\n"
    sent = send(steward, text.encode(), "mixed.csv")
    asked = {"upload_id": sent["upload_id"], "layer": "facilities", "type": "senior_canteen", "datum": "cgcs2000"}
    for where in ("/preview", ""):
        failed = run(steward, where, **asked)
        assert failed["state"] == "failed"
        rows = [one["row"] for one in failed["error"]["problems"] if one["severity"] == "refused"]
        assert rows == [3, 4]
        assert "mixed.csv" in failed["error"]["message_zh"]
    assert n_facilities(steward) == 1
    done = run(steward, "", **asked, skip_bad=True)
    assert done["result"]["rows"] == {"read": 3, "stored": 1, "repaired": 0, "refused": 2}
    assert n_facilities(steward) == 2


def test_streets_and_divisions_come_the_same_way(steward: TestClient, tmp_path: Path) -> None:
    text = town.write_streets(tmp_path, name="more.osm").read_text(encoding="utf-8").replace("幸福路", "和平路")
    streets = send(steward, text.encode(), "more.osm")
    assert streets["is_osm"]
    sketch = steward.post(f"{streets['href']}/columns", json={"layer": "streets"}).json()
    assert sketch["crs"] == "WGS 84"
    done = run(steward, "", upload_id=streets["upload_id"], layer="streets", source="streets.osm")
    changes = done["result"]["changes"]["street_segments"]
    assert (changes["added"], changes["closed"]) == (0, 0)
    assert changes["changed"] >= 1
    found = steward.get("/ogc/collections/named_roads/items").json()["features"]
    assert {one["properties"]["name"] for one in found} == {"和平路"}
    divisions = send(steward, town.write_divisions(tmp_path))
    seen = run(steward, "/preview", upload_id=divisions["upload_id"], layer="divisions", source="other")
    assert seen["result"]["rows"]["read"] == seen["result"]["changes"]["admin_divisions"]["added"] > 0


def book() -> bytes:
    from openpyxl import Workbook

    made, buffer = Workbook(), io.BytesIO()
    made.active.title = "说明"
    sheet = made.create_sheet("食堂")
    sheet.append(["编号", "名称", "经度", "纬度"])
    sheet.append(["X1", "食堂X1", *town.position(600.0)])
    made.save(buffer)
    return buffer.getvalue()


def test_a_workbook_names_its_sheets_and_one_can_be_chosen(steward: TestClient) -> None:
    sent = send(steward, book(), "表.xlsx")
    assert sent["parts"] == ["说明", "食堂"]
    ask = {"layer": "facilities", "type": "senior_canteen", "part": "食堂"}
    assert steward.post(f"{sent['href']}/columns", json=ask).json()["rows"] == 1
    wrong = steward.post(f"{sent['href']}/columns", json={**ask, "part": "没有"})
    assert wrong.status_code == 400
    assert "食堂" in wrong.json()["message_zh"]


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("virtual.gpkg", b"<OGRVRTDataSource><OGRVRTLayer name='x'><SrcDataSource>/etc/passwd", "gpkg"),
        ("table.xlsx", b"no archive at all", "xlsx"),
        ("shapes.zip", b"GIF89a", "zip"),
        ("streets.osm", b'<?xml version="1.0"?><!DOCTYPE osm [<!ENTITY a "b">]><osm version="0.6"/>', "文档类型"),
        ("streets.osm.gz", gzip.compress(b"<!DOCTYPE osm><osm/>", mtime=0), "文档类型"),
        ("streets.osm.pbf", b"\x00\x00\x00\x0d\x0a\x09nothing of that kind", "PBF"),
        ("streets.osm.gz", b"\x1f\x8bbroken", "损坏"),
        ("empty.csv", b"", "空"),
        ("picture.png", b"\x89PNG", "png"),
        ("noending", b"a,b\n1,2\n", "noending"),
        ("..", b"a", "扩展名"),
    ],
)
def test_what_is_not_what_its_name_says_is_refused_and_not_kept(
    steward: TestClient, tmp_path: Path, name: str, content: bytes, word: str
) -> None:
    answer = steward.post("/api/imports/uploads", params={"name": name}, content=content)
    assert answer.status_code == 400, answer.text
    assert word in answer.json()["message_zh"]
    assert list((tmp_path / "cache" / "uploads").glob("*")) == []


def test_what_is_too_large_is_refused_before_and_while_it_arrives(steward: TestClient, tmp_path: Path) -> None:
    big = b"x" * (2**20 + 1)
    assert steward.post("/api/imports/uploads", params={"name": "a.csv"}, content=big).status_code == 413
    chunks = (big[: 2**19] for _ in range(3))
    answer = steward.post("/api/imports/uploads", params={"name": "a.csv"}, content=chunks)
    assert answer.status_code == 413
    assert "1 MB" in answer.json()["message_zh"]
    assert list((tmp_path / "cache" / "uploads").glob("*")) == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/食堂.csv", "食堂.csv"),
        ("C:\\data\\a.CSV", "a.csv"),
        ("a\x00b\n.csv", "a_b_.csv"),
        ("x" * 300 + ".osm.pbf", "x" * 112 + ".osm.pbf"),
    ],
)
def test_names_lose_folders_and_what_no_file_system_likes(given: str, kept: str) -> None:
    assert safe_name(given) == kept


def test_nobody_uses_what_another_sent_and_nothing_waits_longer_than_a_day(tmp_path: Path) -> None:
    now = [1_800_000_000.0]
    shelf = UploadShelf(tmp_path / "uploads", 1000, lambda: now[0])
    with shelf.receive("a.csv", "one") as receiver:
        receiver.write(b"a,b\n1,2\n")
        upload = receiver.end()
    assert shelf.find(upload.upload_id, "one")[1].read_bytes() == b"a,b\n1,2\n"
    for upload_id, actor in ((upload.upload_id, "two"), ("up-" + "0" * 24, "one"), ("../" + upload.upload_id, "one")):
        with pytest.raises(NotFoundError):
            shelf.find(upload_id, actor)
    now[0] += KEPT_S + 1
    with pytest.raises(NotFoundError):
        shelf.find(upload.upload_id, "one")


def test_an_archive_that_unpacks_to_far_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geo.intake.sniff.MOST_UNPACKED_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.shp", b"\x00" * 100_000)
    with pytest.raises(DataSourceError, match="unpacks"):
        check_kind(tmp_path / "bomb.zip")


def test_only_stewards_without_a_district_import(steward: TestClient, tmp_path: Path) -> None:
    path = town.write_facilities(tmp_path, [("Z1", 100.0)], name="z.csv")
    sent = send(steward, path)
    asked = {"upload_id": sent["upload_id"], "layer": "facilities", "type": "senior_canteen"}
    for role, status in (("public", 401), ("planner", 403), ("approver", 403), ("system_administrator", 404)):
        take_role(steward, role)
        assert steward.post("/api/imports", json=asked).status_code == status
        assert steward.get("/api/imports").status_code == (200 if role == "system_administrator" else status)
    body = {"role": "data_steward", "district": "990101001"}
    assert steward.post("/api/session/demo", json=body).status_code == 200
    sent = send(steward, path)
    refused = steward.post("/api/imports", json={**asked, "upload_id": sent["upload_id"]})
    assert refused.status_code == 403
    assert "辖区" in refused.json()["message_zh"]
    assert steward.post("/api/imports/1/undo").status_code == 403


def test_unknown_layers_fields_and_imports_are_refused(steward: TestClient, tmp_path: Path) -> None:
    sent = send(steward, town.write_facilities(tmp_path, [("Z1", 100.0)], name="z.csv"))
    assert steward.post(f"{sent['href']}/columns", json={"layer": "clouds"}).status_code == 400
    assert steward.post("/api/imports", json={"upload_id": sent["upload_id"]}).status_code == 400
    assert steward.post("/api/imports", json={"upload_id": "up-1", "layer": "land"}).status_code == 404
    assert steward.post("/api/imports/99/undo").status_code == 404
    with pytest.raises(InputError):
        safe_name("evil.exe")


def test_a_newer_file_names_the_edits_by_hand_it_replaces(steward: TestClient, tmp_path: Path) -> None:
    lon, lat = town.position(700.0)

    def import_with(seats: int, where: str = "") -> Any:
        rows = f"编号,名称,经度,纬度,餐位\nN1,食堂一,{lon:.9f},{lat:.9f},30\nN2,食堂二,{lon:.9f},{lat:.9f},{seats}\n"
        sent = send(steward, rows.encode(), "新食堂.csv")
        ask = {"layer": "facilities", "type": "senior_canteen", "source": "食堂", "datum": "cgcs2000"}
        done = run(steward, where, upload_id=sent["upload_id"], **ask)
        assert done["state"] == "done", done
        assert (done["result"]["import_id"] is None) == (where == "/preview")
        return [one for one in done["result"]["problems"] if one["code"] == "hand_edit_replaced"]

    def preview_with(seats: int) -> Any:
        return import_with(seats, "/preview")

    assert import_with(30) == []
    for listed in steward.get("/api/facilities").json()["facilities"]:
        if listed["name"].startswith("食堂"):
            found = steward.get(f"/api/facilities/{listed['uid']}")
            answer = steward.patch(
                f"/api/facilities/{listed['uid']}",
                json={"attributes": {"seats": 44}},
                headers={"If-Match": found.headers["ETag"]},
            )
            assert answer.status_code == 200, answer.text
    # N2 stands in the file as it was edited, so nothing of that edit is lost.
    expected = preview_with(44)
    told = import_with(44)
    assert [(one["value"], one["severity"]) for one in told] == [("N1", "note")]
    assert "44 → 30" in told[0]["message_zh"], told
    assert expected == told, "the preview says what the import does"
    assert [one["value"] for one in import_with(45)] == ["N2"], "its edit stood until now"
    assert import_with(46) == [], "an edit is named by the import that replaces it, and no other"


@pytest.mark.parametrize(("where", "step"), [("/preview", "rehearse"), ("", "read_plan")])
def test_others_write_while_a_file_is_read(
    steward: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, step: str
) -> None:
    """Reading and judging a large file takes a minute; nobody's edit waits for that."""
    real = getattr(importing, step)
    store = steward.app.state.store  # type: ignore[attr-defined]
    written = []

    def beside(session: Session, plan: ImportPlan) -> object:
        found = real(session, plan)
        with store.session() as other:
            written.append(write_fact(other, "beside", "yes"))
        return found

    monkeypatch.setattr(importing, step, beside)
    sent = send(steward, town.write_facilities(tmp_path, [("Z1", 100.0)], name="z.csv"))
    ask = {"layer": "facilities", "type": "senior_canteen", "datum": "cgcs2000"}
    done = run(steward, where, upload_id=sent["upload_id"], **ask)
    assert done["state"] == "done", done
    assert done["result"]["changes"]["facilities"]["added"] == 1
    assert len(written) == 1
    with store.session(write=False) as session:
        assert read_fact(session, "beside") == "yes"
    assert n_facilities(steward) == (2 if where == "" else 1)
