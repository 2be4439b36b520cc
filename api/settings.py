"""Settings of the server, by concern. Limits can be given as environment variables ``FANGYU_…``; who may ask cannot."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from geo.account.lockout import LockRule
from geo.account.profile import password_profile
from geo.services.attachment import DEFAULT_ENDINGS, KNOWN_ENDINGS
from geo.services.login import LoginRules
from geo.store.attachments import AttachmentShelf, attachment_folder

WEB_BUILD: Final = Path(__file__).resolve().parents[1] / "web" / "dist"
"""Where `scripts/web_build.py` puts the web map."""


class StoreSettings(BaseModel):
    """Where the data are, and the map that shows them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    store: str = Field(description="数据存储：.gpkg 文件或 postgresql+psycopg:// 地址 · the store")
    cache: Path = Field(description="缓存文件夹 · folder of compiled networks and rendered reports")
    web: Path = Field(default=WEB_BUILD, description="网页地图的构建 · folder of the built web map")

    @property
    def exports(self) -> Path:
        """Where exports that cannot be streamed are made."""
        return self.cache / "exports"


class AccessSettings(BaseModel):
    """Who may ask."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    is_loopback: bool = Field(default=True, description="只在本机地址监听 · listens on a loopback address only")
    is_proxied: bool = Field(default=False, description="由代理加密并转发 · a declared proxy speaks TLS for the server")
    demo: bool = Field(default=False, description="演示模式：一键选择角色 · demo mode with one-click roles")


class LimitSettings(BaseSettings):
    """How much may be asked at once."""

    model_config = SettingsConfigDict(env_prefix="FANGYU_", extra="ignore", frozen=True)

    deadline_s: float = Field(default=30.0, gt=0, description="单个请求的时限（秒） · seconds a request may take")
    concurrent: int = Field(default=32, ge=1, description="同时处理的请求数 · requests at work at the same time")
    waiting: int = Field(default=128, ge=0, description="排队等待的请求数 · requests that may wait for their turn")
    upload_mb: int = Field(default=512, ge=1, description="上传文件的上限（MB） · largest upload, megabytes")
    tile_cache_mb: int = Field(default=96, ge=0, description="瓦片缓存（MiB） · memory for tiles that are kept")
    export_s: float = Field(default=900.0, gt=0, description="一次导出的时限（秒） · seconds an export may take")
    exports: int = Field(default=4, ge=1, description="同时进行的导出数 · exports at work at the same time")
    idempotency_h: float = Field(
        default=24.0, ge=1, le=720, description="重发请求的应答保留（小时） · hours answers to keyed requests are kept"
    )
    page_items: int = Field(default=10_000, ge=1, description="一页最多要素数 · most features a page may hold")

    @property
    def idempotency(self) -> timedelta:
        """How long answers to requests with a key are kept."""
        return timedelta(hours=self.idempotency_h)


class AccountSettings(BaseSettings):
    """What a bureau decides about accounts."""

    model_config = SettingsConfigDict(env_prefix="FANGYU_", extra="ignore", frozen=True)

    password_profile: Literal["mlps3", "asvs"] = Field(
        default="mlps3", description="口令策略：等保三级或 ASVS · what is asked of passwords"
    )
    idle_min: float = Field(
        default=30.0, ge=1, le=240, description="无操作退出（分钟） · minutes until an idle session ends"
    )
    session_h: float = Field(
        default=10.0, ge=0.5, le=24, description="会话最长（小时） · hours a session lasts at most"
    )
    sessions: int = Field(default=5, ge=1, le=50, description="每账户同时会话数 · sessions of one account at once")
    lock_failures: int = Field(default=5, ge=3, le=20, description="连续失败几次后锁定 · failures in a row that lock")
    lock_min: float = Field(default=15.0, ge=1, description="首次锁定（分钟） · minutes of the first lock")
    key_file: Path | None = Field(
        default=None, description="第二因素密钥文件，默认在数据存储旁 · key of second factors, beside the store"
    )

    def key_path(self, store: StoreSettings) -> Path:
        """Return where the key of second factors lies.

        Parameters
        ----------
        store : StoreSettings
            The store.

        Returns
        -------
        pathlib.Path
            Beside an embedded store, in the cache folder of a database.
        """
        if self.key_file is not None:
            return self.key_file
        return store.cache / "fangyu.key" if "://" in store.store else Path(store.store).with_suffix(".key")

    def rules(self) -> LoginRules:
        """Return what the services take.

        Returns
        -------
        LoginRules
            The rules.
        """
        return LoginRules(
            password_profile(self.password_profile),
            LockRule(self.lock_failures, self.lock_min),
            timedelta(minutes=self.idle_min),
            timedelta(hours=self.session_h),
            self.sessions,
        )


class AttachmentSettings(BaseSettings):
    """What may be attached to cases, and where it lies."""

    model_config = SettingsConfigDict(env_prefix="FANGYU_", extra="ignore", frozen=True)

    attachments: Path | None = Field(
        default=None,
        description="PostGIS 存储的附件文件夹，默认在缓存文件夹旁 · folder of attachments of a database",
    )
    attachment_mb: int = Field(
        default=50, ge=1, le=2048, description="单个附件上限（MB） · largest attachment, megabytes"
    )
    attachment_types: str = Field(
        default=" ".join(DEFAULT_ENDINGS), description="可附文件的扩展名 · endings of files that may be attached"
    )

    @field_validator("attachment_types")
    @classmethod
    def _known(cls, value: str) -> str:
        """Refuse endings whose content nobody could check."""
        given = value.lower().split()
        if not given or set(given) - set(KNOWN_ENDINGS):
            raise ValueError(f"可用扩展名 · allowed endings: {' '.join(KNOWN_ENDINGS)}")
        return " ".join(given)

    @property
    def endings(self) -> tuple[str, ...]:
        """Endings of files that may be attached."""
        return tuple(self.attachment_types.split())

    def shelf(self, store: StoreSettings, store_id: str) -> AttachmentShelf:
        """Return where the attachments of a store lie.

        Parameters
        ----------
        store : StoreSettings
            The store.
        store_id : str
            Its id, so that the databases of one server never share a folder.

        Returns
        -------
        AttachmentShelf
            Beside an embedded store; for a database in the folder of the settings, never within the cache, which
            somebody may empty.
        """
        folder = self.attachments or store.cache.with_name(f"{store.cache.name}-attachments")
        return AttachmentShelf(attachment_folder(store.store, folder / store_id), self.attachment_mb * 2**20)


class Settings(BaseModel):
    """Everything the application needs to know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    store: StoreSettings
    access: AccessSettings = Field(default_factory=AccessSettings)
    limits: LimitSettings = Field(default_factory=LimitSettings)
    accounts: AccountSettings = Field(default_factory=AccountSettings)
    attachments: AttachmentSettings = Field(default_factory=AttachmentSettings)


def settings_for(
    store: str,
    cache: Path,
    *,
    is_loopback: bool = True,
    demo: bool = False,
    is_proxied: bool = False,
    web: Path = WEB_BUILD,
) -> Settings:
    """Return settings for one store; limits come from the environment.

    Parameters
    ----------
    store : str
        A ``.gpkg`` path or a PostgreSQL URL.
    cache : pathlib.Path
        Folder for compiled networks and rendered reports.
    is_loopback : bool
        Whether the server listens on a loopback address only.
    demo : bool
        Whether roles can be chosen with one click.
    is_proxied : bool
        Whether a declared proxy speaks TLS for it.
    web : pathlib.Path
        Folder of the built web map; there may be none.

    Returns
    -------
    Settings
        The settings.
    """
    return Settings(
        store=StoreSettings(store=store, cache=cache, web=web),
        access=AccessSettings(is_loopback=is_loopback, demo=demo, is_proxied=is_proxied),
    )
