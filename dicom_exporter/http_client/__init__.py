"""HTTP requests to a peer that is not trusted: every length, count and wait has a bound."""
