"""Tests of the wire that open no socket."""
