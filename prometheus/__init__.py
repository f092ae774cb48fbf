"""Rules and examples for Prometheus and Alertmanager; `prometheus.build` writes the rules for other labels."""
