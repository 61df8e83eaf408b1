"""All pages in one table: their paths, and who may see and use them."""

from dataclasses import dataclass

from aiohttp import web

from app.http.access import (
    ADMINS,
    AUTHORS,
    EVERYONE,
    OWNER,
    OWNER_OR_STAFF,
    PUBLIC,
    READERS,
    STAFF,
    STAFF_FOR_OTHERS,
    STUDENTS,
    AccessRule,
    FindTarget,
    Handler,
    guarded,
)
from app.http.app_keys import IDENTITY
from app.http.sessions import PAGES, wants_json
from app.pages import front, oidc, sign_in
from app.pages.advisor import assessments, decisions, item, queue, trace
from app.pages.advisor.addresses import REVIEW
from app.pages.author import credentials, imports, questions, skill_aliases, tracks
from app.pages.author.targets import (
    find_credential,
    find_known_question,
    find_known_track,
    find_question,
    find_track,
)
from app.pages.forms import check_form
from app.pages.insights import gradebook, page
from app.pages.operator import api_keys, audit_log, deliveries, jobs, people, system, webhooks
from app.pages.student import answering, home, outcome, replies
from app.pages.targets import find_assessment
from app.services.caller import Caller


@dataclass(frozen=True)
class PageRoute:
    """A page (GET) or what one of its forms does (POST), and who may use it. `find_target` loads what the path names,
    so that others learn whether it exists only if they may use the page."""

    method: str
    path: str
    handler: Handler
    access: AccessRule
    find_target: FindTarget | None = None


_WEBHOOK = f"{webhooks.WEBHOOKS}/{{subscription_id}}"
_ASSESSMENT = f"{PAGES}/assessments/{{assessment_id}}"
_ITEM = f"{REVIEW}/{{assessment_id}}/{{question_id}}"
_TRACK = f"{tracks.TRACKS}/{{slug}}"
_QUESTION = f"{questions.QUESTIONS}/{{question_id}}"
_CREDENTIAL = f"{credentials.CREDENTIALS}/{{credential_id}}"

