"""Pages for people: the overview, one page a target, the configuration, the runbooks."""
