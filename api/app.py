"""The HTTP application: everything Fangyu knows of one store, each route under a policy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from api import errors
from api.auth.keeper import AccountKeeper
from api.basemap import BASEMAP_PATH, BasemapRoute
from api.download import Exports, sweep
from api.error_page import error_page
from api.guard import GuardedRoute, check_guarded
from api.heads import HeadKeeper
from api.jobs.handlers import HANDLERS
from api.jobs.runner import JobRunner
from api.middleware import AccessLog, Gate, HeadAsGet, ProxyOnly
from api.ogc import collections, export, items, landing, tilesets
from api.ogc.counts import CountCache
from api.once import answer_again
from api.outside import OutsideKeeper
from api.routes import (
    accounts,
    audit,
    cases,
    definitions,
    demo,
    docs,
    facilities,
    imports,
    jobs,
    notifications,
    outside_edits,
    pages,
    report,
    runs,
    scenarios,
    session,
    walks,
    webmap,
)
from api.server import refuse_accounts, refuse_open_demo
from api.settings import Settings
from api.tiles.cache import TileCache
from api.tiles.route import TILE_PATH, TileRoute
from api.webmap import WebMap
from geo.services.account import has_accounts
from geo.services.case_clock import refresh_clocks
from geo.services.demo import is_synthetic
from geo.services.network import NetworkShelf
from geo.services.opening import open_checked
from geo.services.scenario import ScenarioDesk
from geo.store.refusals import RefusalLog
from geo.workflow.registry import standard_kit

LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "::1", "[::1]")


def create_app(settings: Settings) -> FastAPI:
    """Build the application for one store.

    Parameters
    ----------
    settings : Settings
        Store, access and limits.

    Returns
    -------
    fastapi.FastAPI
        The application; it opens the store when it starts and closes it when it ends.

    Raises
    ------
    ConflictError
        Demo mode is asked for on an address other machines can reach.
    InputError
        A workflow or the table of holidays is wrong.
    RuntimeError
        A route has no policy.
    """
    refuse_open_demo(demo=settings.access.demo, is_loopback=settings.access.is_loopback)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        store = open_checked(settings.store.store, actor="serve")
        app.state.store = store
        try:
            with store.session(write=False) as session:
                refuse_accounts(has_accounts=has_accounts(session), demo=settings.access.demo, is_private=True)
                app.state.is_synthetic = is_synthetic(session)
        except BaseException:
            store.close()
            raise
        refresh_clocks(store, app.state.kit.calendar)
        app.state.watch = store.watch()
        app.state.attachments = settings.attachments.shelf(settings.store, store.store_id)
        keeper = app.state.keeper = AccountKeeper(store, app.state.watch, settings.accounts.rules())
        app.state.streams = 0
        sweep(settings.store.exports, 2 * settings.limits.export_s)
        app.state.networks = NetworkShelf(settings.store.cache)
        app.state.scenarios = ScenarioDesk(app.state.networks)
        # What ends here is what began here, also where one application is started twice.
        runner = app.state.runner = JobRunner(store, settings.store.cache, HANDLERS)
        runner.start()
        refusals = app.state.refusals = RefusalLog(store)
        heads = HeadKeeper(store, settings.store.cache)
        heads.start()
        outside = OutsideKeeper(store, app.state.watch)
        outside.start()
        try:
            yield
        finally:
            runner.stop()
            keeper.close()
            heads.stop()
            outside.stop()
            refusals.close()
            store.close()

    app = FastAPI(
        title="方舆 Fangyu", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan,
        redirect_slashes=False, telemetry={"tracing": False, "metrics": False, "logs": False},
    )  # fmt: skip
    app.state.settings = settings
    app.state.error_page = error_page
    app.state.is_synthetic = False
    # Read here, so that a server with a wrong table does not start.
    app.state.kit = standard_kit()
    app.state.counts = CountCache()
    app.state.web_map = WebMap(settings.store.web)
    app.state.exports = Exports(settings.limits.exports)
    errors.register(app)
    answer_again(app)
    # First, because most requests are for tiles.
    tiles = TileRoute(TileCache(settings.limits.tile_cache_mb * 2**20))
    app.router.routes.insert(0, GuardedRoute(TILE_PATH, tiles, policy="layers.read"))
    people = (session, accounts, audit, pages, demo, webmap, cases, notifications)
    records = (facilities, imports, outside_edits)
    resources = (report, *people, runs, jobs, *records, scenarios, walks, definitions, docs)
    for module in (*resources, landing, collections, items, export, tilesets):
        # Not through include_router, which wraps them: what cannot be looked at cannot be checked for its policy.
        app.router.routes.extend(module.router.routes)
    app.router.routes.append(GuardedRoute(BASEMAP_PATH, BasemapRoute(), policy="public", methods=("GET", "HEAD")))
    # The last one added is the outermost.
    app.add_middleware(HeadAsGet, knows_head=(BASEMAP_PATH,))
    app.add_middleware(Gate, concurrent=settings.limits.concurrent, waiting=settings.limits.waiting)
    if settings.access.is_loopback and not settings.access.is_proxied:
        # A page on another site must not read a local server by pointing its own name at 127.0.0.1.
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK_NAMES, "testserver"])
    if settings.access.is_proxied:
        app.add_middleware(ProxyOnly)
    app.add_middleware(AccessLog)
    check_guarded(app)
    return app