ROUTES = (
    PageRoute("GET", "/", front.show_front_page, PUBLIC),
    PageRoute("GET", sign_in.SIGN_IN, sign_in.show_sign_in, PUBLIC),
    PageRoute("POST", sign_in.SIGN_IN, sign_in.sign_in_with_token, PUBLIC),
    PageRoute("POST", f"{sign_in.SIGN_IN}/role", sign_in.sign_in_as, PUBLIC),
    PageRoute("GET", f"{sign_in.SIGN_IN}/oidc", oidc.begin, PUBLIC),
    PageRoute("GET", oidc.CALLBACK, oidc.finish, PUBLIC),
    PageRoute("POST", f"{PAGES}/sign-out", sign_in.sign_out, PUBLIC),
    PageRoute("GET", PAGES, home.show_home, EVERYONE),
    # Students
    PageRoute("POST", f"{PAGES}/assessments", home.start_assessment, STUDENTS),
    PageRoute("GET", f"{PAGES}/my-data.json", home.download_own_data, STUDENTS),
    PageRoute("GET", _ASSESSMENT, answering.show_assessment, OWNER_OR_STAFF, find_assessment),
    PageRoute("POST", f"{_ASSESSMENT}/responses", answering.save_responses, OWNER, find_assessment),
    PageRoute("GET", f"{_ASSESSMENT}/review", answering.show_review, OWNER, find_assessment),
    PageRoute("POST", f"{_ASSESSMENT}/submit", answering.submit_assessment, OWNER, find_assessment),
    PageRoute("GET", f"{_ASSESSMENT}/events", outcome.stream_events, OWNER_OR_STAFF, find_assessment),
    PageRoute("GET", f"{_ASSESSMENT}/result.json", outcome.download_result, OWNER_OR_STAFF, find_assessment),
    PageRoute("POST", f"{_ASSESSMENT}/feedback", replies.rate, OWNER, find_assessment),
    PageRoute(
        "POST", f"{_ASSESSMENT}/questions/{{question_id}}/appeal", replies.make_appeal, OWNER, replies.find_question
    ),
    # Authors
    PageRoute("GET", tracks.TRACKS, tracks.list_tracks, AUTHORS),
    PageRoute("GET", tracks.NEW_TRACK_PATH, tracks.show_new_track, AUTHORS),
    PageRoute("POST", tracks.NEW_TRACK_PATH, tracks.create_track, AUTHORS),
    PageRoute("GET", _TRACK, tracks.show_track, AUTHORS, find_track),
    PageRoute("POST", _TRACK, tracks.save_track, AUTHORS, find_track),
    PageRoute("POST", f"{_TRACK}/retire", tracks.retire_track, AUTHORS, find_track),
    PageRoute("POST", f"{_TRACK}/restore", tracks.restore_track, AUTHORS, find_known_track),
    PageRoute("GET", questions.QUESTIONS, questions.list_questions, AUTHORS),
    PageRoute("GET", f"{questions.QUESTIONS}/new", questions.show_new_question, AUTHORS),
    PageRoute("POST", f"{questions.QUESTIONS}/new", questions.create_question, AUTHORS),
    PageRoute("GET", _QUESTION, questions.show_question, AUTHORS, find_question),
    PageRoute("POST", _QUESTION, questions.save_question, AUTHORS, find_question),
    PageRoute("GET", f"{_QUESTION}/versions", questions.show_versions, AUTHORS, find_known_question),
    PageRoute("POST", f"{_QUESTION}/retire", questions.retire_question, AUTHORS, find_question),
    PageRoute("POST", f"{_QUESTION}/restore", questions.restore_question, AUTHORS, find_known_question),
    PageRoute("GET", credentials.CREDENTIALS, credentials.list_credentials, AUTHORS),
    PageRoute("GET", f"{credentials.CREDENTIALS}.csv", credentials.download_credentials, AUTHORS),
    PageRoute("GET", f"{credentials.CREDENTIALS}/new", credentials.show_new_credential, AUTHORS),
    PageRoute("POST", f"{credentials.CREDENTIALS}/new", credentials.create_credential, AUTHORS),
    PageRoute("GET", f"{credentials.CREDENTIALS}/import", imports.show_import, AUTHORS),
    PageRoute("POST", f"{credentials.CREDENTIALS}/import", imports.import_file, AUTHORS),
    PageRoute("GET", _CREDENTIAL, credentials.show_credential, AUTHORS, find_credential),
    PageRoute("POST", _CREDENTIAL, credentials.save_credential, AUTHORS, find_credential),
    PageRoute("POST", f"{_CREDENTIAL}/retire", credentials.retire_credential, AUTHORS, find_credential),
    PageRoute("GET", skill_aliases.SKILL_ALIASES, skill_aliases.show_aliases, AUTHORS),
    PageRoute("POST", skill_aliases.SKILL_ALIASES, skill_aliases.replace_aliases, AUTHORS),
    PageRoute("GET", f"{skill_aliases.SKILL_ALIASES}.csv", skill_aliases.download_aliases, AUTHORS),
    # Figures
    PageRoute("GET", page.INSIGHTS, page.show_insights, READERS),
    PageRoute("GET", f"{page.INSIGHTS}/figures.csv", page.download_figures, READERS),
    PageRoute("GET", gradebook.GRADEBOOK, gradebook.show_gradebook, STAFF),
    PageRoute("GET", f"{gradebook.GRADEBOOK}/download", gradebook.download_gradebook, STAFF),
    # Operators
    PageRoute("GET", system.SYSTEM, system.show_system, ADMINS),
    PageRoute("GET", jobs.JOBS, jobs.show_jobs, ADMINS),
    PageRoute("GET", f"{jobs.JOBS}/retry", jobs.show_retry, ADMINS),
    PageRoute("POST", f"{jobs.JOBS}/retry", jobs.retry_jobs, ADMINS),
    PageRoute("GET", f"{jobs.JOBS}/{{job_id}}", jobs.show_job, ADMINS, jobs.find_job),
    PageRoute("POST", f"{jobs.JOBS}/{{job_id}}/retry", jobs.retry_job, ADMINS, jobs.find_job),
    PageRoute("GET", webhooks.WEBHOOKS, webhooks.show_webhooks, ADMINS),
    PageRoute("POST", webhooks.WEBHOOKS, webhooks.create_webhook, ADMINS),
    PageRoute("GET", f"{webhooks.WEBHOOKS}/new", webhooks.show_new_webhook, ADMINS),
    PageRoute("GET", deliveries.DELIVERIES, deliveries.show_deliveries, ADMINS),
    PageRoute(
        "GET", f"{deliveries.DELIVERIES}/{{delivery_id}}", deliveries.show_delivery, ADMINS, deliveries.find_delivery
    ),
    PageRoute(
        "POST",
        f"{deliveries.DELIVERIES}/{{delivery_id}}/redeliver",
        deliveries.redeliver,
        ADMINS,
        deliveries.find_delivery,
    ),
    PageRoute("GET", _WEBHOOK, webhooks.show_webhook, ADMINS, webhooks.find_webhook),
    PageRoute("POST", _WEBHOOK, webhooks.change_webhook, ADMINS, webhooks.find_webhook),
    PageRoute("POST", f"{_WEBHOOK}/delete", webhooks.delete_webhook, ADMINS, webhooks.find_webhook),
    PageRoute("GET", api_keys.KEYS, api_keys.show_keys, ADMINS),
    PageRoute("POST", api_keys.KEYS, api_keys.create_key, ADMINS),
    PageRoute("GET", f"{api_keys.KEYS}/{{key_id}}", api_keys.show_key, ADMINS, api_keys.find_key),
    PageRoute("POST", f"{api_keys.KEYS}/{{key_id}}/rotate", api_keys.rotate_key, ADMINS, api_keys.find_key),
    PageRoute("POST", f"{api_keys.KEYS}/{{key_id}}/revoke", api_keys.revoke_key, ADMINS, api_keys.find_key),
    PageRoute("GET", people.PEOPLE, people.show_people, ADMINS),
    PageRoute("POST", f"{people.PEOPLE}/export", people.export, ADMINS),
    PageRoute("GET", f"{people.PEOPLE}/erase", people.show_erase, ADMINS),
    PageRoute("POST", f"{people.PEOPLE}/erase", people.erase, ADMINS),
    PageRoute("GET", f"{people.PEOPLE}/erasures/{{erasure_id}}", people.show_erasure, ADMINS, people.find_erasure),
    PageRoute("GET", audit_log.AUDIT, audit_log.show_audit_log, ADMINS),
    PageRoute("POST", f"{audit_log.AUDIT}/download", audit_log.download, ADMINS),
    # Advisors
    PageRoute("GET", REVIEW, queue.show_queue, STAFF),
    PageRoute("GET", f"{REVIEW}/queue.csv", queue.export_queue, STAFF),
    PageRoute("GET", f"{REVIEW}/next", queue.open_next, STAFF),
    PageRoute("GET", f"{REVIEW}/previous", queue.open_previous, STAFF),
    PageRoute("GET", _ITEM, item.show_item, STAFF_FOR_OTHERS, item.find_question),
    PageRoute("POST", f"{_ITEM}/agree", decisions.agree, STAFF_FOR_OTHERS, item.find_question),
    PageRoute("POST", f"{_ITEM}/points", decisions.set_points, STAFF_FOR_OTHERS, item.find_question),
    PageRoute("POST", f"{_ITEM}/appeal", decisions.answer_appeal, STAFF_FOR_OTHERS, item.find_question),
    PageRoute("POST", f"{_ITEM}/skip", decisions.skip, STAFF_FOR_OTHERS, item.find_question),
    PageRoute("POST", f"{_ITEM}/release", decisions.release, STAFF_FOR_OTHERS, item.find_question),
    PageRoute("GET", f"{PAGES}/assessments", assessments.list_assessments, STAFF),
    PageRoute("POST", f"{_ASSESSMENT}/rescore", assessments.rescore_assessment, STAFF_FOR_OTHERS, find_assessment),
    PageRoute("GET", f"{_ASSESSMENT}/trace", trace.show_trace, STAFF, find_assessment),
)


def page_handler(route: PageRoute) -> Handler:
    """The route's handler behind its rule. Who is not signed in gets the page to sign in; forms are checked to come
    from a page of the same session."""
    handler = _with_checked_form(route.handler) if route.method == "POST" else route.handler
    admitted = guarded(handler, route.access, route.find_target)
    if route.access.public:
        return admitted

    async def handle(request: web.Request) -> web.StreamResponse:
        if not isinstance(request[IDENTITY], Caller) and not wants_json(request):
            return await sign_in.ask_to_sign_in(request)
        return await admitted(request)

    return handle


def _with_checked_form(handler: Handler) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        await check_form(request)
        return await handler(request)

    return handle
