"""About: where everything on the page comes from, at its foot."""
