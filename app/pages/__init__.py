"""HTML pages for people in a browser, over the same services as the JSON API."""
