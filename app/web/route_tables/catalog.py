"""Routes of tracks, questions and credentials."""

from app import schemas
from app.domain.assessment.questions import EssayQuestion, ProfileQuestion, TheoreticalQuestion
from app.domain.assessment.tracks import TrackBody
from app.domain.recommendation.credentials import CredentialBody
from app.http.access import AUTHORS, EVERYONE, READERS
from app.schemas import requests
from app.web.handlers import credentials, questions, tracks
from app.web.route import PAGE, Route

_QUESTION = TheoreticalQuestion | ProfileQuestion | EssayQuestion

CATALOG_ROUTES = (
    Route("GET", "/tracks", tracks.list_tracks, EVERYONE, {200: schemas.TrackPage}, query=PAGE),
    Route(
        "POST", "/tracks", tracks.create_track, AUTHORS, {201: schemas.TrackView},
        TrackBody, keyed=True, problems=(409,),
    ),
    Route("GET", "/tracks/{slug}", tracks.show_track, EVERYONE, {200: schemas.TrackView}),
    Route(
        "PATCH", "/tracks/{slug}", tracks.patch_track, AUTHORS, {200: schemas.TrackView},
        TrackBody, patch=True, problems=(409,),
    ),
    Route("DELETE", "/tracks/{slug}", tracks.delete_track, AUTHORS, {204: None}),
    Route(
        "POST", "/tracks/{slug}/restore", tracks.restore_track, AUTHORS, {200: schemas.TrackView},
        requests.RestoreBody, body_required=False, problems=(409,),
    ),
    Route("GET", "/questions", questions.list_questions, READERS, {200: schemas.QuestionPage}, query=("track", *PAGE)),
    Route(
        "POST", "/questions", questions.create_question, AUTHORS, {201: schemas.QuestionView},
        requests.NewQuestion, keyed=True,
    ),
    Route("GET", "/questions/{question_id}", questions.show_question, READERS, {200: schemas.QuestionView}),
    Route(
        "PATCH", "/questions/{question_id}", questions.patch_question, AUTHORS, {200: schemas.QuestionView},
        _QUESTION, patch=True,
    ),
    Route("DELETE", "/questions/{question_id}", questions.delete_question, AUTHORS, {204: None}),
    Route(
        "POST", "/questions/{question_id}/restore", questions.restore_question, AUTHORS, {200: schemas.QuestionView},
        requests.RestoreBody, body_required=False, problems=(409,),
    ),
    Route(
        "GET", "/credentials", credentials.list_credentials, EVERYONE, {200: schemas.CredentialPage},
        query=("external_id", *PAGE),
    ),
    Route(
        "POST", "/credentials", credentials.create_credential, AUTHORS, {201: schemas.CredentialView},
        CredentialBody, keyed=True, problems=(409,),
    ),
    Route(
        "GET", "/credentials/{credential_id}", credentials.show_credential, EVERYONE, {200: schemas.CredentialView},
        query=("version",),
    ),
    Route(
        "PATCH", "/credentials/{credential_id}", credentials.patch_credential, AUTHORS, {200: schemas.CredentialView},
        CredentialBody, patch=True, problems=(409,),
    ),
    Route("DELETE", "/credentials/{credential_id}", credentials.delete_credential, AUTHORS, {204: None}),
)  # fmt: skip
