"""Checks: one file for each family. `names`, `attributes` and `flow` read the tree alone; `graph`
and `building` read what a run recorded."""
