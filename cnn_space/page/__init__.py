"""The page: a folder a tab, and ``common`` for what the tabs share."""

from pathlib import Path

PAGE = Path(__file__).parent
# In this order their texts and style sheets are gathered.
FOLDERS = ("common", "classify", "compare", "inception", "check", "finetune", "about", "server")
