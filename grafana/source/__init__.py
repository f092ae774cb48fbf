"""What the dashboards are made of; one file per dashboard, and what they share."""
