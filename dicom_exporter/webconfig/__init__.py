"""`--web.config.file`: TLS, passwords, headers and a rate limit for the exporter's own server, in the format of
Prometheus' exporter-toolkit.

    yamlfile ─> load ──> live ─┬─> middleware ─> passwords, rate     headers, rate limit, passwords
                 │             └─> site ─> handshake ─> sans         TLS, as the file says when a client connects
            model, values, tls     yamlfile.snapshot

    live = LiveConfig("web.yml")                    # raises ConfigErrors, one line for each error
    protect(app, live)
    await Site(runner, listening_socket, live).start()
"""
