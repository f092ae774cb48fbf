#!/bin/sh
# Prints the rules of prometheus/rules as PrometheusRule objects: sh deploy/kubernetes/operator/rules.sh | kubectl apply -f -
# RELEASE is the Helm release whose Prometheus must take them.
set -eu
release=${RELEASE:-kube-prometheus-stack}
cd "$(dirname "$0")/../../../prometheus/rules"
for file in *.yml; do
    name=$(basename "$file" .yml)
    printf -- '---\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: dicom-exporter-%s\n' \
        "$(printf %s "$name" | tr '_' '-')"
    printf '  namespace: monitoring\n  labels:\n    release: %s\nspec:\n' "$release"
    sed 's/^\(.\)/  \1/' "$file"
done
