"""The routes of the API, one module for each area; `app/web/routes.py` puts them together."""
