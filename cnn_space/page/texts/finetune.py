"""Words of the tab."""

EN: dict[str, str] = {}

KO: dict[str, str] = {}
