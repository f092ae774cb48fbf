"""Which probes run now, together, within the deadline of a scrape."""
