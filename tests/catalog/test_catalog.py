"""The catalogue that comes with the program: complete, cited, unambiguous."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from geo.catalog.load import (
    catalog,
    common_attributes,
    data_folder,
    facility_type,
    facility_types,
    find_attribute,
    find_type,
    fold,
    indicators,
    packs,
    read_catalog,
    standards,
    terms,
    thresholds,
    units,
)
from geo.catalog.schema import FacilityType
from geo.errors import InputError, NotFoundError

UNIT_SUFFIX = re.compile(r"_(m|m2|km2|s|min|mps|persons|beds|yuan|deg)$")
EXPECTED = {
    *(f"EL{n:02d}" for n in (1, 2, 3, 4, 5, 6, 7, 8, 10, 11)),
    *(f"CH{n:02d}" for n in range(1, 5)),
    *(f"SW{n:02d}" for n in range(1, 4)),
    "RL01",
    "RL02",
    "MR01",
    *(f"FU{n:02d}" for n in range(1, 8)),
    *(f"CS{n:02d}" for n in range(1, 4)),
}


def test_every_type_of_the_domain_document_is_there_once() -> None:
    codes = [found.code for found in facility_types().values()]
    assert set(codes) == EXPECTED
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("found", facility_types().values(), ids=lambda found: found.slug)
def test_every_type_has_unit_source_titles_and_cited_thresholds(found: FacilityType) -> None:
    assert found.capacity_unit in units()
    assert found.sources
    assert found.title_zh
    assert found.title_en
    for citation in (*found.sources, *(limit.clause for limit in found.thresholds)):
        standard_id, clause_id = citation.split("/")
        assert clause_id in standards()[standard_id].clauses
    for limit in found.thresholds:
        assert limit.minimum is not None or limit.maximum is not None
        assert limit.citation_zh


@pytest.mark.parametrize("found", facility_types().values(), ids=lambda found: found.slug)
def test_every_quantity_with_a_unit_says_it_in_its_name(found: FacilityType) -> None:
    countable = {
        "beds",
        "seats",
        "places",
        "plots",
        "niches",
        "halls",
        "rooms",
        "windows",
        "furnaces",
        "graves",
    }
    for attribute in found.attributes:
        if attribute.unit is None:
            assert attribute.kind not in ("number", "integer"), attribute.name
        elif attribute.unit in countable | {"households", "organizations", "functions"}:
            continue
        else:
            said = UNIT_SUFFIX.search(attribute.name)
            assert (said and said[1] == attribute.unit) or attribute.name.endswith(("_per_year", "_per_day"))


def test_every_slug_is_a_word_of_the_vocabulary() -> None:
    assert set(facility_types()) <= set(terms().values())


def test_identifiers_of_the_vocabulary_are_snake_case() -> None:
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", word) for word in terms().values())


def test_an_unsure_value_never_blocks() -> None:
    limits = [limit for found in facility_types().values() for limit in found.thresholds]
    limits += [limit for pack in packs() for limit in pack.thresholds]
    assert all(limit.severity == "advise" for limit in limits if limit.certainty == "U")
    assert all(limit.certainty == "V" for limit in limits if limit.severity == "block")


def test_every_name_leads_to_its_type() -> None:
    for found in facility_types().values():
        for name in (
            found.slug,
            found.code,
            found.title_zh,
            found.title_en,
            *found.aliases_zh,
            *found.aliases_en,
        ):
            assert find_type(name) is found


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("长者食堂", "senior_canteen"),
        (" 老年食堂 ", "senior_canteen"),
        ("助餐点", "senior_canteen"),
        ("EL06", "senior_canteen"),
        ("el06", "senior_canteen"),
        ("Senior Canteen", "senior_canteen"),
        ("senior-canteen", "senior_canteen"),
        ("敬老院", "care_home"),
        ("婚姻登记处", "marriage_registry"),
    ],
)
def test_a_type_is_found_in_any_width_case_and_spacing(text: str, slug: str) -> None:
    found = find_type(text)
    assert found is not None
    assert found.slug == slug


def test_an_unknown_word_is_no_type() -> None:
    assert find_type("火锅店") is None
    assert find_type("") is None


def test_an_unknown_slug_is_told_what_exists() -> None:
    with pytest.raises(NotFoundError) as caught:
        facility_type("canteen")
    assert "senior_canteen" in caught.value.message("en")
    assert "长者食堂" in caught.value.message("zh")


def test_headers_of_one_type_are_unambiguous() -> None:
    for found in facility_types().values():
        seen: dict[str, str] = {}
        for attribute in found.attributes:
            for name in {fold(n) for n in (attribute.name, attribute.title_zh, attribute.title_en, *attribute.aliases)}:
                assert seen.setdefault(name, attribute.name) == attribute.name, (found.slug, name)
    seen = {}
    for attribute in common_attributes():
        for name in {fold(n) for n in (attribute.name, attribute.title_zh, attribute.title_en, *attribute.aliases)}:
            assert seen.setdefault(name, attribute.name) == attribute.name, name


def test_choices_of_one_attribute_are_unambiguous() -> None:
    attributes = [a for found in facility_types().values() for a in found.attributes]
    for attribute in (*attributes, *common_attributes()):
        seen: dict[str, str] = {}
        for choice in attribute.choices:
            for name in {fold(n) for n in (choice.value, choice.title_zh, choice.title_en, *choice.aliases)}:
                assert seen.setdefault(name, choice.value) == choice.value, (attribute.name, name)


@pytest.mark.parametrize(
    ("header", "slug", "name"),
    [
        ("床位", "care_home", "care_beds"),
        ("护理型床位", "care_home", "nursing_beds"),
        ("建筑面积(平方米)", "care_home", "floor_area_m2"),
        ("建筑面积(㎡)", "senior_canteen", "floor_area_m2"),
        ("座位", "senior_canteen", "seats"),
        ("座位数(个)", "senior_canteen", "seats"),
        ("运营状态", "senior_canteen", "status"),
        ("面积", "public_cemetery", "site_area_m2"),
        ("面积", "senior_canteen", "floor_area_m2"),
    ],
)
def test_column_headers_lead_to_attributes(header: str, slug: str, name: str) -> None:
    found = find_attribute(header, facility_type(slug))
    assert found is not None
    assert found.name == name


def test_indicators_one_to_ten_are_described() -> None:
    assert [found.id for found in indicators().values()] == [f"M{n:02d}" for n in range(1, 11)]


def test_the_old_burial_regulation_ends_the_day_the_new_one_begins() -> None:
    old, new = standards()["burial_regulation_1997"], standards()["burial_regulation_2026"]
    assert old.valid_to == new.valid_from == date(2026, 3, 30)
    assert old.is_valid(date(2026, 3, 29))
    assert not old.is_valid(date(2026, 3, 30))
    assert new.is_valid(date(2026, 3, 30))


def test_only_known_articles_are_cited() -> None:
    articles = {
        (standard.id, clause.article)
        for standard in standards().values()
        for clause in standard.clauses.values()
        if clause.article
    }
    assert articles == {
        ("gb_50437_2007", "3.1.2"),
        ("gb_50437_2007", "3.2.1"),
        ("gb_50437_2007", "3.2.4"),
        ("gb_50437_2007", "3.2.5"),
        ("burial_regulation_1997", "10"),
    }


def test_a_region_gets_its_province_before_its_city() -> None:
    assert [pack.id for pack in packs("370202")] == ["shandong", "qingdao"]
    assert [pack.id for pack in packs("110101")] == []


def test_a_plan_that_has_ended_gives_no_thresholds() -> None:
    (chengdu,) = packs("510104", on=date(2018, 1, 1))
    assert chengdu.thresholds
    (ended,) = packs("510104", on=date(2021, 1, 1))
    assert not ended.thresholds
    assert not ended.documents


def test_a_region_replaces_the_national_limit_of_the_same_id() -> None:
    national = {limit.id: limit for limit in thresholds("project_eldercare_room")}
    anhui = {limit.id: limit for limit in thresholds("project_eldercare_room", region="340102", on=date(2026, 1, 1))}
    assert national["area_new"].minimum == 20
    assert anhui["area_new"].minimum == 30
    assert anhui["area_new"].severity == "block"
    before = {limit.id: limit for limit in thresholds("project_eldercare_room", region="340102", on=date(2022, 7, 19))}
    assert before["area_new"].minimum == 20


def test_every_pack_is_named_in_the_data_table() -> None:
    folder = data_folder()
    table = (folder / "README.md").read_text(encoding="utf-8")
    assert all(f"packs/{path.name}" in table for path in (folder / "packs").glob("*.toml"))


def _copy_catalog(target: Path) -> Path:
    source = Path(catalog.__wrapped__.__code__.co_filename).parent
    for path in source.rglob("*.toml"):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    return target


def test_every_problem_of_a_catalogue_is_reported_at_once(tmp_path: Path) -> None:
    folder = _copy_catalog(tmp_path)
    canteen = folder / "facility_types" / "senior_canteen.toml"
    text = canteen.read_text(encoding="utf-8")
    text = text.replace('code = "EL06"', 'code = "EL06"\ncolour = "red"')
    text = text.replace("planning_parameters/canteen_reach", "planning_parameters/nowhere")
    text = text.replace('severity = "advise"', 'severity = "block"', 1)
    text = text.replace('unit = "seats"', 'unit = "chairs"')
    text = text.replace('"助餐点"', '"养老院"')
    canteen.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_catalog(folder)
    message = caught.value.message("en")
    for fragment in ("colour", "planning_parameters/nowhere", "chairs", "already means"):
        assert fragment in message
    assert len(caught.value.problems) >= 4


def test_an_unsure_threshold_that_blocks_is_refused(tmp_path: Path) -> None:
    folder = _copy_catalog(tmp_path)
    path = folder / "facility_types" / "senior_canteen.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('"advise"', '"block"'), encoding="utf-8")
    with pytest.raises(InputError, match="advise only"):
        read_catalog(folder)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    folder = _copy_catalog(tmp_path)
    (folder / "units.toml").write_text("m = {", encoding="utf-8")
    with pytest.raises(InputError, match=r"units\.toml"):
        read_catalog(folder)


def test_a_pack_that_cites_nothing_is_refused(tmp_path: Path) -> None:
    source = (data_folder() / "packs" / "harbin.toml").read_text(encoding="utf-8")
    (tmp_path / "harbin.toml").write_text(source.replace('clause = "provision/', 'clause = "other/'), encoding="utf-8")
    with pytest.raises(InputError, match="cites no existing clause"):
        packs(folder=tmp_path)
