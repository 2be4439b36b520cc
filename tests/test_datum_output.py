"""Coordinate systems of the output, held against pyproj with the axis order EPSG states."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import CRS, Transformer

from geo.datum.output import CRS84, OUTPUT_CRS, STORAGE_CRS, output_crs, output_uris
from geo.errors import InputError

PLACES = np.array([[118.05, 36.8], [121.55, 29.87], [112.73, 37.69]])


@pytest.mark.parametrize("epsg", [4490, 4326, 3857, 4527, 4548, 4498, 4509])
def test_coordinates_are_those_of_proj_in_the_order_of_the_authority(epsg: int) -> None:
    crs = output_crs(f"EPSG:{epsg}")
    expected = np.column_stack(Transformer.from_crs("OGC:CRS84", epsg).transform(PLACES[:, 0], PLACES[:, 1]))
    np.testing.assert_allclose(crs.forward(PLACES), expected, atol=1e-6)
    np.testing.assert_allclose(crs.inverse(crs.forward(PLACES)), PLACES, atol=1e-9)


def test_the_axis_order_of_every_system_is_the_one_epsg_states() -> None:
    for crs in OUTPUT_CRS.values():
        if crs.epsg is not None:
            assert (CRS.from_epsg(crs.epsg).axis_info[0].direction == "north") is crs.is_north_first, crs.uri


def test_crs84_is_offered_first_and_changes_nothing() -> None:
    assert output_uris()[0] == CRS84
    assert output_uris()[1] == STORAGE_CRS
    np.testing.assert_array_equal(output_crs(CRS84).forward(PLACES), PLACES)


@pytest.mark.parametrize(
    "text",
    ["EPSG:4490", "[EPSG:4490]", "epsg:4490", "urn:ogc:def:crs:EPSG::4490", "http://www.opengis.net/def/crs/EPSG/0/4490"],
)
def test_a_system_answers_to_all_its_spellings(text: str) -> None:
    assert output_crs(text).uri == STORAGE_CRS


@pytest.mark.parametrize("text", ["", "EPSG:2433", "EPSG:99999", "gcj02", "http://example.com/4490"])
def test_other_systems_are_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        output_crs(text)
    assert "4490" in caught.value.message_zh
