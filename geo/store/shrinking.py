"""Which tables may lose rows, and why; a record of fact is ended, closed or withdrawn, and stays.

A test walks the code for whatever deletes and holds it against this list, both ways: nothing else is deleted, and no
entry stands here that nothing needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from geo.catalog.map_layer import legal_tables
from geo.store.layer import DERIVED_LAYERS

_COUNTED: Final = (
    "分析的统计结果，由事实数据重新算出，按类型保留最新的",
    "what a run counted is counted again from its facts; the newest of each type stands on the map",
)
_DRAWN: Final = (
    "仅限其他程序画入法定图层的行：从地图上撤下，全文保存在 outside_holds",
    "only rows that another program drew into a legal layer: taken off the map and kept whole in outside_holds",
)
_RUN: Final = (
    "同一数据上的同一问题重算一次，取代原来的自己",
    "a run asked again, the same question on the same data, takes the place of itself",
)

SHRINKING: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "past_passwords": (
            "不再用于核对的旧口令散列，少留为好",
            "hashes of passwords that nobody will be held against any more",
        ),
        "login_attempts": (
            "登录失败计数，登录成功或锁定期满即清零；每次失败另有审计",
            "failed attempts count until somebody gets in or the lock has passed; each is in the audit",
        ),
        "idempotency_keys": (
            "重发请求的应答，默认保留一天",
            "answers for whoever sends a request again, kept for a day by default",
        ),
        "audit_log": (
            "已封存且超过法定期限的月份，由 fangyu audit purge 清除，触发器把关",
            "entries of sealed months older than the law asks, by fangyu audit purge; the triggers see to it",
        ),
        "analysis_runs": _RUN,
        "analysis_results": _RUN,
        **dict.fromkeys(DERIVED_LAYERS, _COUNTED),
        **dict.fromkeys(legal_tables(), _DRAWN),
    }
)
"""Reason in Chinese and in English, by table."""
