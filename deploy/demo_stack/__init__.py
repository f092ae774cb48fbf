"""`make demo-stack`: the demo's archives and exporter, Prometheus, Alertmanager, and a terminal that shows the pages.

It uses the rules and the routes that are shipped, only faster: nobody waits minutes for a demonstration. The package
does not know of this, and is not needed for it to be changed.
"""
